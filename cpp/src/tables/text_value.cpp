// What texts mean, and how values are written.
#include "tables/text_value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "tables/plain_number.h"
#include "tables/utf8.h"

namespace lamina {
namespace {

// Beyond it only floats hold whole numbers, not all of whose digits are theirs.
constexpr std::size_t kMostDigits = 20;

// Moves `at` behind digits of ASCII and counts them.
std::size_t skip_digits(std::string_view text, std::size_t& at) noexcept {
  const std::size_t begin = at;
  while (at < text.size() && is_ascii_digit(text[at])) ++at;
  return at - begin;
}

bool skip(std::string_view text, std::size_t& at, std::string_view any) noexcept {
  if (at >= text.size() || any.find(text[at]) == std::string_view::npos) return false;
  ++at;
  return true;
}

// [+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?
bool is_number(std::string_view text) noexcept {
  std::size_t at = 0;
  skip(text, at, "+-");
  const std::size_t whole = skip_digits(text, at);
  std::size_t fraction = 0;
  if (skip(text, at, ".")) fraction = skip_digits(text, at);
  if (whole + fraction == 0) return false;
  if (skip(text, at, "eE")) {
    skip(text, at, "+-");
    if (skip_digits(text, at) == 0) return false;
  }
  return at == text.size();
}

// The whole number, with its sign, that a text writes with at most zeros behind a point; else empty.
std::string_view whole_part(std::string_view text) noexcept {
  std::size_t at = 0;
  skip(text, at, "+-");
  if (skip_digits(text, at) == 0) return {};
  const std::string_view whole = text.substr(0, at);
  if (skip(text, at, "."))
    while (skip(text, at, "0")) {
    }
  return at == text.size() ? whole : std::string_view();
}

std::string shortest(std::string_view text) {
  std::string_view whole = whole_part(text);
  if (!whole.empty()) {
    const bool counted = whole.size() <= kMostDigits;
    const bool negative = whole.front() == '-';
    if (negative || whole.front() == '+') whole.remove_prefix(1);
    if (whole.size() > 1 && whole.front() == '0') return std::string(text);  // a code such as 00501
    if (counted) return std::string(negative && whole != "0" ? 1 : 0, '-').append(whole);
  }
  double number = 0.0;
  parse_float(text, number);
  return write_number(number);
}

// One digit, a point and the others, and an exponent: the fewest digits that read back as the number.
template <class T>
std::string scientific(T number) {
  std::array<char, 64> text{};
#if defined(__cpp_lib_to_chars)
  return {text.data(),
          std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific).ptr};
#else
  for (int digits = 0; digits < 17; ++digits) {
    std::snprintf(text.data(), text.size(), "%.*e", digits, static_cast<double>(number));
    if (static_cast<T>(std::strtod(text.data(), nullptr)) == number) break;
  }
  return text.data();
#endif
}

template <class T>
std::string write(T number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  if (number == std::floor(number)) {
    std::array<char, 512> text{};
    std::snprintf(text.data(), text.size(), "%.0f", number == 0 ? 0.0 : static_cast<double>(number));
    return text.data();
  }
  const std::string written = scientific(number);
  if (std::abs(static_cast<double>(number)) < 1e-4) return written;
  const std::size_t e = written.find('e');
  const int exponent = std::atoi(written.c_str() + e + 1);
  std::string digits;
  for (const char c : written.substr(0, e))
    if (is_ascii_digit(c)) digits += c;
  std::string text(number < 0 ? 1 : 0, '-');
  if (exponent < 0)
    text.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  else
    text.append(digits, 0, static_cast<std::size_t>(exponent) + 1)
        .append(".")
        .append(digits, static_cast<std::size_t>(exponent) + 1);
  return text;
}

bool is_leap(std::int64_t year) noexcept { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// Reads so many digits.
bool read_digits(std::string_view text, std::size_t& at, std::size_t count, int& value) noexcept {
  value = 0;
  if (at + count > text.size()) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_ascii_digit(text[at + i])) return false;
    value = value * 10 + (text[at + i] - '0');
  }
  at += count;
  return true;
}

