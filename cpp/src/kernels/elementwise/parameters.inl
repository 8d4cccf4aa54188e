// Functions over learned parameters: slopes of a parametric ReLU, clamps, averages, penalties, norm limits.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/simd/math.inl"

namespace lamina::kernels {
namespace {

template <class T>
void prelu_forward(int64_t rows, int64_t columns, const T* z, int64_t z_row_stride, const T* slopes,
                   bool shared, T* y, int64_t y_row_stride) noexcept {
  const Vec<T> one_slope = broadcast<T>(slopes[0]);
  for (int64_t r = 0; r < rows; ++r, z += z_row_stride, y += y_row_stride) {
    for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
      const Vec<T> input = load(z + c);
      const Vec<T> slope = shared ? one_slope : load(slopes + c);
      store(y + c, select(gt(input, zero<T>()), input, input * slope));
    }
  }
}

template <class T>
void prelu_backward(int64_t rows, int64_t columns, const T* z, int64_t z_row_stride, const T* slopes,
                    bool shared, const T* dy, int64_t dy_row_stride, T* dz, int64_t dz_row_stride) noexcept {
  const Vec<T> one_slope = broadcast<T>(slopes[0]);
  for (int64_t r = 0; r < rows; ++r, z += z_row_stride, dy += dy_row_stride, dz += dz_row_stride) {
    for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
      const Vec<T> delta = load(dy + c);
      const Vec<T> slope = shared ? one_slope : load(slopes + c);
      store(dz + c, select(gt(load(z + c), zero<T>()), delta, delta * slope));
    }
  }
}

template <class T>
void prelu_slope_sums(int64_t rows, int64_t columns, const T* z, int64_t z_row_stride, const T* dy,
                      int64_t dy_row_stride, T* out) noexcept {
  for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
    Vec<T> sum = zero<T>();
    for (int64_t r = 0; r < rows; ++r) {
      const Vec<T> negative = min(zero<T>(), load(z + r * z_row_stride + c));
      sum = fma(load(dy + r * dy_row_stride + c), negative, sum);
    }
    store(out + c, sum);
  }
}

template <class T>
void clamp_values(int64_t n, T low, T high, T* values) noexcept {
  for (int64_t i = 0; i < n; i += Vec<T>::kLanes) {
    store(values + i, min(broadcast<T>(high), max(broadcast<T>(low), load(values + i))));
  }
}

template <class T>
void scale_values(int64_t n, T factor, T* values) noexcept {
  for (int64_t i = 0; i < n; i += Vec<T>::kLanes) store(values + i, load(values + i) * broadcast<T>(factor));
}

template <class T>
void average_values(int64_t n, T share, const T* values, T* average) noexcept {
  for (int64_t i = 0; i < n; i += Vec<T>::kLanes) {
    const Vec<T> old = load(average + i);
    store(average + i, fma(broadcast<T>(share), load(values + i) - old, old));
  }
}

template <class T>
void limit_column_norms(int64_t rows, int64_t columns, T limit, T* values, int64_t row_stride) noexcept {
  const Vec<T> largest = broadcast<T>(limit);
  for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
    Vec<T> squares = zero<T>();
    for (int64_t r = 0; r < rows; ++r) {
      const Vec<T> value = load(values + r * row_stride + c);
      squares = fma(value, value, squares);
    }
    const Vec<T> norm = sqrt(squares);
    const Mask<T> above = gt(norm, largest);
    if (!any(above)) continue;
    const Vec<T> factor = select(above, largest / norm, broadcast<T>(T(1)));
    for (int64_t r = 0; r < rows; ++r) {
      T* p = values + r * row_stride + c;
      store(p, load(p) * factor);
    }
  }
}

template <class T>
void add_penalty(int64_t n, T l1, T l2, const T* weights, T* gradients) noexcept {
  const Vec<T> magnitude = broadcast<T>(l1), square = broadcast<T>(l2 + l2);
  for (int64_t i = 0; i < n; i += Vec<T>::kLanes) {
    const Vec<T> weight = load(weights + i);
    store(gradients + i, fma(square, weight, fma(magnitude, sign(weight), load(gradients + i))));
  }
}

template <class T>
double sum(int64_t n, const T* values) noexcept {
  double total = 0.0;
  for (int64_t i = 0; i < n; ++i) total += static_cast<double>(values[i]);
  return total;
}

template <class T>
constexpr void enter_parameter_functions(KernelTable<T>& table) {
  table.prelu_forward = &prelu_forward<T>;
  table.prelu_backward = &prelu_backward<T>;
  table.prelu_slope_sums = &prelu_slope_sums<T>;
  table.clamp_values = &clamp_values<T>;
  table.scale_values = &scale_values<T>;
  table.average_values = &average_values<T>;
  table.limit_column_norms = &limit_column_norms<T>;
  table.add_penalty = &add_penalty<T>;
  table.sum = &sum<T>;
}

}  // namespace
}  // namespace lamina::kernels
