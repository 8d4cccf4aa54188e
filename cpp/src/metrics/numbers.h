// Views of the numbers that metrics read. Their owner may change what they show during a call,
// so nothing read from them is used as an index unchecked.
#pragma once

#include <cstdint>

namespace lamina {

// [rows, columns] of one type; row_stride in elements (0: all rows are the same one), columns without gaps.
struct NumberView {
  const float* float32 = nullptr;  // one of the three is not null
  const double* float64 = nullptr;
  const int32_t* int32 = nullptr;
  int64_t rows = 0, columns = 0, row_stride = 0;

  NumberView() = default;
  NumberView(const float* data, int64_t row_count, int64_t column_count)
      : float32(data), rows(row_count), columns(column_count), row_stride(column_count) {}
  NumberView(const double* data, int64_t row_count, int64_t column_count)
      : float64(data), rows(row_count), columns(column_count), row_stride(column_count) {}
  // Class indices [rows].
  NumberView(const int32_t* classes, int64_t row_count)
      : int32(classes), rows(row_count), columns(1), row_stride(1) {}

  NumberView first_rows(int64_t count) const noexcept {
    NumberView part = *this;
    part.rows = count;
    return part;
  }
  NumberView first_columns(int64_t count) const noexcept {
    NumberView part = *this;
    part.columns = count;
    return part;
  }

  double at(int64_t row, int64_t column = 0) const noexcept {
    const int64_t place = row * row_stride + column;
    if (float64 != nullptr) return float64[place];
    return float32 != nullptr ? static_cast<double>(float32[place]) : static_cast<double>(int32[place]);
  }
};

}  // namespace lamina