// \d{2}:\d{2}(:\d{2}(\.\d+)?)? as seconds.
bool read_clock(std::string_view text, std::size_t& at, std::int64_t& seconds) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!read_digits(text, at, 2, hour) || !skip(text, at, ":") || !read_digits(text, at, 2, minute))
    return false;
  if (skip(text, at, ":")) {
    if (!read_digits(text, at, 2, second)) return false;
    if (skip(text, at, ".") && skip_digits(text, at) == 0) return false;
  }
  seconds = (hour * 60 + minute) * 60 + second;
  return hour < 24 && minute < 60 && second < 60;
}

// (\s?(Z|[+-]\d{2}(:?\d{2})?))? as seconds ahead of UTC, up to the end of the text.
bool read_offset(std::string_view text, std::size_t at, std::int64_t& seconds) {
  seconds = 0;
  if (at == text.size()) return true;
  std::size_t behind = at;
  if (is_space(next_character(text, behind))) at = behind;
  if (text.substr(at) == "Z") return true;
  const bool west = at < text.size() && text[at] == '-';
  int hours = 0;
  int minutes = 0;
  if (!skip(text, at, "+-") || !read_digits(text, at, 2, hours)) return false;
  if (at < text.size()) {
    skip(text, at, ":");
    if (!read_digits(text, at, 2, minutes)) return false;
  }
  seconds = (hours * 60 + minutes) * 60;
  if (west) seconds = -seconds;
  return at == text.size();
}

}  // namespace

bool is_truth(std::string_view text) noexcept {
  const std::string_view truth = text.size() == 4 ? "true" : "false";
  if (text.size() != truth.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((text[i] | 0x20) != truth[i]) return false;
  return true;
}

std::string same_value(std::string_view text) {
  if (!may_be_value(text)) return std::string(text);
  if (is_number(text)) return shortest(text);
  if (is_truth(text)) return text.size() == 4 ? "true" : "false";
  return std::string(text);
}

std::string write_number(double number) { return write(number); }
std::string write_number(float number) { return write(number); }

std::string write_rounded(double number, int digits) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.*g", digits, number);
  return text.data();
}

std::optional<std::int64_t> days_of(std::int64_t year, int month, int day) noexcept {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1) return std::nullopt;
  const int last = kDays[static_cast<std::size_t>(month) - 1] + (month == 2 && is_leap(year) ? 1 : 0);
  if (day > last) return std::nullopt;
  // Years that begin in March end with the leap day; 400 of them have 146,097 days.
  const std::int64_t y = month <= 2 ? year - 1 : year;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  std::size_t at = 0;
  int year = 0;
  int month = 0;
  int day = 0;
  if (!read_digits(text, at, 4, year) || !skip(text, at, "-") || !read_digits(text, at, 2, month) ||
      !skip(text, at, "-") || !read_digits(text, at, 2, day))
    return std::nullopt;
  std::int64_t clock = 0;
  std::int64_t offset = 0;
  if (at < text.size() &&
      (!skip(text, at, "T ") || !read_clock(text, at, clock) || !read_offset(text, at, offset)))
    return std::nullopt;
  const std::optional<std::int64_t> days = days_of(year, month, day);
  if (!days) return std::nullopt;
  return *days * kDaySeconds + clock - offset;
}

std::string write_day(std::int64_t days) {
  // The inverse of days_of.
  const std::int64_t z = days + 719'468;
  const std::int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
  const std::int64_t day_of_era = z - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * day_of_year + 2) / 153;  // months from March
  const int day = static_cast<int>(day_of_year - (153 * shifted + 2) / 5 + 1);
  const int month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  const long long year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04lld-%02d-%02d", year, month, day);
  return text.data();
}

std::string write_date(std::int64_t seconds) {
  const auto [days, seconds_of_day] = days_and_clock(seconds);
  const int clock = static_cast<int>(seconds_of_day);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "T%02d:%02d:%02d", clock / 3600, clock / 60 % 60, clock % 60);
  return write_day(days) + text.data();
}

}  // namespace lamina
