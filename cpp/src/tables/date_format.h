// Dates written in a format of strptime, such as %d.%m.%Y.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lamina {

// It reads what Python's datetime.strptime reads with English names of months and days.
class DateFormat {
 public:
  // Throws Error kValue, in a sentence that names the format, for a directive that is not among a A b B d f H
  // I j m M p S y Y z and %, and for one that comes twice.
  explicit DateFormat(std::string format);

  const std::string& text() const noexcept { return format_; }
  // Seconds since 1970-01-01 in UTC; empty where the text is not written so.
  std::optional<std::int64_t> parse(std::string_view text) const;

 private:
  struct Fields;
  // A directive's letter, or 0 for a literal text, or a blank for white space.
  struct Part {
    char directive;
    std::string literal;
  };
  bool match(std::size_t part, std::string_view rest, Fields& fields) const;
  bool match_name(std::size_t part, std::string_view rest, Fields& fields) const;
  bool match_number(std::size_t part, std::string_view rest, Fields& fields) const;
  bool match_offset(std::size_t part, std::string_view rest, Fields& fields) const;

  std::string format_;
  std::vector<Part> parts_;
};

}  // namespace lamina
