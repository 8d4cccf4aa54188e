// Numbers as tables write them: which texts are numbers, and their values.
#pragma once

#include <string>
#include <string_view>

namespace lamina {

// Reads a decimal number such as -12, +.5, 1e-3, inf or nan, rounded as strtod rounds.
//
// False where the text is none, and where a double could not give it back: codes of digits with leading
// zeros (007) and whole numbers beyond 2^53.
bool parse_plain_number(std::string_view text, double& value);

// Reads a number as Python's float does, but without underscores between digits: 007 is 7, and whole numbers
// are rounded where they need be. White space may stand around it. False where the text is none.
bool parse_float(std::string_view text, double& value);

// Writes 1.234,5 (a decimal comma, points between thousands) as 1234.5; false, and nothing written, for
// any other text, such as 31.12.2024 or 1,234.5.
bool rewrite_decimal_comma(std::string_view text, std::string& rewritten);

}  // namespace lamina
