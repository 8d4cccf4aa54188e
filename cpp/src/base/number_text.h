// Numbers as sentences have them, the same in every locale.
#pragma once

#include <string>
#include <string_view>

namespace lamina {

// So many digits at most, as C's %.6g has six: "0.25", "1e-07", "nan".
std::string short_number(double value, int digits = 6);

// As few digits as tell the value from its neighbours: "0.1", "7.0", "nan".
std::string exact_number(double value);
std::string exact_number(float value);

// A checked text of digits, at most one point and an exponent, whatever its length, as strtod rounds it.
double parse_decimal(std::string_view text);

}  // namespace lamina
