// Options by name, as C gives them, as the JSON that the core reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "c_api/guard.h"

namespace lamina::c {

// A text of the caller's; refuses NULL and what is not UTF-8. `what` names the argument.
std::string text_of(const char* text, const std::string& what);

// The options as members of `to`. Refuses names that are NULL or given twice, kinds that there are not,
// numbers that are not finite, arrays that are NULL, and what is nested too deep.
void add_options(Json& to, const lamina_option* options, std::size_t count, const std::string& where);

// {"kind": ..., and the options}; none where the description is left out. `what` names it: "loss".
std::optional<Json> read_description(const lamina_description& description, const char* what);
Json required_description(const char* kind, const lamina_option* options, std::size_t count,
                          const char* what);

// A count of the caller's as the core counts; refuses those beyond 2^40, more than any memory holds.
std::int64_t count_of(std::size_t count, const char* what);

}  // namespace lamina::c
