// What a table holds: single cells, and columns of them in the caller's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace lamina {

struct Date {
  std::int64_t seconds;  // since 1970-01-01 in UTC; kNoDate is missing
};

// A missing value, a truth value, a number (NaN is missing), a date, or text without blanks at its ends.
using Cell =
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, float, Date, std::string_view>;

enum class NumberType { kBool, kI8, kI16, kI32, kI64, kU8, kU16, kU32, kU64, kF32, kF64 };

// Numbers in the machine's byte order, `stride` bytes from one to the next; NaN is missing.
struct NumberColumn {
  const void* data;
  NumberType type;
  std::ptrdiff_t stride;
  std::int64_t rows;
};

struct DateColumn {
  const std::int64_t* seconds;  // as of Date
  std::int64_t rows;
};

// Row i holds texts[codes[i]], none where it is missing. No text is there twice or has blanks at its ends.
// `as_read`: they write numbers or dates of an array, to which no format applies.
struct TextColumn {
  const std::int32_t* codes;
  std::int64_t rows;
  std::vector<std::optional<std::string_view>> texts;
  bool as_read = false;
};

using Column = std::variant<NumberColumn, DateColumn, TextColumn>;

inline std::int64_t row_count(const Column& column) noexcept {
  return std::visit([](const auto& any) { return any.rows; }, column);
}

}  // namespace lamina
