# Warnings for our own code; errors only where LAMINA_WERROR is on.
function(lamina_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /permissive- $<$<BOOL:${LAMINA_WERROR}>:/WX>)
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
      $<$<BOOL:${LAMINA_WERROR}>:-Werror>)
  endif()
endfunction()
