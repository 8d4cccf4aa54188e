// What a metric computes on: float64 without gaps, the caller's own or a copy of other types.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "metrics/numbers.h"

namespace lamina::metrics {

class PlainNumbers {
 public:
  PlainNumbers() = default;
  explicit PlainNumbers(const NumberView& view)
      : rows(view.rows), columns(view.columns), data_(view.float64) {
    if (view.float64 != nullptr && view.row_stride == columns) return;
    copy_ = std::make_unique_for_overwrite<double[]>(static_cast<std::size_t>(rows * columns));
    data_ = copy_.get();
    if (view.float64 != nullptr)
      copy(view.float64, view.row_stride);
    else if (view.float32 != nullptr)
      copy(view.float32, view.row_stride);
    else
      copy(view.int32, view.row_stride);
  }

  double at(int64_t row, int64_t column = 0) const noexcept { return data_[row * columns + column]; }
  std::span<const double> all() const noexcept { return {data_, static_cast<std::size_t>(rows * columns)}; }

  int64_t rows = 0, columns = 0;

 private:
  template <class T>
  void copy(const T* from, int64_t row_stride) {
    // Rows without gaps are copied as one.
    const bool together = row_stride == columns;
    const int64_t parts = together ? 1 : rows, part = together ? rows * columns : columns;
    for (int64_t row = 0; row < parts; ++row)
      std::copy_n(from + row * row_stride, part, copy_.get() + row * part);
  }

  std::unique_ptr<double[]> copy_;
  const double* data_ = nullptr;
};

}  // namespace lamina::metrics
