// What the kernels of parametric activations take.
#pragma once

#include <stdint.h>

namespace lamina::kernels {

// Rows of a blend of z and f(z) by column: y = z + (f(z) - z) * weight. Of z its true `columns` are read, at
// any address; all other rows are padded, and weights are 0 in the padding.
template <class T>
struct BlendRows {
  int64_t rows, columns;
  const T* z;
  int64_t z_row_stride;
  const T* weight;
  T* values;  // f(z) in, y out
  int64_t row_stride;
  T* kept;  // null, or receives f(z)
  int64_t kept_row_stride;
};

// `delta` holds dL/dy and becomes dL/dy * (f(z) - z); dz (or null) becomes dL/dy * (1 + (f'(z) - 1) *
// weight), with f'(z) from `slopes`; where these are null it holds dL/dy * weight * f'(z) before. 0 in their
// padding.
template <class T>
struct BlendRowsBackward {
  int64_t rows, columns;
  const T* z;
  int64_t z_row_stride;
  const T* weight;
  const T* f;  // may be dz
  int64_t f_row_stride;
  T* delta;
  int64_t delta_row_stride;
  T* dz;
  int64_t dz_row_stride;
  const T* slopes = nullptr;
  int64_t slopes_row_stride = 0;
};

}  // namespace lamina::kernels
