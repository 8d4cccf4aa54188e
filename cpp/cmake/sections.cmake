# A section for each function, of which the linker leaves out those that nothing reaches.
function(lamina_separate_sections target)
  if(NOT MSVC)
    target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
  endif()
endfunction()

function(lamina_drop_unused_sections target)
  if(APPLE)
    target_link_options(${target} PRIVATE LINKER:-dead_strip)
  elseif(NOT MSVC)
    target_link_options(${target} PRIVATE LINKER:--gc-sections)
  endif()
endfunction()
