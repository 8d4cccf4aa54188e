// Batch normalisation over columns, and the sum of two branches.
#pragma once

#include "kernels/rows/row_parts.inl"

namespace lamina::kernels {
namespace {

template <class T>
void add_rows(int64_t rows, int64_t columns, const T* x, int64_t x_row_stride, T* y,
              int64_t y_row_stride) noexcept {
  for (int64_t r = 0; r < rows; ++r, x += x_row_stride, y += y_row_stride) {
    for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) store(y + c, load(y + c) + load(x + c));
  }
}

// Rows whose sum is one chain; chains are added in turn, so that rounding grows with their number alone.
constexpr int64_t kChainRows = 64;

// out[w] = sum over rows of term(r, w), for kVectors vectors side by side.
template <class T, int kVectors, class Term>
LAMINA_INLINE void sum_over_rows(int64_t rows, Term term, Vec<T> (&out)[kVectors]) {
  for (int w = 0; w < kVectors; ++w) out[w] = zero<T>();
  for (int64_t first = 0; first < rows; first += kChainRows) {
    const int64_t last = smaller(rows, first + kChainRows);
    Vec<T> chain[kVectors];
    for (int w = 0; w < kVectors; ++w) chain[w] = zero<T>();
    for (int64_t r = first; r < last; ++r) {
      for (int w = 0; w < kVectors; ++w) chain[w] = chain[w] + term(r, w);
    }
    for (int w = 0; w < kVectors; ++w) out[w] = out[w] + chain[w];
  }
}

// Of kVectors vectors of columns from c on; lanes beyond the true columns read 0.
template <class T, int kVectors>
LAMINA_INLINE void column_moments(const BatchNorm<T>& job, int64_t c) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  const T* x = job.x + c;
  const auto value = [&](int64_t r, int w) {
    return load_up_to(x + r * job.x_row_stride + w * kLanes, job.columns - c - w * kLanes);
  };
  const Vec<T> count = broadcast<T>(static_cast<T>(job.rows));
  const Vec<T> freedom = broadcast<T>(static_cast<T>(job.rows > 1 ? job.rows - 1 : 1));
  Vec<T> sum[kVectors], rest[kVectors], squares[kVectors], mean[kVectors];
  sum_over_rows<T, kVectors>(job.rows, value, sum);
  for (int w = 0; w < kVectors; ++w) mean[w] = sum[w] / count;
  // What rounding left out of a large mean is small enough to be summed well, and joins it.
  const auto centred = [&](int64_t r, int w) { return value(r, w) - mean[w]; };
  sum_over_rows<T, kVectors>(job.rows, centred, rest);
  for (int w = 0; w < kVectors; ++w) mean[w] = mean[w] + rest[w] / count;
  const auto square = [&](int64_t r, int w) { return centred(r, w) * centred(r, w); };
  sum_over_rows<T, kVectors>(job.rows, square, squares);
  for (int w = 0; w < kVectors; ++w) {
    const Mask<T> real = first_lanes_mask<T>(job.columns - c - w * kLanes);
    store(job.mean + c + w * kLanes, select(real, mean[w], zero<T>()));
    store(job.variance + c + w * kLanes, select(real, squares[w] / count, zero<T>()));
    store(job.unbiased_variance + c + w * kLanes, select(real, squares[w] / freedom, zero<T>()));
  }
}

template <class T>
void batch_moments(const BatchNorm<T>& job) noexcept {
  constexpr int64_t kWide = 4 * Vec<T>::kLanes;
  int64_t c = 0;
  for (; c + kWide <= job.columns; c += kWide) column_moments<T, 4>(job, c);
  for (; c < job.columns; c += Vec<T>::kLanes) column_moments<T, 1>(job, c);
}

template <class T>
LAMINA_INLINE Vec<T> inverse_deviation(const BatchNorm<T>& job, int64_t c) {
  return broadcast<T>(T(1)) / sqrt(load(job.variance + c) + broadcast<T>(job.epsilon));
}

