// The distinct values of a column of numbers or dates, in rising order.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "tables/column.h"

namespace lamina {

struct DistinctCells {
  std::vector<Cell> cells;
  std::vector<std::int32_t> codes;  // of each row, into the cells
};

// Numbers that compare equal are one value, and all NaN are one, the last.
DistinctCells distinct_cells(const NumberColumn& column);
DistinctCells distinct_cells(const DateColumn& column);

// Calls use(value) with the type of the column's numbers, as a null pointer to it.
template <class Use>
auto with_number_type(NumberType type, Use use) {
  switch (type) {
    case NumberType::kBool:
      return use(static_cast<const bool*>(nullptr));
    case NumberType::kI8:
      return use(static_cast<const std::int8_t*>(nullptr));
    case NumberType::kI16:
      return use(static_cast<const std::int16_t*>(nullptr));
    case NumberType::kI32:
      return use(static_cast<const std::int32_t*>(nullptr));
    case NumberType::kI64:
      return use(static_cast<const std::int64_t*>(nullptr));
    case NumberType::kU8:
      return use(static_cast<const std::uint8_t*>(nullptr));
    case NumberType::kU16:
      return use(static_cast<const std::uint16_t*>(nullptr));
    case NumberType::kU32:
      return use(static_cast<const std::uint32_t*>(nullptr));
    case NumberType::kU64:
      return use(static_cast<const std::uint64_t*>(nullptr));
    case NumberType::kF32:
      return use(static_cast<const float*>(nullptr));
    case NumberType::kF64:
      break;
  }
  return use(static_cast<const double*>(nullptr));
}

// The number at a place; a truth value is any byte that is not 0.
template <class Number>
Number load_number(const char* at) noexcept {
  if constexpr (std::is_same_v<Number, bool>) {
    return *at != 0;
  } else {
    Number number;
    std::memcpy(&number, at, sizeof(Number));
    return number;
  }
}

}  // namespace lamina
