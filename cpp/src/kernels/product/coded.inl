// Products with coded features, of which most would be 0 or 1: a row of weights for each category, and
// running sums of weights for numbers' steps, so that a number costs the same whatever its steps.
#pragma once

#include "kernels/product/panels.inl"
#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

// Rows whose part of C stays in the first-level cache while one run after the other joins it.
constexpr int64_t kCodedRows = 64;
// Steps whose running sums do too.
constexpr int64_t kCodedSteps = 64;

// What a feature's row of weights counts, where there is a scale.
template <bool kScaled, class T>
LAMINA_INLINE Vec<T> factor_of(const CodedProduct<T>& p, int64_t feature) {
  if constexpr (kScaled) return broadcast<T>(p.scale[feature]);
  return zero<T>();
}

template <bool kScaled, class T>
LAMINA_INLINE Vec<T> load_scaled(const T* weights, Vec<T> factor) {
  if constexpr (kScaled) return load(weights) * factor;
  return load(weights);
}

// Columns [0, vectors) of one panel from `b` and `c` on, here and below.
template <bool kScaled, class T, int... V>
LAMINA_INLINE void coded_plain(const CodedProduct<T>& p, const T* a, const T* b, int64_t width, T* c,
                               Indices<V...>) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  Vec<T> sums[sizeof...(V)];
  const T* bias = b + p.depth * width;
  ((sums[V] = p.has_bias ? load(bias + V * kLanes) : zero<T>()), ...);
  for (int64_t i = 0; i < p.codes.plain_count; ++i) {
    const Vec<T> value = broadcast<T>(a[i]), factor = factor_of<kScaled>(p, p.codes.plain[i]);
    const T* weights = b + p.codes.plain[i] * width;
    ((sums[V] = fma(value, load_scaled<kScaled>(weights + V * kLanes, factor), sums[V])), ...);
  }
  (store(c + V * kLanes, sums[V]), ...);
}

template <bool kScaled, class T, int... V>
LAMINA_INLINE void coded_one_hot(const CodedProduct<T>& p, int64_t rows, const FeatureRun& run, const T* a,
                                 const T* b, int64_t width, T* c, Indices<V...>) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  for (int64_t row = 0; row < rows; ++row, a += p.a_row_stride, c += p.c_row_stride) {
    const auto k = static_cast<int64_t>(*a);
    if (k >= run.count) continue;
    const T* weights = b + k * width;
    const Vec<T> factor = factor_of<kScaled>(p, run.first + k);
    (store(c + V * kLanes, load(c + V * kLanes) + load_scaled<kScaled>(weights + V * kLanes, factor)), ...);
  }
}

// A run's steps [first, first + steps): the last of all rows' places lies above `first`.
template <bool kScaled, class T, int... V>
LAMINA_INLINE void coded_steps(const CodedProduct<T>& p, int64_t rows, const FeatureRun& run, int64_t first,
                               int64_t steps, const T* a, const T* b, int64_t width, T* c, Indices<V...>) {
  constexpr int64_t kLanes = Vec<T>::kLanes, kSums = sizeof...(V) * kLanes;
  alignas(64) T below[(kCodedSteps + 1) * kSums];
  Vec<T> sums[sizeof...(V)];
  ((sums[V] = zero<T>()), ...);
  for (int64_t k = 0; k < steps; ++k) {
    (store(below + k * kSums + V * kLanes, sums[V]), ...);
    const Vec<T> factor = factor_of<kScaled>(p, run.first + first + k);
    ((sums[V] = sums[V] + load_scaled<kScaled>(b + (first + k) * width + V * kLanes, factor)), ...);
  }
  (store(below + steps * kSums + V * kLanes, sums[V]), ...);
  for (int64_t row = 0; row < rows; ++row, a += p.a_row_stride, c += p.c_row_stride) {
    const T place = *a - static_cast<T>(first);
    if (!(place > T(0))) continue;
    if (place >= static_cast<T>(steps)) {
      const T* whole = below + steps * kSums;
      (store(c + V * kLanes, load(c + V * kLanes) + load(whole + V * kLanes)), ...);
      continue;
    }
    const auto k = static_cast<int64_t>(place);
    const Vec<T> share = broadcast<T>(place - static_cast<T>(k));
    const Vec<T> factor = factor_of<kScaled>(p, run.first + first + k);
    const T *whole = below + k * kSums, *weights = b + (first + k) * width;
    (store(c + V * kLanes, fma(share, load_scaled<kScaled>(weights + V * kLanes, factor),
                               load(c + V * kLanes) + load(whole + V * kLanes))),
     ...);
  }
}

