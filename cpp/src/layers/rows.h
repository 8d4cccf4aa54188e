// Copies rows between buffers of different strides, padding included.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/layout.h"
#include "layers/layer.h"

namespace lamina {

// The source may be a user's matrix without padding: true columns are read, padding is zeroed.
template <class T>
void copy_rows(int64_t rows, int64_t columns, const T* from, int64_t from_stride, T* to,
               int64_t to_stride) noexcept {
  const auto bytes = static_cast<size_t>(columns) * sizeof(T);
  const auto padding = static_cast<size_t>(padded_columns<T>(columns) - columns) * sizeof(T);
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(to + row * to_stride, from + row * from_stride, bytes);
    if (padding != 0) std::memset(to + row * to_stride + columns, 0, padding);
  }
}

// Row i of from(i) to to(i), without padding. No call of memcpy for a single column: in a step of a small
// network, which takes 4 us, it would show.
template <class From, class To>
void copy_each_row(int64_t rows, int64_t columns, From from, To to) noexcept {
  if (columns == 1) {
    for (int64_t row = 0; row < rows; ++row) *to(row) = *from(row);
  } else {
    for (int64_t row = 0; row < rows; ++row) std::copy_n(from(row), columns, to(row));
  }
}

// Rows [rows, columns] of a workspace into a user's matrix of any row stride, or part of them into others.
template <class T>
void copy_to_user(int64_t rows, int64_t columns, const T* from, int64_t from_stride, T* to,
                  int64_t to_stride) noexcept {
  copy_each_row(
      rows, columns, [&](int64_t row) { return from + row * from_stride; },
      [&](int64_t row) { return to + row * to_stride; });
}

// For layers of as many outputs as inputs: a pass's input values as its output, and its delta back.
template <class T>
void copy_forward(const RowPass<T>& pass) noexcept {
  copy_rows(pass.rows, pass.input.columns, pass.input_values(), pass.input.row_stride, pass.output_values(),
            pass.output.row_stride);
}
template <class T>
void copy_backward(const RowPass<T>& pass) noexcept {
  copy_rows(pass.rows, pass.input.columns, pass.output_delta(), pass.output.row_stride, pass.input_delta(),
            pass.input.row_stride);
}

}  // namespace lamina
