// Layers that work on each row alone: normalisation over a row, scaling by column, clipping.
#pragma once

#include "kernels/rows/row_parts.inl"

namespace lamina::kernels {
namespace {

// The sum of `term(c)`, a vector of terms from column c on, over the first `columns` columns.
template <class T, class Term>
LAMINA_INLINE T row_mean(int64_t columns, Term term) {
  RowSum<T> sum;
  for (int64_t c = 0; c < columns; c += Vec<T>::kLanes)
    sum.add(select(first_lanes_mask<T>(columns - c), term(c), zero<T>()));
  return static_cast<T>(sum.total() / static_cast<double>(columns));
}

template <class T>
void normalize_rows(const NormalizeRows<T>& job) noexcept {
  const Vec<T> one = broadcast<T>(T(1));
  for (int64_t r = 0; r < job.rows; ++r) {
    T* row = job.values + r * job.row_stride;
    const T mean = job.centered ? row_mean<T>(job.columns, [&](int64_t c) { return load(row + c); }) : T(0);
    const Vec<T> center = broadcast<T>(mean);
    const T square = row_mean<T>(job.columns, [&](int64_t c) {
      const Vec<T> distance = load(row + c) - center;
      return distance * distance;
    });
    const Vec<T> inverse = one / sqrt(broadcast<T>(square + job.epsilon));
    for (int64_t c = 0; c < padded_columns<T>(job.columns); c += Vec<T>::kLanes) {
      Vec<T> value = (load(row + c) - center) * inverse;
      if (job.scale != nullptr) value = value * load(job.scale + c);
      if (job.shift != nullptr) value = value + load(job.shift + c);
      store(row + c, select(first_lanes_mask<T>(job.columns - c), value, zero<T>()));
    }
    if (job.moments != nullptr) {
      job.moments[r * job.moment_row_stride] = mean;
      job.moments[r * job.moment_row_stride + 1] = lane_zero(inverse);
    }
  }
}

template <class T>
void normalize_backward_rows(const NormalizeRowsBackward<T>& job) noexcept {
  for (int64_t r = 0; r < job.rows; ++r) {
    const T* x = job.x + r * job.x_row_stride;
    const T* dy = job.dy + r * job.dy_row_stride;
    T* dx = job.dx + r * job.dx_row_stride;
    const Vec<T> mean = broadcast<T>(job.moments[r * job.moment_row_stride]);
    const Vec<T> inverse = broadcast<T>(job.moments[r * job.moment_row_stride + 1]);
    const auto normalized = [&](int64_t c) { return (load(x + c) - mean) * inverse; };
    const auto delta = [&](int64_t c) {
      return job.scale == nullptr ? load(dy + c) : load(dy + c) * load(job.scale + c);
    };
    const Vec<T> mean_delta = broadcast<T>(job.centered ? row_mean<T>(job.columns, delta) : T(0));
    const Vec<T> slope =
        broadcast<T>(row_mean<T>(job.columns, [&](int64_t c) { return delta(c) * normalized(c); }));
    for (int64_t c = 0; c < padded_columns<T>(job.columns); c += Vec<T>::kLanes) {
      const Vec<T> out = fnma(normalized(c), slope, delta(c) - mean_delta) * inverse;
      store(dx + c, select(first_lanes_mask<T>(job.columns - c), out, zero<T>()));
    }
  }
}

template <class T>
void scale_sums(const ScaleSums<T>& job) noexcept {
  for (int64_t c = 0; c < job.columns; c += Vec<T>::kLanes) {
    Vec<T> sum = zero<T>();
    for (int64_t r = 0; r < job.rows; ++r) {
      Vec<T> value = load(job.x + r * job.x_row_stride + c);
      if (job.moments != nullptr) {
        const T* moments = job.moments + r * job.moment_row_stride;
        value = (value - broadcast<T>(moments[0])) * broadcast<T>(moments[1]);
      }
      sum = fma(load(job.dy + r * job.dy_row_stride + c), value, sum);
    }
    store(job.out + c, sum);
  }
}

template <class T>
void affine_rows(int64_t rows, int64_t columns, const T* scale, const T* shift, T* values,
                 int64_t row_stride) noexcept {
  for (int64_t r = 0; r < rows; ++r, values += row_stride) {
    for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
      const Vec<T> offset = shift == nullptr ? zero<T>() : load(shift + c);
      store(values + c, fma(load(values + c), load(scale + c), offset));
    }
  }
}

template <class T>
void standardize_rows(int64_t rows, int64_t columns, const T* mean, const T* deviation, T* values,
                      int64_t row_stride) noexcept {
  const Vec<T> one = broadcast<T>(T(1));
  for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
    const Vec<T> spread = load(deviation + c);
    const Vec<T> inverse = one / select(gt(spread, zero<T>()), spread, one);
    const Vec<T> center = mean == nullptr ? zero<T>() : load(mean + c);
    for (int64_t r = 0; r < rows; ++r) {
      T* p = values + r * row_stride + c;
      store(p, (load(p) - center) * inverse);
    }
  }
}

