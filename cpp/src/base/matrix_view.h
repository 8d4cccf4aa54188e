// A row-major matrix in memory that someone else owns.
#pragma once

#include <cassert>
#include <cstdint>
#include <type_traits>

namespace lamina {

// [rows, columns]; row i starts row_stride elements after row i - 1. Copies are views of the same
// memory, and MatrixView<T> turns into MatrixView<const T> by itself.
template <class T>
struct MatrixView {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t row_stride = 0;

  constexpr MatrixView() = default;
  constexpr MatrixView(T* data_, int64_t rows_, int64_t columns_, int64_t row_stride_)
      : data(data_), rows(rows_), columns(columns_), row_stride(row_stride_) {}
  constexpr MatrixView(T* data_, int64_t rows_, int64_t columns_)
      : MatrixView(data_, rows_, columns_, columns_) {}

  constexpr operator MatrixView<const T>() const
    requires(!std::is_const_v<T>)
  {
    return {data, rows, columns, row_stride};
  }

  constexpr T* row(int64_t i) const {
    assert(i >= 0 && i < rows);
    return data + i * row_stride;
  }

  constexpr T& operator()(int64_t i, int64_t j) const {
    assert(j >= 0 && j < columns);
    return row(i)[j];
  }

  // Rows [first, first + count).
  constexpr MatrixView rows_from(int64_t first, int64_t count) const {
    assert(first >= 0 && count >= 0 && first + count <= rows);
    return {data + first * row_stride, count, columns, row_stride};
  }

  constexpr bool empty() const { return rows == 0 || columns == 0; }
  constexpr bool contiguous() const { return row_stride == columns || rows <= 1; }
};

}  // namespace lamina
