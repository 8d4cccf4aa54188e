// Numbers as sentences have them.
#include "base/number_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/json.h"

namespace lamina {

namespace {

std::string printed(double value, int digits) {
  std::array<char, 40> text;
  std::snprintf(text.data(), text.size(), "%.*g", digits, value);
  return text.data();
}

std::string name_of_not_finite(double value) {
  return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
}

}  // namespace

std::string short_number(double value, int digits) {
  if (!std::isfinite(value)) return name_of_not_finite(value);
  std::string text = printed(value, digits);
  // The locale may have another character than the point.
  for (char& c : text)
    if ((c < '0' || c > '9') && c != '-' && c != '+' && c != 'e') c = '.';
  return text;
}

std::string exact_number(double value) {
  return std::isfinite(value) ? Json(value).dump() : name_of_not_finite(value);
}

std::string exact_number(float value) {
  if (!std::isfinite(value)) return name_of_not_finite(static_cast<double>(value));
  int digits = 1;
  std::string text = printed(static_cast<double>(value), digits);
  while (std::strtof(text.c_str(), nullptr) != value) text = printed(static_cast<double>(value), ++digits);
  return exact_number(std::strtod(text.c_str(), nullptr));
}

double parse_decimal(std::string_view text) {
#if defined(__cpp_lib_to_chars)
  double value = 0.0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc()) return value;
#endif
  // Out of range, where from_chars does not tell large from small.
  return std::strtod(std::string(text).c_str(), nullptr);
}

}  // namespace lamina
