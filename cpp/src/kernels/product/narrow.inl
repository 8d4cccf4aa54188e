// Products whose C has one to four true columns: vectors run along the rows, so padding costs nothing.
//
// The order of each sum is that of product.inl, so an element has the same bits by either way.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/product/panels.inl"
#include "kernels/rows/row_parts.inl"
#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

constexpr int kNarrowColumns = 4;
// Depth of A that is transposed at once, to lie in the first-level cache.
constexpr int64_t kNarrowDepth = 32;

template <class T, int kVectors, int... V>
LAMINA_INLINE void narrow_column(Vec<T>* sums, const Vec<T>* a, Vec<T> b, Indices<V...>) {
  ((sums[V] = fma(a[V], b, sums[V])), ...);
}

template <class T, int kVectors, int... V, int... N>
LAMINA_INLINE void narrow_step(Vec<T>* sums, const T* a, const T* b, Indices<V...> vectors, Indices<N...>) {
  Vec<T> rows[kVectors];
  ((rows[V] = loadu(a + V * Vec<T>::kLanes)), ...);
  (narrow_column<T, kVectors>(sums + N * kVectors, rows, broadcast<T>(b[N]), vectors), ...);
}

// Sums stand column by column, kVectors vectors each.
template <int kVectors, class T, int... I>
LAMINA_INLINE void narrow_start(Vec<T>* sums, const T* bias, Indices<I...>) {
  ((sums[I] = bias != nullptr ? broadcast<T>(bias[I / kVectors]) : zero<T>()), ...);
}

template <class T, int... I>
LAMINA_INLINE void narrow_store(const Vec<T>* sums, T* columns, Indices<I...>) {
  (store(columns + I * Vec<T>::kLanes, sums[I]), ...);
}

// A(row, k) for the rows of kVectors vectors, transposed so that the rows of one k follow one another.
template <class T, int kVectors>
LAMINA_INLINE void transpose_rows(const Product<T>& p, int64_t row, int64_t first, int64_t depth,
                                  T* transposed) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  for (int64_t k = 0; k < depth; k += kLanes) {
    for (int64_t v = 0; v < kVectors; ++v) {
      transpose_lanes(kLanes, p.a + (row + v * kLanes) * p.a_row_stride + first + k, p.a_row_stride,
                      transposed + k * kVectors * kLanes + v * kLanes, kVectors * kLanes);
    }
  }
}

// Rows [row, row + kVectors * lanes): sums and the zero padding beside them.
template <class T, int kVectors, int kColumns>
LAMINA_NOINLINE void narrow_rows(const Product<T>& p, int64_t row) noexcept {
  constexpr int64_t kLanes = Vec<T>::kLanes, kRows = kVectors * kLanes;
  using Sums = IndicesTo<kVectors * kColumns>;
  Vec<T> sums[kVectors * kColumns];
  const int64_t b_stride = p.panel_rows > 0 ? p.columns : p.b_row_stride;
  const T* bias = p.b + p.depth * b_stride;
  narrow_start<kVectors>(sums, p.init == ProductInit::kBias ? bias : nullptr, Sums{});
  alignas(64) T transposed[kNarrowDepth * kRows];
  const bool must_transpose = p.a_row_stride != 1;
  for (int64_t first = 0; first < p.depth; first += kNarrowDepth) {
    const int64_t depth = p.depth - first < kNarrowDepth ? p.depth - first : kNarrowDepth;
    const T* a = must_transpose ? transposed : p.a + row + first * p.a_depth_stride;
    const int64_t a_stride = must_transpose ? kRows : p.a_depth_stride;
    if (must_transpose) transpose_rows<T, kVectors>(p, row, first, depth, transposed);
    const T* b = p.b + first * b_stride;
    for (int64_t k = 0; k < depth; ++k, a += a_stride, b += b_stride) {
      narrow_step<T, kVectors>(sums, a, b, IndicesTo<kVectors>{}, IndicesTo<kColumns>{});
    }
  }
  alignas(64) T columns[kColumns * kRows];
  narrow_store(sums, columns, Sums{});
  for (int64_t i = 0; i < kRows; ++i) {
    T* c = p.c + (row + i) * p.c_row_stride;
    store(c, kColumns == 1 ? first_lane(columns[i]) : zero<T>());
    for (int64_t j = kLanes; j < p.columns; j += kLanes) store(c + j, zero<T>());
    for (int64_t j = 0; kColumns > 1 && j < kColumns; ++j) c[j] = columns[j * kRows + i];
  }
}

// True if the product is narrow and its rows fill a vector; then C holds the sums.
template <class T, int kColumns = kNarrowColumns>
LAMINA_INLINE bool narrow_sums(const Product<T>& p) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  if (p.true_columns != kColumns) {
    if constexpr (kColumns > 1) return narrow_sums<T, kColumns - 1>(p);
    return false;
  }
  // Rows that are transposed are read in whole vectors, so they must be padded.
  const bool readable = p.a_row_stride == 1 || (p.a_depth_stride == 1 && p.a_row_stride % kLanes == 0 &&
                                                reinterpret_cast<uintptr_t>(p.a) % 64 == 0);
  if (p.rows < kLanes || !readable || p.columns > kPanelColumns<T> || p.init == ProductInit::kAccumulate)
    return false;
  int64_t row = 0;
  for (; p.rows - row >= 4 * kLanes; row += 4 * kLanes) narrow_rows<T, 4, kColumns>(p, row);
  for (; p.rows - row >= 2 * kLanes; row += 2 * kLanes) narrow_rows<T, 2, kColumns>(p, row);
  for (; p.rows - row >= kLanes; row += kLanes) narrow_rows<T, 1, kColumns>(p, row);
  // The rest together with some rows before it, which come out the same again.
  if (row < p.rows) narrow_rows<T, 1, kColumns>(p, p.rows - kLanes);
  return true;
}

}  // namespace
}  // namespace lamina::kernels
