// What the products with sparse rows take; the functions are in the kernel table.
#pragma once

#include <stdint.h>

namespace lamina::kernels {

// Rows that store some of their elements, each row's in ascending columns; the others are 0. Those of row r
// are [starts[r], ends[r]).
template <class T>
struct SparseRows {
  const int64_t* starts;
  const int64_t* ends;
  const int32_t* columns;
  const T* values;
};

// C[rows, columns] = A[rows, depth] B, plus B's row `depth` where there is a bias; B is a panel matrix, the
// sums are those of Product.
template <class T>
struct SparseProduct {
  int64_t rows, columns, depth;  // columns: padded
  SparseRows<T> a;
  const T* b;
  int64_t panel_rows;
  bool has_bias;
  T* c;
  int64_t c_row_stride;
};

// out[column_count, width] = A' delta, for A's columns [first_column, first_column + column_count) and
// `width` columns of delta (a multiple of 64 bytes). Rows of `out` whose column no row of A has are not
// touched; `read` [column_count], 0 before, is 1 at the others.
template <class T>
struct SparseGradient {
  int64_t rows;
  SparseRows<T> a;
  int64_t first_column, column_count;
  const T* delta;
  int64_t delta_row_stride;
  int64_t width;
  T* out;
  uint8_t* read;
};

}  // namespace lamina::kernels
