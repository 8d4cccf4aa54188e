// Products with rows that store some of their elements: sums of weight rows, and gradients of the rows that
// were read. Both have the bits of the dense products, whose further terms are zeros.
#pragma once

#include <string.h>

#include "kernels/product/panels.inl"
#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

template <class T>
constexpr int kLineVectors = static_cast<int>(kLineElements<T> / Vec<T>::kLanes);
// Elements ahead whose weight rows, which may lie anywhere, are asked for.
constexpr int64_t kSparseAhead = 8;

LAMINA_INLINE void prefetch_line(const void* place) {
#if defined(__GNUC__)
  __builtin_prefetch(place);
#else
  (void)place;
#endif
}

// Columns [column, column + vectors) of one row; `b` is the panel.
template <class T, int... V>
LAMINA_INLINE void sparse_row(const SparseProduct<T>& p, int64_t row, const T* b, int64_t width, T* c,
                              Indices<V...>) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  Vec<T> sums[sizeof...(V)];
  const T* bias = b + p.depth * width;
  ((sums[V] = p.has_bias ? load(bias + V * kLanes) : zero<T>()), ...);
  const int64_t last = p.a.ends[row];
  for (int64_t k = p.a.starts[row]; k < last; ++k) {
    if (k + kSparseAhead < last) prefetch_line(b + p.a.columns[k + kSparseAhead] * width);
    const Vec<T> value = broadcast<T>(p.a.values[k]);
    const T* weights = b + p.a.columns[k] * width;
    ((sums[V] = fma(value, load(weights + V * kLanes), sums[V])), ...);
  }
  (store(c + V * kLanes, sums[V]), ...);
}

template <class T>
void sparse_product(const SparseProduct<T>& p) noexcept {
  for (int64_t first = 0; first < p.columns; first += kPanelColumns<T>) {
    const int64_t left = p.columns - first;
    const int64_t width = left < kPanelColumns<T> ? left : kPanelColumns<T>;
    const T* panel = p.b + first * p.panel_rows;
    for (int64_t row = 0; row < p.rows; ++row) {
      T* c = p.c + row * p.c_row_stride + first;
      int64_t j = 0;
      for (; width - j >= 4 * kLineElements<T>; j += 4 * kLineElements<T>)
        sparse_row(p, row, panel + j, width, c + j, IndicesTo<4 * kLineVectors<T>>{});
      for (; j < width; j += kLineElements<T>)
        sparse_row(p, row, panel + j, width, c + j, IndicesTo<kLineVectors<T>>{});
    }
  }
}

template <class T>
void sparse_gradient(const SparseGradient<T>& g) noexcept {
  for (int64_t row = 0; row < g.rows; ++row) {
    int64_t k = g.a.starts[row], last = g.a.ends[row];
    // The first element in the range: the columns ascend.
    for (int64_t end = last; k < end;) {
      const int64_t middle = k + (end - k) / 2;
      if (g.a.columns[middle] < g.first_column) {
        k = middle + 1;
      } else {
        end = middle;
      }
    }
    const T* delta = g.delta + row * g.delta_row_stride;
    for (; k < last; ++k) {
      const int64_t column = g.a.columns[k] - g.first_column;
      if (column >= g.column_count) break;
      const Vec<T> value = broadcast<T>(g.a.values[k]);
      T* out = g.out + column * g.width;
      if (g.read[column] == 0) {
        g.read[column] = 1;
        for (int64_t j = 0; j < g.width; j += Vec<T>::kLanes)
          store(out + j, fma(value, load(delta + j), zero<T>()));
      } else {
        for (int64_t j = 0; j < g.width; j += Vec<T>::kLanes)
          store(out + j, fma(value, load(delta + j), load(out + j)));
      }
    }
  }
}

// The row is looked at a cache line at a time, of which most are zeros alone.
template <class T>
int64_t keep_nonzero(int64_t columns, T* values, int32_t* numbers) noexcept {
  constexpr uint64_t kMagnitude = sizeof(T) == 8 ? ~uint64_t{0} >> 1 : 0x7fffffff7fffffffu;
  constexpr int64_t kWords = 8;
  int64_t kept = 0;
  for (int64_t first = 0; first < columns; first += kLineElements<T>) {
    uint64_t words[kWords], any = 0;
    memcpy(words, values + first, sizeof words);
    for (const uint64_t word : words) any |= word & kMagnitude;
    if (any == 0) continue;
    kept += keep_nonzero_line(values + first, first, values + kept, numbers + kept);
  }
  return kept;
}

}  // namespace
}  // namespace lamina::kernels
