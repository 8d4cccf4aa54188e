// Dot products of the rows of a panel matrix with one vector: the backward pass of a single row, which so
// needs no transposed weights.
//
// A dot product runs over the columns in one vector of chains, whose sums are added pairwise: the order of
// its sum depends on the number of columns alone.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/product/panels.inl"
#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

// Vectors 0, 1, ... pairwise into vector 0.
template <class T, int kCount, int... I>
LAMINA_INLINE void add_halves(Vec<T>* sums, Indices<I...>) {
  ((sums[I] = sums[I] + sums[I + kCount]), ...);
  if constexpr (kCount > 1) add_halves<T, kCount / 2>(sums, IndicesTo<kCount / 2>{});
}

// Rows [row, row + lanes) at once; those from `count` on repeat the last.
template <class T, int... I>
LAMINA_INLINE Vec<T> dots_of_lanes(const PanelDots<T>& p, int64_t row, int64_t count, Indices<I...>) {
  constexpr int kLanes = static_cast<int>(Vec<T>::kLanes);
  Vec<T> sums[kLanes] = {(static_cast<void>(I), zero<T>())...};
  for (int64_t column = 0; column < p.columns; column += kPanelColumns<T>) {
    const int64_t left = p.columns - column;
    const int64_t width = left < kPanelColumns<T> ? left : kPanelColumns<T>;
    const T* b = p.b + column * p.panel_rows + row * width;
    for (int64_t j = 0; j < width; j += kLanes) {
      const Vec<T> x = load(p.x + column + j);
      if (count == kLanes) {
        ((sums[I] = fma(load(b + I * width + j), x, sums[I])), ...);
      } else {
        ((sums[I] = fma(load(b + (I < count ? I : count - 1) * width + j), x, sums[I])), ...);
      }
    }
  }
  transpose_block(sums);
  add_halves<T, kLanes / 2>(sums, IndicesTo<kLanes / 2>{});
  return sums[0];
}

template <class T>
void panel_dots(const PanelDots<T>& p) noexcept {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  for (int64_t row = p.first; row < p.last; row += kLanes) {
    const int64_t count = p.last - row < kLanes ? p.last - row : kLanes;
    const Vec<T> dots = dots_of_lanes(p, row, count, IndicesTo<kLanes>{});
    if (count == kLanes) {
      store(p.out + row, dots);
    } else {
      store_n(p.out + row, dots, count);
    }
  }
}

}  // namespace
}  // namespace lamina::kernels
