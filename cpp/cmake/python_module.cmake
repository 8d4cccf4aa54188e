# The Python module lamina._core: the bindings alone, linked with liblamina, which lies in the package's lib folder.

set(PYBIND11_FINDPYTHON ON)
find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
# Found at once under scikit-build-core; a plain CMake build asks the Python package.
find_package(pybind11 3.1 CONFIG QUIET)
if(NOT pybind11_FOUND)
  execute_process(COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir
    OUTPUT_VARIABLE pybind11_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  find_package(pybind11 3.1 CONFIG REQUIRED)
endif()

# Objects of their own: liblamina is linked after them, since it exports what they call, and the module after it.
file(GLOB _binding_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/python/bindings/*.cpp")
add_library(lamina_bindings OBJECT ${_binding_sources})
target_include_directories(lamina_bindings PRIVATE "${PROJECT_SOURCE_DIR}/cpp/src")
target_link_libraries(lamina_bindings PRIVATE pybind11::headers pybind11::module Threads::Threads)
lamina_numeric_options(lamina_bindings)
lamina_warnings(lamina_bindings)
lamina_join_sources(lamina_bindings)
if(LAMINA_ONE_OFF_BUILD AND NOT MSVC)
  # A third less in the wheel; what short calls run through stays as it is, in files of their own.
  target_compile_options(lamina_bindings PRIVATE -Os)
  foreach(_name array_view bind_calls bind_passes bind_predictor)
    set_property(SOURCE "${PROJECT_SOURCE_DIR}/python/bindings/${_name}.cpp" APPEND PROPERTY COMPILE_OPTIONS -O2)
  endforeach()
endif()
lamina_separate_sections(lamina_bindings)

pybind11_add_module(_core MODULE NO_EXTRAS $<TARGET_OBJECTS:lamina_bindings>)
target_link_libraries(_core PRIVATE lamina)
lamina_drop_unused_sections(_core)
set_target_properties(_core PROPERTIES LINKER_LANGUAGE CXX)

set(_symbols "${CMAKE_CURRENT_BINARY_DIR}/exported_symbols.txt")
add_custom_command(OUTPUT "${_symbols}"
  COMMAND "${CMAKE_COMMAND}" "-DNM=${CMAKE_NM}" "-DOUTPUT=${_symbols}" "-DVERSION=${PROJECT_VERSION}"
    "-DFORMAT=$<IF:$<PLATFORM_ID:Darwin>,list,map>" "-DCALLERS=$<TARGET_OBJECTS:lamina_bindings>"
    "-DLIBRARIES=$<TARGET_FILE:lamina_core>;$<TARGET_FILE:lamina_kernels>"
    -P "${PROJECT_SOURCE_DIR}/cpp/cmake/export_symbols.cmake"
  DEPENDS $<TARGET_OBJECTS:lamina_bindings> lamina_core lamina_kernels
    "${PROJECT_SOURCE_DIR}/cpp/cmake/export_symbols.cmake"
  COMMENT "Listing what liblamina exports" VERBATIM)
lamina_export(lamina "${_symbols}")

if(APPLE)
  set_target_properties(_core PROPERTIES INSTALL_RPATH "@loader_path/lib")
elseif(NOT WIN32)
  # RPATH and not RUNPATH: the library of the same wheel comes before any that LD_LIBRARY_PATH names.
  set_target_properties(_core PROPERTIES INSTALL_RPATH "$ORIGIN/lib")
  target_link_options(_core PRIVATE LINKER:--disable-new-dtags)
endif()
install(TARGETS _core LIBRARY DESTINATION lamina COMPONENT "${LAMINA_COMPONENT}")
