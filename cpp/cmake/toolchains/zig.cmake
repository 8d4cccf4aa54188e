# Cross-compiles by Zig's C++ compiler, which brings headers and libraries of many systems: pip install ziglang.
# LAMINA_ZIG_TARGET says for which: x86_64-linux-musl, aarch64-macos.11.0, x86_64-macos.11.0, x86_64-windows-gnu.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LAMINA_ZIG_TARGET)

if(NOT LAMINA_ZIG_TARGET MATCHES "^([a-z0-9_]+)-(linux|macos|windows)")
  message(FATAL_ERROR "LAMINA_ZIG_TARGET: expected a target of Zig for linux, macos or windows, such as "
    "x86_64-linux-musl, got '${LAMINA_ZIG_TARGET}'")
endif()
set(CMAKE_SYSTEM_PROCESSOR "${CMAKE_MATCH_1}")
string(REPLACE "macos" "Darwin" CMAKE_SYSTEM_NAME "${CMAKE_MATCH_2}")
string(REPLACE "linux" "Linux" CMAKE_SYSTEM_NAME "${CMAKE_SYSTEM_NAME}")
string(REPLACE "windows" "Windows" CMAKE_SYSTEM_NAME "${CMAKE_SYSTEM_NAME}")

find_program(LAMINA_ZIG NAMES python-zig zig REQUIRED)
# With -O2, which the build type overrides, as without an optimisation Zig builds a second C++ library.
set(CMAKE_C_COMPILER "${LAMINA_ZIG}" cc -target "${LAMINA_ZIG_TARGET}" -O2)
set(CMAKE_CXX_COMPILER "${LAMINA_ZIG}" c++ -target "${LAMINA_ZIG_TARGET}" -O2)
# Its own archiver, as the machine's may know no objects of the target.
foreach(_language IN ITEMS C CXX)
  set(CMAKE_${_language}_ARCHIVE_CREATE "\"${LAMINA_ZIG}\" ar qc <TARGET> <OBJECTS>")
  set(CMAKE_${_language}_ARCHIVE_APPEND "\"${LAMINA_ZIG}\" ar q <TARGET> <OBJECTS>")
  set(CMAKE_${_language}_ARCHIVE_FINISH "\"${LAMINA_ZIG}\" ranlib <TARGET>")
endforeach()
