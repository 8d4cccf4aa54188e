# The library that programs link: liblamina, which exports what cpp/include/lamina/lamina.h declares. Where the
# Python module is built it also exports, for that alone, the C++ functions that the bindings call.
include(CheckLinkerFlag)

function(lamina_public_library target type)
  add_library(${target} ${type} $<TARGET_OBJECTS:lamina_c_api> $<TARGET_OBJECTS:lamina_core>
    $<TARGET_OBJECTS:lamina_kernels> ${LAMINA_KERNEL_OBJECTS})
  add_library(lamina::${target} ALIAS ${target})
  target_include_directories(${target} INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/cpp/include>" "$<INSTALL_INTERFACE:${LAMINA_INSTALL_INCLUDE}>")
  target_link_libraries(${target} PRIVATE Threads::Threads)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  lamina_whole_program(${target})
endfunction()

# Makes the linker export the symbols of a list, and call all others of the library without going through a table.
function(lamina_export target symbols)
  target_sources(${target} PRIVATE "${symbols}")
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${symbols}")
  if(APPLE)
    target_link_options(${target} PRIVATE "LINKER:-exported_symbols_list,${symbols}")
  elseif(NOT WIN32)
    target_link_options(${target} PRIVATE "LINKER:--version-script=${symbols}" LINKER:-O1)
    # What Zig's front of the linker refuses makes the library smaller and its own calls direct.
    foreach(_option IN ITEMS -Bsymbolic-functions -z,noseparate-code)
      string(MAKE_C_IDENTIFIER "LAMINA_LINKER_TAKES${_option}" _taken)
      check_linker_flag(CXX "LINKER:${_option}" ${_taken})
      if(${_taken})
        target_link_options(${target} PRIVATE "LINKER:${_option}")
      endif()
    endforeach()
    if(NOT LAMINA_SANITIZE)
      target_link_options(${target} PRIVATE LINKER:--no-undefined)
    endif()
  endif()
endfunction()

lamina_public_library(lamina SHARED)
lamina_drop_unused_sections(lamina)
if(LAMINA_SMALL)
  # Its tables of functions need 2,000 addresses: 2 kB of them packed, 50 not. glibc reads them since 2.36.
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LINK_OPTIONS "LINKER:-z,pack-relative-relocs")
  check_cxx_source_compiles("#include <features.h>
    #if !__GLIBC_PREREQ(2, 36)
    #error older
    #endif
    int main() {}" LAMINA_PACKED_RELOCATIONS)
  if(LAMINA_PACKED_RELOCATIONS)
    target_link_options(lamina PRIVATE ${CMAKE_REQUIRED_LINK_OPTIONS})
  endif()
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
endif()
if(LAMINA_BUILD_PYTHON)
  # Wheels hold no symbolic links: the one file has the name that programs ask for, and no number.
  set_target_properties(lamina PROPERTIES WINDOWS_EXPORT_ALL_SYMBOLS ON)
else()
  # The C interface only grows, so that this number stays whatever the version is.
  set_target_properties(lamina PROPERTIES VERSION "${PROJECT_VERSION}" SOVERSION 1)
  set(_symbols "${CMAKE_CURRENT_BINARY_DIR}/exported_symbols.txt")
  if(APPLE)
    file(CONFIGURE OUTPUT "${_symbols}" CONTENT "_lamina_*\n")
  else()
    file(CONFIGURE OUTPUT "${_symbols}" CONTENT "LAMINA_1 {\n  global:\n    lamina_*;\n  local:\n    *;\n};\n")
  endif()
  lamina_export(lamina "${_symbols}")
  if(MINGW)  # whose runtime libraries Windows does not have
    target_link_options(lamina PRIVATE -static)
  endif()

  lamina_public_library(lamina_static STATIC)
  target_compile_definitions(lamina_static INTERFACE LAMINA_STATIC)
  if(NOT MSVC)  # whose import library has the name
    set_target_properties(lamina_static PROPERTIES OUTPUT_NAME lamina)
  endif()
  lamina_drop_whole_program(lamina_static)
endif()
