# How far each file of the core is optimised in a release build, measured in docs/build_time.md. Kernels have flags
# of their own (instruction_sets.cmake).

# What runs once a fit, a file or a column and not for each row or step: -Os makes half of -O2's code of it.
set(LAMINA_SMALL_FILES
  base/cpu_placement base/error base/json base/json_reader base/json_text base/number_text base/options
  base/text base/thread_count
  layers/activation_spec layers/column_options layers/dense_options layers/ensemble layers/ensemble_options
  layers/initializer layers/layer_factory layers/layer_options layers/loss layers/member_heads
  layers/member_rows layers/periodic layers/piecewise_linear layers/residual layers/target_scaling
  network/network_build network/workspace
  inference/folding
  optimizers/update_rules
  metrics/arguments metrics/chosen_classes metrics/metric metrics/scorer
  training/adapt training/class_weights training/custom_loss training/data_init training/fit
  training/fit_model training/hessian training/history training/hold_out training/model_average
  training/model_fork training/not_finite training/penalty training/schedule_json training/schedule_options
  training/schedules training/step_values training/stopping
  model_file/* model_io/* c_api/*
  tables/column_encoder tables/column_rows tables/date_format tables/distinct_cells tables/encoders
  tables/missing_texts tables/number_format tables/preprocessor tables/record tables/table_target)
set(LAMINA_QUICK_FILES model_file/crc64 c_api/predictors c_api/steps)
# With LAMINA_SMALL all is compiled with -Os, but for what each row, step or byte runs through.
set(LAMINA_HOT_FILES inference/plan inference/predictor inference/values_within layers/dense
  network/network_pass optimizers/optimizer tables/plain_number tables/row_scanner training/batch
  training/forward_backward training/step ${LAMINA_QUICK_FILES})
# Their loops over rows are vectors only so.
set(LAMINA_VECTOR_FILES metrics/decisions metrics/probabilities metrics/values)

function(lamina_files result)
  set(_found "")
  foreach(_name IN LISTS ARGN)
    file(GLOB _files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cpp/src/${_name}.cpp")
    if(NOT _files)
      message(FATAL_ERROR "cpp/cmake/optimization.cmake: there is no cpp/src/${_name}.cpp")
    endif()
    list(APPEND _found ${_files})
  endforeach()
  set(${result} "${_found}" PARENT_SCOPE)
endfunction()

if(NOT MSVC AND CMAKE_BUILD_TYPE STREQUAL "Release")
  lamina_files(_vectors ${LAMINA_VECTOR_FILES})
  if(LAMINA_SMALL)
    set(LAMINA_SMALL_FILES */*)
    lamina_files(_quick ${LAMINA_HOT_FILES})
  else()
    lamina_files(_quick ${LAMINA_QUICK_FILES})
  endif()
  lamina_files(_small ${LAMINA_SMALL_FILES})
  list(REMOVE_ITEM _small ${_quick} ${_vectors})
  set_property(SOURCE ${_small} APPEND PROPERTY COMPILE_OPTIONS -Os)
  set_property(SOURCE ${_vectors} APPEND PROPERTY COMPILE_OPTIONS $<IF:$<BOOL:${LAMINA_SMALL}>,-Os,-O3>)
  # A precompiled header fits one level of optimisation.
  set_property(SOURCE ${_small} ${_vectors} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
endif()

# LAMINA_SMALL: the linker sees all of the library but its kernels at once, and leaves out what only one place
# calls, and what is there twice.
set(LAMINA_WHOLE_PROGRAM OFF)
if(LAMINA_SMALL)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT LAMINA_WHOLE_PROGRAM OUTPUT _why LANGUAGES CXX)
  if(NOT LAMINA_WHOLE_PROGRAM)
    message(STATUS "LAMINA_SMALL: no link-time optimisation, so that the library is larger: ${_why}")
  endif()
endif()

function(lamina_whole_program target)
  set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION ${LAMINA_WHOLE_PROGRAM})
  if(LAMINA_WHOLE_PROGRAM AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With machine code beside it, for the static library.
    target_compile_options(${target} PRIVATE -ffat-lto-objects)
  endif()
endfunction()

# A static library without what only this very compiler can read.
function(lamina_drop_whole_program target)
  if(LAMINA_WHOLE_PROGRAM AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_custom_command(TARGET ${target} POST_BUILD VERBATIM
      COMMAND "${CMAKE_OBJCOPY}" --remove-section=.gnu.lto_* --remove-section=.gnu.debuglto_*
        "$<TARGET_FILE:${target}>")
  endif()
endfunction()
