// Reads dates by a format, as a regular expression with backtracking would.
#include "tables/date_format.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "tables/text_value.h"
#include "tables/utf8.h"

namespace lamina {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kDays = {"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 2> kHalves = {"am", "pm"};

// The digits that a directive takes, and the numbers that these may be.
struct NumberRange {
  char directive;
  std::size_t least_digits, most_digits;
  int least, most;
};
constexpr NumberRange kNumbers[] = {{'d', 1, 2, 1, 31},  {'f', 1, 6, 0, 999'999}, {'H', 1, 2, 0, 23},
                                    {'I', 1, 2, 1, 12},  {'j', 1, 3, 1, 366},     {'m', 1, 2, 1, 12},
                                    {'M', 1, 2, 0, 59},  {'S', 1, 2, 0, 61},      {'y', 2, 2, 0, 99},
                                    {'Y', 4, 4, 0, 9999}};

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool starts_with_folded(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), text.begin(),
                                                    [](char a, char b) { return lower(a) == lower(b); });
}

int number_of(std::string_view digits) noexcept {
  int number = 0;
  for (const char c : digits) number = number * 10 + (c - '0');
  return number;
}

}  // namespace

struct DateFormat::Fields {
  int year = 1900, month = 1, day = 1, day_of_year = 0;
  int hour = 0, hour_of_half = 0, minute = 0, second = 0;
  int half = 0;  // 1: after noon
  std::int64_t offset = 0, offset_microseconds = 0, microseconds = 0;

  void set(char directive, std::string_view digits) noexcept;
  std::optional<std::int64_t> seconds() const noexcept;
};

void DateFormat::Fields::set(char directive, std::string_view digits) noexcept {
  const int number = number_of(digits);
  switch (directive) {
    case 'd':
      day = number;
      break;
    case 'H':
      hour = number;
      break;
    case 'I':
      hour_of_half = number;
      break;
    case 'j':
      day_of_year = number;
      break;
    case 'm':
      month = number;
      break;
    case 'M':
      minute = number;
      break;
    case 'S':
      second = number;
      break;
    case 'y':
      year = number <= 68 ? 2000 + number : 1900 + number;
      break;
    case 'Y':
      year = number;
      break;
    default:  // f, whose digits count from the left
      microseconds = number;
      for (std::size_t i = digits.size(); i < 6; ++i) microseconds *= 10;
  }
}

std::optional<std::int64_t> DateFormat::Fields::seconds() const noexcept {
  if (year < 1 || second > 59) return std::nullopt;
  std::optional<std::int64_t> days = days_of(year, month, day);
  if (day_of_year > 0) days = *days_of(year, 1, 1) + day_of_year - 1;
  if (!days) return std::nullopt;
  const int hours = hour_of_half == 0 ? hour : hour_of_half % 12 + 12 * half;
  std::int64_t moment = *days * kDaySeconds + (hours * 60 + minute) * 60 + second - offset;
  const std::int64_t rest = microseconds - offset_microseconds;
  if (rest < 0) --moment;
  if (rest >= 1'000'000) ++moment;
  return moment;
}

DateFormat::DateFormat(std::string format) : format_(std::move(format)) {
  const auto refuse = [this](TextParts why) {
    throw_error(Error::Kind::kValue, {"dates written as ", format_, " cannot be read: ", why});
  };
  std::string used;
  for (std::size_t at = 0; at < format_.size();) {
    const std::size_t begin = at;
    const char32_t c = next_character(format_, at);
    if (is_space(c)) {
      if (parts_.empty() || parts_.back().directive != ' ') parts_.push_back({' ', {}});
      continue;
    }
    const char directive = c == '%' && at < format_.size() ? format_[at++] : '\0';
    if (c == '%' && directive == '\0') refuse({"nothing stands behind its last %"});
    if (c != '%' || directive == '%') {
      if (parts_.empty() || parts_.back().directive != '\0') parts_.push_back({'\0', {}});
      parts_.back().literal += directive == '%' ? "%" : format_.substr(begin, at - begin);
      continue;
    }
    if (std::string_view("aAbBdfHIjmMpSyYz").find(directive) == std::string_view::npos)
      refuse({"it holds %", directive});
    if (used.find(directive) != std::string::npos) refuse({"it holds %", directive, " twice"});
    used += directive;
    parts_.push_back({directive, {}});
  }
}

std::optional<std::int64_t> DateFormat::parse(std::string_view text) const {
  Fields fields;
  if (is_ascii(text) ? !match(0, text, fields) : !match(0, with_ascii_digits(text), fields))
    return std::nullopt;
  return fields.seconds();
}