template <bool kScaled, class T, int... V>
LAMINA_INLINE void coded_columns(const CodedProduct<T>& p, int64_t first_row, int64_t rows, const T* b,
                                 int64_t width, T* c, Indices<V...> vectors) {
  const T* a = p.a + first_row * p.a_row_stride;
  for (int64_t row = 0; row < rows; ++row)
    coded_plain<kScaled>(p, a + row * p.a_row_stride, b, width, c + row * p.c_row_stride, vectors);
  a += p.codes.plain_count;
  for (int64_t i = 0; i < p.codes.run_count; ++i, ++a) {
    const FeatureRun& run = p.codes.runs[i];
    const T* weights = b + run.first * width;
    if (!run.steps) {
      coded_one_hot<kScaled>(p, rows, run, a, weights, width, c, vectors);
      continue;
    }
    T highest = T(0);
    for (int64_t row = 0; row < rows; ++row) {
      const T place = a[row * p.a_row_stride];
      highest = place > highest ? place : highest;
    }
    for (int64_t first = 0; static_cast<T>(first) < highest; first += kCodedSteps) {
      const int64_t left = run.count - first, steps = left < kCodedSteps ? left : kCodedSteps;
      coded_steps<kScaled>(p, rows, run, first, steps, a, weights, width, c, vectors);
    }
  }
}

template <bool kScaled, class T>
LAMINA_INLINE void coded_panels(const CodedProduct<T>& p) {
  constexpr int kLineVectors = static_cast<int>(kLineElements<T> / Vec<T>::kLanes);
  for (int64_t first = 0; first < p.columns; first += kPanelColumns<T>) {
    const int64_t left = p.columns - first;
    const int64_t width = left < kPanelColumns<T> ? left : kPanelColumns<T>;
    const T* panel = p.b + first * p.panel_rows;
    for (int64_t row = 0; row < p.rows; row += kCodedRows) {
      const int64_t rest = p.rows - row, rows = rest < kCodedRows ? rest : kCodedRows;
      T* c = p.c + row * p.c_row_stride + first;
      int64_t j = 0;
      for (; width - j >= 4 * kLineElements<T>; j += 4 * kLineElements<T>)
        coded_columns<kScaled>(p, row, rows, panel + j, width, c + j, IndicesTo<4 * kLineVectors>{});
      for (; j < width; j += kLineElements<T>)
        coded_columns<kScaled>(p, row, rows, panel + j, width, c + j, IndicesTo<kLineVectors>{});
    }
  }
}

template <class T>
void coded_product(const CodedProduct<T>& p) noexcept {
  if (p.scale == nullptr) return coded_panels<false>(p);
  coded_panels<true>(p);
}

template <class T>
LAMINA_INLINE T* run_memory(const CodedGradient<T>& g, int64_t run) {
  return g.memory + (g.codes.runs[run].first - g.first_feature + run) * g.width;
}

