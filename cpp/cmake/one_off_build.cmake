# What makes a build from nothing faster and a build after a change slower: editable installs and the presets
# have LAMINA_ONE_OFF_BUILD off, so that there only what changed is compiled and each file must include what it uses.

# The headers of the standard library that most files of the core include.
function(lamina_precompile_standard_headers target)
  if(LAMINA_ONE_OFF_BUILD)
    target_precompile_headers(${target} PRIVATE
      <algorithm> <array> <cmath> <functional> <memory> <optional> <string> <string_view> <vector>)
  endif()
endfunction()

# Every file that includes pybind11 spends seconds on it, whatever it binds: a few files take all bindings.
function(lamina_join_sources target)
  if(LAMINA_ONE_OFF_BUILD)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  endif()
endfunction()