// Whether the parts from `part` on take the whole rest; fields are then those of the first way found.
bool DateFormat::match(std::size_t part, std::string_view rest, Fields& fields) const {
  if (part == parts_.size()) return rest.empty();
  const auto& [directive, literal] = parts_[part];
  if (directive == '\0')
    return starts_with_folded(rest, literal) && match(part + 1, rest.substr(literal.size()), fields);
  if (directive == ' ') {
    std::vector<std::size_t> ends;
    for (std::size_t at = 0; at < rest.size();) {
      if (!is_space(next_character(rest, at))) break;
      ends.push_back(at);
    }
    return std::any_of(ends.rbegin(), ends.rend(),
                       [&](std::size_t end) { return match(part + 1, rest.substr(end), fields); });
  }
  if (directive == 'z') return match_offset(part, rest, fields);
  const bool named = std::string_view("aAbBp").find(directive) != std::string_view::npos;
  return named ? match_name(part, rest, fields) : match_number(part, rest, fields);
}

bool DateFormat::match_name(std::size_t part, std::string_view rest, Fields& fields) const {
  const char directive = parts_[part].directive;
  const auto try_names = [&](const auto& names, bool whole, int Fields::* field, int first) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string_view name = whole ? names[i] : names[i].substr(0, 3);
      if (!starts_with_folded(rest, name)) continue;
      if (field != nullptr) fields.*field = first + static_cast<int>(i);
      if (match(part + 1, rest.substr(name.size()), fields)) return true;
    }
    return false;
  };
  switch (directive) {
    case 'a':
    case 'A':
      return try_names(kDays, directive == 'A', nullptr, 0);
    case 'b':
    case 'B':
      return try_names(kMonths, directive == 'B', &Fields::month, 1);
    default:
      return try_names(kHalves, true, &Fields::half, 0);
  }
}

bool DateFormat::match_number(std::size_t part, std::string_view rest, Fields& fields) const {
  const char directive = parts_[part].directive;
  const NumberRange& range = *std::find_if(std::begin(kNumbers), std::end(kNumbers),
                                           [&](const NumberRange& r) { return r.directive == directive; });
  for (std::size_t count = range.most_digits; count >= range.least_digits; --count) {
    const std::string_view digits = rest.substr(0, count);
    if (digits.size() < count || !std::all_of(digits.begin(), digits.end(), is_ascii_digit)) continue;
    const int number = number_of(digits);
    if (number < range.least || number > range.most) continue;
    fields.set(directive, digits);
    if (match(part + 1, rest.substr(count), fields)) return true;
  }
  // A blank may stand for the first digit of a day.
  if (directive != 'd' || rest.size() < 2 || rest[0] != ' ' || rest[1] < '1' || rest[1] > '9') return false;
  fields.set(directive, rest.substr(1, 1));
  return match(part + 1, rest.substr(2), fields);
}

// [+-]\d\d:?\d\d(:?\d\d(\.\d{1,6})?)? or Z.
bool DateFormat::match_offset(std::size_t part, std::string_view rest, Fields& fields) const {
  const auto go_on = [&](std::int64_t offset, std::int64_t microseconds, std::size_t taken) {
    fields.offset = offset;
    fields.offset_microseconds = microseconds;
    return match(part + 1, rest.substr(taken), fields);
  };
  if (rest.starts_with('Z')) return go_on(0, 0, 1);
  if (rest.empty() || (rest[0] != '+' && rest[0] != '-')) return false;
  const std::int64_t sign = rest[0] == '-' ? -1 : 1;
  const auto two_digits = [&](std::size_t at, int most) {
    const std::string_view digits = rest.substr(std::min(at, rest.size()), 2);
    const bool read = digits.size() == 2 && is_ascii_digit(digits[0]) && is_ascii_digit(digits[1]);
    return read && number_of(digits) <= most ? number_of(digits) : -1;
  };
  const bool colon = rest.size() > 3 && rest[3] == ':';
  const std::size_t minutes_at = colon ? 4 : 3;
  const int hours = two_digits(1, 99);
  const int minutes = two_digits(minutes_at, 59);
  if (hours < 0 || hours > 23 || minutes < 0) return false;
  const std::int64_t offset = sign * (hours * 60 + minutes) * 60;
  const std::size_t behind = minutes_at + 2;
  const int seconds = two_digits(behind + (colon ? 1 : 0), 59);
  if (seconds >= 0 && (!colon || rest[behind] == ':')) {
    const std::size_t end = behind + (colon ? 3 : 2);
    if (end < rest.size() && rest[end] == '.') {
      for (std::size_t count = 6; count >= 1; --count) {
        const std::string_view digits = rest.substr(end + 1, count);
        if (digits.size() < count || !std::all_of(digits.begin(), digits.end(), is_ascii_digit)) continue;
        std::int64_t fraction = number_of(digits);
        for (std::size_t i = count; i < 6; ++i) fraction *= 10;
        if (go_on(offset + sign * seconds, sign * fraction, end + 1 + count)) return true;
      }
    }
    if (go_on(offset + sign * seconds, 0, end)) return true;
  }
  return go_on(offset, 0, behind);
}

}  // namespace lamina
