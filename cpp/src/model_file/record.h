// The rules that a model record's JSON text must keep.
#pragma once

#include <string>
#include <string_view>

namespace lamina {

// What is wrong with `text` as a model record, or an empty string. A record is one JSON object,
// nested at most 64 deep, without duplicate keys, NaN or infinity. Allocates a few times the text's
// size at most.
std::string record_problem(std::string_view text);

}  // namespace lamina
