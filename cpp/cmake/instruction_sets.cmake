# The one place with instruction-set flags: for which sets the kernels are built, and how.

set(_processor "${CMAKE_SYSTEM_PROCESSOR}")
if(CMAKE_OSX_ARCHITECTURES)
  set(_processor "${CMAKE_OSX_ARCHITECTURES}")
elseif(MSVC AND CMAKE_CXX_COMPILER_ARCHITECTURE_ID)
  set(_processor "${CMAKE_CXX_COMPILER_ARCHITECTURE_ID}")
endif()

# To add a set: its name here, its flags below, and cpp/src/kernels/simd/<name>.h.
set(LAMINA_INSTRUCTION_SETS)
if(_processor MATCHES "^(x86_64|AMD64|amd64|x64)$")
  list(APPEND LAMINA_INSTRUCTION_SETS sse2 avx2 avx512)
elseif(_processor MATCHES "^(aarch64|arm64|ARM64)$")
  list(APPEND LAMINA_INSTRUCTION_SETS neon)
endif()
set(LAMINA_SETS "" CACHE STRING
  "Instruction sets to build kernels for, of ${LAMINA_INSTRUCTION_SETS};portable; empty: those of this processor's kind")
if(LAMINA_SMALL AND NOT LAMINA_SETS AND "avx2" IN_LIST LAMINA_INSTRUCTION_SETS)
  # On x86-64, where there are several: the one that most processors of the last ten years have.
  set(LAMINA_INSTRUCTION_SETS avx2)
endif()
if(LAMINA_SETS)
  foreach(_set IN LISTS LAMINA_SETS)
    if(NOT _set IN_LIST LAMINA_INSTRUCTION_SETS AND NOT _set STREQUAL "portable")
      message(FATAL_ERROR "LAMINA_SETS=${LAMINA_SETS}: expected some of "
        "${LAMINA_INSTRUCTION_SETS};portable, which are there for ${_processor}, got ${_set}")
    endif()
  endforeach()
  set(LAMINA_INSTRUCTION_SETS ${LAMINA_SETS})
endif()
# Every x86-64 processor has SSE2 and every aarch64 one NEON: portable kernels are for others, and for the tests.
if((LAMINA_BUILD_TESTS AND NOT LAMINA_SETS) OR NOT LAMINA_INSTRUCTION_SETS)
  list(APPEND LAMINA_INSTRUCTION_SETS portable)
endif()

if(MSVC)
  set(_flags_avx2 /arch:AVX2)
  set(_flags_avx512 /arch:AVX512)
  set(_flags_every_kernel /O2 /GR- /GL-)
else()
  set(_flags_avx2 -mavx2 -mfma -mf16c -mbmi2 -mprfchw)
  set(_flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mbmi2 -mprfchw
      -mprefer-vector-width=512)
  # LTO would let the linker merge AVX-512 copies of inline functions into baseline code.
  # No exception passes a kernel, so that nobody reads their unwind tables.
  set(_flags_every_kernel -O3 -fno-exceptions -fno-rtti -fno-lto -fno-asynchronous-unwind-tables
      -fno-unwind-tables)
  if(MINGW AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC keeps vectors of 32 and 64 bytes on a stack that Windows aligns to 16 (its bug 54412).
    list(APPEND _flags_avx2 -Wa,-muse-unaligned-vector-move)
    list(APPEND _flags_avx512 -Wa,-muse-unaligned-vector-move)
  endif()
endif()

# Adds to `target` the kernels of each instruction set of this processor and each scalar type, which are one
# source compiled with different flags, and announces each set to their dispatch as LAMINA_KERNELS_<NAME>=1.
# LAMINA_KERNEL_OBJECTS lists their objects.
function(lamina_add_kernels target)
  set(_types f32 f64)
  if(NOT LAMINA_FLOAT64)
    set(_types f32)
  endif()
  foreach(_set IN LISTS LAMINA_INSTRUCTION_SETS)
    foreach(_type IN LISTS _types)
      set(_kernels "lamina_kernels_${_set}_${_type}")
      add_library(${_kernels} OBJECT "${PROJECT_SOURCE_DIR}/cpp/src/kernels/kernels.cpp")
      target_include_directories(${_kernels} PRIVATE "${PROJECT_SOURCE_DIR}/cpp/src")
      target_compile_definitions(${_kernels} PRIVATE
        LAMINA_INSTRUCTION_SET=${_set} LAMINA_SCALAR_TYPE=${_type})
      lamina_numeric_options(${_kernels})
      lamina_warnings(${_kernels})
      target_compile_options(${_kernels} PRIVATE ${_flags_every_kernel} ${_flags_${_set}})
      set_target_properties(${_kernels} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
      list(APPEND LAMINA_KERNEL_OBJECTS $<TARGET_OBJECTS:${_kernels}>)
    endforeach()
    string(TOUPPER "${_set}" _upper)
    set_property(SOURCE "${PROJECT_SOURCE_DIR}/cpp/src/kernels/dispatch.cpp" APPEND PROPERTY
      COMPILE_DEFINITIONS "LAMINA_KERNELS_${_upper}=1")
  endforeach()
  target_sources(${target} PRIVATE ${LAMINA_KERNEL_OBJECTS})
  set(LAMINA_KERNEL_OBJECTS "${LAMINA_KERNEL_OBJECTS}" PARENT_SCOPE)
endfunction()

# Arithmetic rules for every target: no errno or traps from mathematics, and no contraction
# that the source does not spell out, so that results do not hang on a tile's shape.
function(lamina_numeric_options target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /fp:precise)
    target_compile_definitions(${target} PRIVATE NOMINMAX _CRT_SECURE_NO_WARNINGS)
  else()
    target_compile_options(${target} PRIVATE -fno-math-errno -fno-trapping-math -ffp-contract=off)
  endif()
endfunction()
