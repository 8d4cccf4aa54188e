// Copies rows between buffers of different strides, padding included.
#pragma once

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