template <class T>
void clip_backward_rows(int64_t rows, int64_t columns, T low, T high, const T* x, int64_t x_row_stride,
                        T* delta, int64_t delta_row_stride) noexcept {
  for (int64_t r = 0; r < rows; ++r, x += x_row_stride, delta += delta_row_stride) {
    for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
      const Vec<T> value = load(x + c);
      const Mask<T> inside = mask_and(ge(value, broadcast<T>(low)), le(value, broadcast<T>(high)));
      store(delta + c, select(inside, load(delta + c), zero<T>()));
    }
  }
}

template <class T>
void blend_rows(const BlendRows<T>& job) noexcept {
  for (int64_t r = 0; r < job.rows; ++r) {
    const T* z = job.z + r * job.z_row_stride;
    T* values = job.values + r * job.row_stride;
    for (int64_t c = 0; c < padded_columns<T>(job.columns); c += Vec<T>::kLanes) {
      const Vec<T> input = c < job.columns ? load_up_to(z + c, job.columns - c) : zero<T>();
      const Vec<T> f = load(values + c);
      if (job.kept != nullptr) store(job.kept + r * job.kept_row_stride + c, f);
      store(values + c, fma(f - input, load(job.weight + c), input));
    }
  }
}

template <class T>
void blend_backward_rows(const BlendRowsBackward<T>& job) noexcept {
  const Vec<T> one = broadcast<T>(T(1));
  for (int64_t r = 0; r < job.rows; ++r) {
    const T* z = job.z + r * job.z_row_stride;
    const T* weight = job.weight;
    T* delta = job.delta + r * job.delta_row_stride;
    for (int64_t c = 0; c < padded_columns<T>(job.columns); c += Vec<T>::kLanes) {
      const Mask<T> real = first_lanes_mask<T>(job.columns - c);
      const Vec<T> dy = select(real, load(delta + c), zero<T>());
      const Vec<T> input = c < job.columns ? load_up_to(z + c, job.columns - c) : zero<T>();
      const Vec<T> f = load(job.f + r * job.f_row_stride + c);
      store(delta + c, dy * (f - input));
      if (job.dz == nullptr) continue;
      T* dz = job.dz + r * job.dz_row_stride + c;
      Vec<T> sum;
      if (job.slopes != nullptr) {
        sum = fma(dy * load(weight + c), load(job.slopes + r * job.slopes_row_stride + c) - one, dy);
      } else {
        sum = fma(dy, one - load(weight + c), load(dz));
      }
      store(dz, select(real, sum, zero<T>()));
    }
  }
}

template <class T>
constexpr void enter_row_layers(KernelTable<T>& table) {
  table.normalize_rows = &normalize_rows<T>;
  table.normalize_backward_rows = &normalize_backward_rows<T>;
  table.scale_sums = &scale_sums<T>;
  table.affine_rows = &affine_rows<T>;
  table.standardize_rows = &standardize_rows<T>;
  table.clip_backward_rows = &clip_backward_rows<T>;
  table.blend_rows = &blend_rows<T>;
  table.blend_backward_rows = &blend_backward_rows<T>;
}

}  // namespace
}  // namespace lamina::kernels
