# The one place with instruction-set flags: which kernel files are built, and how.
#
# cpp/src/kernels/kernels_<name>*.cpp holds one function table for instruction set <name>.
# A set with files is compiled in and announced as LAMINA_KERNELS_<NAME>=1.

set(_processor "${CMAKE_SYSTEM_PROCESSOR}")
if(CMAKE_OSX_ARCHITECTURES)
  set(_processor "${CMAKE_OSX_ARCHITECTURES}")
elseif(MSVC AND CMAKE_CXX_COMPILER_ARCHITECTURE_ID)
  set(_processor "${CMAKE_CXX_COMPILER_ARCHITECTURE_ID}")
endif()

# To add a set: its name here, its flags below. Names that extend another come first.
set(LAMINA_INSTRUCTION_SETS portable)
if(_processor MATCHES "^(x86_64|AMD64|amd64|x64)$")
  list(APPEND LAMINA_INSTRUCTION_SETS sse2 avx2 avx512)
elseif(_processor MATCHES "^(aarch64|arm64|ARM64)$")
  list(APPEND LAMINA_INSTRUCTION_SETS neon)
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
  set(_flags_every_kernel -O3 -fno-exceptions -fno-rtti -fno-lto)
endif()

# Sets `sources` to the files in cpp/src/kernels for this processor, with their flags set,
# and `definitions` to one LAMINA_KERNELS_<NAME>=1 for each instruction set found.
function(lamina_kernel_sources sources definitions)
  set(_folder "${PROJECT_SOURCE_DIR}/cpp/src/kernels")
  file(GLOB _all CONFIGURE_DEPENDS "${_folder}/*.cpp")
  set(_chosen ${_all})
  list(FILTER _chosen EXCLUDE REGEX "/kernels_[^/]*$")
  set(_names)
  foreach(_set IN LISTS LAMINA_INSTRUCTION_SETS)
    set(_files ${_all})
    list(FILTER _files INCLUDE REGEX "/kernels_${_set}[^/]*$")
    if(_files)
      set_property(SOURCE ${_files} APPEND PROPERTY COMPILE_OPTIONS
        ${_flags_every_kernel} ${_flags_${_set}})
      list(APPEND _chosen ${_files})
      list(REMOVE_ITEM _all ${_files})
      string(TOUPPER "${_set}" _upper)
      list(APPEND _names "LAMINA_KERNELS_${_upper}=1")
    endif()
  endforeach()
  set(${sources} ${_chosen} PARENT_SCOPE)
  set(${definitions} ${_names} PARENT_SCOPE)
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
