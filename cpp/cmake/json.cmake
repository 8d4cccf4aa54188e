# Target lamina_json: the headers of nlohmann-json, from a CMake package, a system folder, or
# the Python package nlohmann-json (which ships headers but no CMake files).
add_library(lamina_json INTERFACE)
find_package(nlohmann_json 3.11 CONFIG QUIET)
if(nlohmann_json_FOUND)
  target_link_libraries(lamina_json INTERFACE nlohmann_json::nlohmann_json)
else()
  # The Python that is first in PATH, as an activated environment's is, not the newest.
  set(Python_FIND_STRATEGY LOCATION)
  set(Python_FIND_UNVERSIONED_NAMES FIRST)
  find_package(Python 3.11 COMPONENTS Interpreter QUIET)
  if(Python_EXECUTABLE)
    execute_process(
      COMMAND "${Python_EXECUTABLE}" -c
        "import nlohmann_json, pathlib; print((pathlib.Path(nlohmann_json.__file__).parent / 'include').as_posix())"
      OUTPUT_VARIABLE _json_hint OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  set(LAMINA_JSON_INCLUDE "" CACHE PATH "Folder that holds nlohmann/json.hpp; empty: looked for")
  # Not cached: an isolated build's folder is another one each time.
  find_path(_json_include nlohmann/json.hpp HINTS ${LAMINA_JSON_INCLUDE} ${_json_hint} NO_CACHE)
  if(NOT _json_include)
    message(FATAL_ERROR "nlohmann/json.hpp not found: pip install nlohmann-json, "
      "or give -DLAMINA_JSON_INCLUDE=FOLDER")
  endif()
  target_include_directories(lamina_json SYSTEM INTERFACE "${_json_include}")
endif()
