// The panels' width, and what is done to panels and rows apart from products: column sums and transposing.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

template <class T>
constexpr int64_t kLineElements = 64 / static_cast<int64_t>(sizeof(T));
template <class T>
constexpr int64_t kTileColumns = kTileVectors * Vec<T>::kLanes;
// Widths come in lines of 64 bytes, so narrower tiles than this do not occur.
template <class T>
constexpr int kLeastVectors =
    kLineElements<T> < kTileColumns<T> ? static_cast<int>(kLineElements<T> / Vec<T>::kLanes) : kTileVectors;
template <class T>
constexpr int64_t kPanelColumns = kTileColumns<T> > kLineElements<T> ? kTileColumns<T> : kLineElements<T>;

template <class T, int kVectors, int... V>
LAMINA_INLINE void sum_columns(int64_t rows, const T* b, int64_t b_row_stride, T* out, Indices<V...>) {
  Vec<T> sums[kVectors];
  ((sums[V] = zero<T>()), ...);
  for (int64_t row = 0; row < rows; ++row, b += b_row_stride) {
    ((sums[V] = sums[V] + load(b + V * Vec<T>::kLanes)), ...);
  }
  (store(out + V * Vec<T>::kLanes, sums[V]), ...);
}

template <class T>
void column_sums(int64_t rows, int64_t columns, const T* b, int64_t b_row_stride, T* out) noexcept {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  int64_t column = 0;
  for (; columns - column >= 8 * kLanes; column += 8 * kLanes) {
    sum_columns<T, 8>(rows, b + column, b_row_stride, out + column, IndicesTo<8>{});
  }
  for (; columns - column >= 2 * kLanes; column += 2 * kLanes) {
    sum_columns<T, 2>(rows, b + column, b_row_stride, out + column, IndicesTo<2>{});
  }
  if (column < columns) sum_columns<T, 1>(rows, b + column, b_row_stride, out + column, IndicesTo<1>{});
}

// `count` of the lanes rows from `from` on, turned into the first `count` elements of as many rows, of which
// the first `columns` are written.
template <class T>
LAMINA_INLINE void transpose_lanes(int64_t count, const T* from, int64_t from_stride, T* to,
                                   int64_t to_stride, int64_t columns = Vec<T>::kLanes) {
  constexpr int kLanes = static_cast<int>(Vec<T>::kLanes);
  Vec<T> block[kLanes];
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
  for (int i = 0; i < kLanes; ++i) block[i] = i < count ? load(from + i * from_stride) : zero<T>();
  transpose_block(block);
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
  for (int i = 0; i < kLanes; ++i) {
    if (i >= columns) continue;
    if (count == kLanes) {
      storeu(to + i * to_stride, block[i]);
    } else {
      store_n(to + i * to_stride, block[i], count);
    }
  }
}

template <class T>
void transpose(int64_t rows, int64_t columns, const T* in, int64_t in_row_stride, T* out,
               int64_t out_row_stride) noexcept {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = 0; r < rows; r += kLineElements<T>) prefetch_to_write(out + c * out_row_stride + r);
  }
  int64_t c = 0;
  for (; c + 2 < columns; c += kLanes) {
    const T* from = in + c;
    T* to = out + c * out_row_stride;
    const int64_t count = columns - c;
    int64_t r = 0;
    for (; r + kLanes <= rows; r += kLanes) {
      transpose_lanes(kLanes, from + r * in_row_stride, in_row_stride, to + r, out_row_stride, count);
    }
    if (r < rows) {
      transpose_lanes(rows - r, from + r * in_row_stride, in_row_stride, to + r, out_row_stride, count);
    }
  }
  // One or two columns are sooner copied.
  for (; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) out[c * out_row_stride + r] = in[r * in_row_stride + c];
  }
}

}  // namespace
}  // namespace lamina::kernels
