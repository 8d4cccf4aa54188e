// What a text means: a number, a truth value, a date, or itself.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace lamina {

// A date is a number of seconds since 1970-01-01 in UTC; this one is missing.
inline constexpr std::int64_t kNoDate = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kDaySeconds = 86'400;

// Whether a number, true or false may begin with this character: most texts are told apart by it.
inline bool may_be_value(std::string_view text) noexcept {
  return !text.empty() && std::string_view("0123456789+-.tTfF").find(text.front()) != std::string_view::npos;
}

// One spelling for all texts of the same value: numbers are equal however they are written (1, 1.0, +1, 1e0),
// and so are true, True and TRUE. Codes with leading zeros and all else are equal as texts.
std::string same_value(std::string_view text);

// Whether a text is true or false, in small letters or capitals.
bool is_truth(std::string_view text) noexcept;

// The shortest text that reads back as the number, as Python writes it: 2.0 is 2, and 1e-5 is 1e-05.
std::string write_number(double number);
std::string write_number(float number);

// The number as %g writes it, with so many digits.
std::string write_rounded(double number, int digits = 6);

// Reads an ISO 8601 date, or date and time with or without an offset such as +02:00, into seconds. Fractions
// of a second are dropped. Empty where the text is none.
std::optional<std::int64_t> parse_date(std::string_view text);

// Whole days since 1970-01-01, rounded down, and the seconds of the day.
struct DaysAndClock {
  std::int64_t days, clock;
};
constexpr DaysAndClock days_and_clock(std::int64_t seconds) noexcept {
  const std::int64_t clock = seconds % kDaySeconds;
  return clock < 0 ? DaysAndClock{seconds / kDaySeconds - 1, clock + kDaySeconds}
                   : DaysAndClock{seconds / kDaySeconds, clock};
}

// Seconds as 2024-03-31T12:30:00, and days since 1970-01-01 as 2024-03-31.
std::string write_date(std::int64_t seconds);
std::string write_day(std::int64_t days);

// Days since 1970-01-01 of a date of the Gregorian calendar; empty where there is no such day.
std::optional<std::int64_t> days_of(std::int64_t year, int month, int day) noexcept;

}  // namespace lamina