template <class T>
void batch_norm_forward(const BatchNorm<T>& job) noexcept {
  for (int64_t c = 0; c < job.columns; c += Vec<T>::kLanes) {
    Vec<T> scale = inverse_deviation(job, c);
    if (job.weight != nullptr) scale = scale * load(job.weight + c);
    const Vec<T> shift = job.bias != nullptr ? load(job.bias + c) : zero<T>();
    const Vec<T> mean = load(job.mean + c);
    for (int64_t r = 0; r < job.rows; ++r) {
      const Vec<T> x = load_up_to(job.x + r * job.x_row_stride + c, job.columns - c);
      store(job.y + r * job.y_row_stride + c, fma(x - mean, scale, shift));
    }
  }
}

template <class T, int kVectors>
LAMINA_INLINE void column_gradients(const BatchNorm<T>& job, int64_t c) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  Vec<T> bias[kVectors], weight[kVectors], mean[kVectors];
  for (int w = 0; w < kVectors; ++w) mean[w] = load(job.mean + c + w * kLanes);
  const auto delta = [&](int64_t r, int w) { return load(job.dy + r * job.dy_row_stride + c + w * kLanes); };
  sum_over_rows<T, kVectors>(job.rows, delta, bias);
  const auto product = [&](int64_t r, int w) {
    const int64_t column = c + w * kLanes;
    const Vec<T> x = load_up_to(job.x + r * job.x_row_stride + column, job.columns - column);
    return delta(r, w) * (x - mean[w]);
  };
  sum_over_rows<T, kVectors>(job.rows, product, weight);
  for (int w = 0; w < kVectors; ++w) {
    const int64_t column = c + w * kLanes;
    store(job.bias_gradient + column, bias[w]);
    store(job.weight_gradient + column, weight[w] * inverse_deviation(job, column));
  }
}

template <class T>
void batch_norm_gradients(const BatchNorm<T>& job) noexcept {
  constexpr int64_t kWide = 4 * Vec<T>::kLanes;
  int64_t c = 0;
  for (; c + kWide <= job.columns; c += kWide) column_gradients<T, 4>(job, c);
  for (; c < job.columns; c += Vec<T>::kLanes) column_gradients<T, 1>(job, c);
}

template <class T>
void batch_norm_backward(const BatchNorm<T>& job) noexcept {
  const int64_t padded = padded_columns<T>(job.columns);
  for (int64_t c = 0; c < padded; c += Vec<T>::kLanes) {
    const Mask<T> real = first_lanes_mask<T>(job.columns - c);
    const Vec<T> inverse = inverse_deviation(job, c);
    const Vec<T> scale = job.weight != nullptr ? inverse * load(job.weight + c) : inverse;
    const Vec<T> share = broadcast<T>(job.coupling);
    const bool coupled = job.coupling != T(0);
    const Vec<T> shift = coupled ? share * load(job.bias_gradient + c) : zero<T>();
    const Vec<T> slope = coupled ? share * load(job.weight_gradient + c) * inverse : zero<T>();
    const Vec<T> mean = load(job.mean + c);
    for (int64_t r = 0; r < job.rows; ++r) {
      const Vec<T> x = load(job.x + r * job.x_row_stride + c);
      const Vec<T> dy = load(job.dy + r * job.dy_row_stride + c);
      const Vec<T> dx = scale * fnma(x - mean, slope, dy - shift);
      store(job.dx + r * job.dx_row_stride + c, select(real, dx, zero<T>()));
    }
  }
}

template <class T>
constexpr void enter_batch_norm(KernelTable<T>& table) {
  table.add_rows = &add_rows<T>;
  table.batch_moments = &batch_moments<T>;
  table.batch_norm_forward = &batch_norm_forward<T>;
  table.batch_norm_gradients = &batch_norm_gradients<T>;
  table.batch_norm_backward = &batch_norm_backward<T>;
}

}  // namespace
}  // namespace lamina::kernels
