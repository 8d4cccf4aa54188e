// Which texts stand for a missing value; those that write numbers match as numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace lamina {

// Lets hash tables of strings be searched by views.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};
using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;
template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

class MissingTexts {
 public:
  MissingTexts() = default;
  explicit MissingTexts(std::vector<std::string> texts);

  const std::vector<std::string>& texts() const noexcept { return texts_; }
  bool contains(std::string_view text) const;
  // Whether a text stands for a missing value as it is written.
  bool is_written(std::string_view text) const { return written_.contains(text); }
  // The same of a text's value, as same_value has it.
  bool is_value(std::string_view value) const { return values_.contains(value); }

  // Whether a number stands for one, in its own precision; truth values never do.
  template <class Number>
  bool contains_number(Number number) const noexcept {
    if constexpr (std::is_same_v<Number, bool>)
      return false;
    else if constexpr (std::is_floating_point_v<Number>)
      return !fractions_.empty() && is_fraction(number);
    else if constexpr (std::is_signed_v<Number>)
      return !whole_.empty() && is_whole(static_cast<std::int64_t>(number));
    else
      return !fractions_.empty() && is_whole(static_cast<std::uint64_t>(number));
  }
  bool contains_date(std::int64_t seconds) const noexcept;

 private:
  bool is_fraction(double number) const noexcept;
  bool is_fraction(float number) const noexcept;
  bool is_whole(std::int64_t number) const noexcept;
  bool is_whole(std::uint64_t number) const noexcept;

  std::vector<std::string> texts_;
  TextSet written_, values_;
  std::vector<double> fractions_;
  std::vector<std::int64_t> whole_;
  std::vector<std::uint64_t> great_;  // beyond 63 bits
  std::vector<std::int64_t> dates_;
};

}  // namespace lamina
