// Texts, numbers and dates that stand for missing values.
#include "tables/missing_texts.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "tables/plain_number.h"
#include "tables/text_value.h"

namespace lamina {
namespace {

template <class Number>
bool read_whole(const std::string& text, Number& value) noexcept {
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

template <class Value>
bool holds(const std::vector<Value>& values, Value value) noexcept {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

MissingTexts::MissingTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {
  for (const std::string& text : texts_) {
    written_.insert(text);
    values_.insert(same_value(text));
    if (const auto date = parse_date(text)) dates_.push_back(*date);
  }
  for (const std::string& value : values_) {
    double fraction = 0.0;
    std::int64_t whole = 0;
    std::uint64_t great = 0;
    if (value.find('_') == std::string::npos && parse_float(value, fraction) && fraction == fraction)
      fractions_.push_back(fraction);
    if (read_whole(value, whole))
      whole_.push_back(whole);
    else if (read_whole(value, great))
      great_.push_back(great);
  }
}

bool MissingTexts::contains(std::string_view text) const {
  return is_written(text) || (may_be_value(text) && is_value(same_value(text)));
}

bool MissingTexts::is_fraction(double number) const noexcept { return holds(fractions_, number); }

bool MissingTexts::is_fraction(float number) const noexcept {
  return std::any_of(fractions_.begin(), fractions_.end(),
                     [number](double fraction) { return static_cast<float>(fraction) == number; });
}

bool MissingTexts::is_whole(std::int64_t number) const noexcept { return holds(whole_, number); }

bool MissingTexts::is_whole(std::uint64_t number) const noexcept {
  return std::in_range<std::int64_t>(number) ? holds(whole_, static_cast<std::int64_t>(number))
                                             : holds(great_, number);
}

bool MissingTexts::contains_date(std::int64_t seconds) const noexcept { return holds(dates_, seconds); }

}  // namespace lamina
