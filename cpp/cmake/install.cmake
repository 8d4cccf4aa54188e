# What programs find: the headers, liblamina, and the files for find_package(lamina) and for pkg-config, which all
# say where things are relative to themselves.
include(CMakePackageConfigHelpers)

set(_cmake_folder "${LAMINA_INSTALL_LIB}/cmake/lamina")
set(_pkgconfig_folder "${LAMINA_INSTALL_LIB}/pkgconfig")

set(_libraries lamina)
if(TARGET lamina_static)
  list(APPEND _libraries lamina_static)
endif()
install(TARGETS ${_libraries} EXPORT lamina
  LIBRARY DESTINATION "${LAMINA_INSTALL_LIB}" COMPONENT "${LAMINA_COMPONENT}"
  ARCHIVE DESTINATION "${LAMINA_INSTALL_LIB}" COMPONENT "${LAMINA_COMPONENT}"
  RUNTIME DESTINATION "${LAMINA_INSTALL_BIN}" COMPONENT "${LAMINA_COMPONENT}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cpp/include/lamina" DESTINATION "${LAMINA_INSTALL_INCLUDE}"
  COMPONENT "${LAMINA_COMPONENT}" FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

install(EXPORT lamina NAMESPACE lamina:: FILE lamina-targets.cmake DESTINATION "${_cmake_folder}"
  COMPONENT "${LAMINA_COMPONENT}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cpp/cmake/lamina-config.cmake.in"
  "${CMAKE_CURRENT_BINARY_DIR}/lamina-config.cmake" INSTALL_DESTINATION "${_cmake_folder}"
  NO_SET_AND_CHECK_MACRO)
# The interface only grows: whoever asks for an older version is served by this one.
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/lamina-config-version.cmake"
  COMPATIBILITY AnyNewerVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/lamina-config.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/lamina-config-version.cmake"
  DESTINATION "${_cmake_folder}" COMPONENT "${LAMINA_COMPONENT}")

# Relative to the folder of lamina.pc, so that the tree can be moved.
set(LAMINA_PC_PREFIX "\${pcfiledir}/../..")
set(LAMINA_PC_LIB "\${prefix}/lib")
set(LAMINA_PC_INCLUDE "\${prefix}/include")
if(NOT LAMINA_BUILD_PYTHON)
  file(RELATIVE_PATH _up "/prefix/${_pkgconfig_folder}" "/prefix")
  string(REGEX REPLACE "/$" "" _up "${_up}")
  set(LAMINA_PC_PREFIX "\${pcfiledir}/${_up}")
  set(LAMINA_PC_LIB "\${prefix}/${LAMINA_INSTALL_LIB}")
  set(LAMINA_PC_INCLUDE "\${prefix}/${LAMINA_INSTALL_INCLUDE}")
endif()
# A wheel's folder is none that the system looks for libraries in.
set(LAMINA_PC_RPATH "")
if(LAMINA_BUILD_PYTHON AND NOT WIN32)
  set(LAMINA_PC_RPATH " -Wl,-rpath,\${libdir}")
endif()
# What a C compiler does not link by itself.
set(LAMINA_PC_RUNTIME "")
foreach(_runtime IN ITEMS stdc++ c++ m)
  if(_runtime IN_LIST CMAKE_CXX_IMPLICIT_LINK_LIBRARIES)
    string(APPEND LAMINA_PC_RUNTIME "-l${_runtime} ")
  endif()
endforeach()
configure_file("${PROJECT_SOURCE_DIR}/cpp/cmake/lamina.pc.in" "${CMAKE_CURRENT_BINARY_DIR}/lamina.pc" @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/lamina.pc" DESTINATION "${_pkgconfig_folder}"
  COMPONENT "${LAMINA_COMPONENT}")