// A row's delta joins the sums of its features, and of steps those of all that end at the same one: `memory`.
template <bool kParts, class T, int... V>
LAMINA_INLINE void add_coded_row(const CodedGradient<T>& g, int64_t row, int64_t column, Indices<V...>) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  const Vec<T> delta[] = {load(g.delta + row * g.delta_row_stride + column + V * kLanes)...};
  const T *plain = g.plain + row * g.a_row_stride, *numbers = g.numbers + row * g.a_row_stride;
  T* out = g.out + column - g.first_feature * g.width;
  for (int64_t i = 0; i < g.codes.plain_count; ++i) {
    const Vec<T> value = broadcast<T>(plain[i]);
    T* sums = out + g.codes.plain[i] * g.width;
    (store(sums + V * kLanes, fma(value, delta[V], load(sums + V * kLanes))), ...);
  }
  for (int64_t i = 0; i < g.codes.run_count; ++i) {
    const FeatureRun& run = g.codes.runs[i];
    T number = numbers[i];
    if constexpr (kParts) {
      const T most = static_cast<T>(run.count);
      number -= static_cast<T>(run.start);
      if (number < T(0)) continue;
      number = number < most ? number : most;
    }
    const auto k = static_cast<int64_t>(number);
    T* sums = out + (run.first + k) * g.width;
    if (run.steps) {
      T* ends = run_memory(g, i) + k * g.width + column;
      (store(ends + V * kLanes, load(ends + V * kLanes) + delta[V]), ...);
      const Vec<T> share = broadcast<T>(number - static_cast<T>(k));
      if (k < run.count) (store(sums + V * kLanes, fma(share, delta[V], load(sums + V * kLanes))), ...);
    } else if (k < run.count) {
      (store(sums + V * kLanes, load(sums + V * kLanes) + delta[V]), ...);
    }
  }
}

// Each step gets the sums of the rows that end above it.
template <class T>
LAMINA_INLINE void add_sums_above(const CodedGradient<T>& g, int64_t run) {
  const FeatureRun& steps = g.codes.runs[run];
  const T* memory = run_memory(g, run);
  T* out = g.out + (steps.first - g.first_feature) * g.width;
  for (int64_t j = 0; j < g.width; j += Vec<T>::kLanes) {
    Vec<T> above = zero<T>();
    for (int64_t k = steps.count - 1; k >= 0; --k) {
      above = above + load(memory + (k + 1) * g.width + j);
      store(out + k * g.width + j, load(out + k * g.width + j) + above);
    }
  }
}

template <bool kParts, class T>
LAMINA_INLINE void add_coded_rows(const CodedGradient<T>& g) {
  constexpr int kLineVectors = static_cast<int>(kLineElements<T> / Vec<T>::kLanes);
  int64_t j = 0;
  for (; g.width - j >= 4 * kLineElements<T>; j += 4 * kLineElements<T>)
    for (int64_t row = 0; row < g.rows; ++row)
      add_coded_row<kParts>(g, row, j, IndicesTo<4 * kLineVectors>{});
  for (; j < g.width; j += kLineElements<T>)
    for (int64_t row = 0; row < g.rows; ++row) add_coded_row<kParts>(g, row, j, IndicesTo<kLineVectors>{});
}

template <class T>
void coded_gradient(const CodedGradient<T>& g) noexcept {
  for (int64_t i = 0; i < g.features * g.width; i += Vec<T>::kLanes) store(g.out + i, zero<T>());
  if (g.codes.plain_count + g.codes.run_count == 0) return;
  for (int64_t i = 0; i < (g.features + g.codes.run_count) * g.width; i += Vec<T>::kLanes)
    store(g.memory + i, zero<T>());
  if (g.has_parts)
    add_coded_rows<true>(g);
  else
    add_coded_rows<false>(g);
  for (int64_t run = 0; run < g.codes.run_count; ++run)
    if (g.codes.runs[run].steps) add_sums_above(g, run);
}

template <class T>
void split_scaled_gradient(const ScaledGradient<T>& g) noexcept {
  const T* weights = g.weights;
  T* gradient = g.gradient;
  for (int64_t i = 0; i < g.features; ++i, weights += g.width, gradient += g.width) {
    const Vec<T> factor = broadcast<T>(g.scale[i]);
    Vec<T> sum = zero<T>();
    for (int64_t j = 0; j < g.width; j += Vec<T>::kLanes) {
      const Vec<T> scaled = load(gradient + j);
      sum = fma(scaled, load(weights + j), sum);
      store(gradient + j, scaled * factor);
    }
    g.sums[i] = (g.adds ? g.sums[i] : T(0)) + reduce_add(sum);
  }
}

}  // namespace
}  // namespace lamina::kernels
