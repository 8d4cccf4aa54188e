// Numbers as tables write them, read as strtod reads them.
#include "tables/plain_number.h"

#include <cstdint>
#include <limits>

#include "base/number_text.h"
#include "tables/row_scanner.h"
#include "tables/utf8.h"

namespace lamina {
namespace {

constexpr std::uint64_t kExactWhole = std::uint64_t{1} << 53;
constexpr int kMantissaDigits = 19;  // as many as always fit into 64 bits
constexpr int kExactPower = 22;
constexpr double kPowers[kExactPower + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                             1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                             1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool equals_lower(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

bool parse_named(std::string_view text, double& value) {
  if (equals_lower(text, "nan")) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (equals_lower(text, "inf") || equals_lower(text, "infinity")) {
    value = std::numeric_limits<double>::infinity();
  } else {
    return false;
  }
  return true;
}

// Digits read into a mantissa as far as they fit; counts them from the first that is not zero.
struct Mantissa {
  std::uint64_t value = 0;
  int digits = 0;

  void add(char c) {
    if (digits > 0 || c != '0') ++digits;
    if (digits <= kMantissaDigits) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
};

// [+-]?\d{1,3}(\.\d{3})+ or \d*, then (,\d+)? and (e[+-]?\d+)?
bool is_comma_number(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t first = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - first;
  };
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  const size_t leading = digits();
  while (at < text.size() && text[at] == '.') {
    ++at;
    if (leading < 1 || leading > 3 || digits() != 3) return false;
  }
  if (at < text.size() && text[at] == ',') {
    ++at;
    if (digits() == 0) return false;
  } else if (leading == 0) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

// `codes`: whether whole numbers that a double could not give back are read too.
bool parse_ascii(std::string_view text, bool codes, double& value) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  const char* const unsigned_begin = at;
  Mantissa mantissa;
  for (; at != end && is_digit(*at); ++at) mantissa.add(*at);
  const auto whole_digits = at - unsigned_begin;
  if (at == end) {
    const bool exact = mantissa.digits <= kMantissaDigits && mantissa.value <= kExactWhole;
    if (whole_digits == 0) return false;
    if (!codes && (!exact || (whole_digits > 1 && *unsigned_begin == '0'))) return false;
    value = exact ? static_cast<double>(mantissa.value) : parse_decimal({unsigned_begin, end});
    if (negative) value = -value;
    return true;
  }
  std::ptrdiff_t fraction_digits = 0;
  if (*at == '.') {
    const char* const fraction = ++at;
    for (; at != end && is_digit(*at); ++at) mantissa.add(*at);
    fraction_digits = at - fraction;
  }
  if (whole_digits + fraction_digits == 0) {
    if (!parse_named({unsigned_begin, end}, value)) return false;
    if (negative) value = -value;
    return true;
  }
  std::int64_t exponent = 0;
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    const bool down = at != end && *at == '-';
    if (at != end && (*at == '-' || *at == '+')) ++at;
    if (at == end) return false;
    for (; at != end && is_digit(*at); ++at) {
      if (exponent < 100'000) exponent = exponent * 10 + (*at - '0');
    }
    if (down) exponent = -exponent;
    if (!is_digit(end[-1])) return false;
  }
  if (at != end) return false;
  exponent -= fraction_digits;
  // Clinger's fast path: both factors are exact doubles, so one rounding is the right one.
  if (mantissa.digits <= kMantissaDigits && mantissa.value <= kExactWhole && exponent <= kExactPower &&
      exponent >= -kExactPower) {
    value = static_cast<double>(mantissa.value);
    value = exponent < 0 ? value / kPowers[-exponent] : value * kPowers[exponent];
  } else {
    value = parse_decimal({unsigned_begin, end});
  }
  if (negative) value = -value;
  return true;
}

}  // namespace

bool parse_plain_number(std::string_view text, double& value) { return parse_ascii(text, false, value); }

bool parse_float(std::string_view text, double& value) {
  if (is_ascii(text)) return parse_ascii(strip(text), true, value);
  return parse_ascii(strip(with_ascii_digits(text)), true, value);
}

bool rewrite_decimal_comma(std::string_view text, std::string& rewritten) {
  if (!is_comma_number(text)) return false;
  rewritten.clear();
  for (const char c : text) {
    if (c != '.') rewritten += c == ',' ? '.' : c;
  }
  return true;
}

}  // namespace lamina
