// Losses whose columns belong together: cross-entropies, focal, divergence, cosine, quantiles, Gaussian.
#pragma once

#include "kernels/rows/loss_functors.inl"
#include "kernels/rows/loss_rows.inl"

namespace lamina::kernels {
namespace {

// A loss of probabilities whose target may be a class: one column counts, with target 1.
template <class T, class F>
void loss_of_probabilities(const LossRows<T>& job) noexcept {
  if (job.target_kind == TargetKind::kValues) return shared_elementwise_loss<T, F>(job);
  const F function(job.parameters);
  for (int64_t row = 0; row < job.rows; ++row) {
    const T weight = row_weight(job, row);
    const int64_t chosen = job.classes[row];
    Vec<T> derivative;
    const Vec<T> loss = function(broadcast<T>(job.outputs[row * job.output_row_stride + chosen]),
                                 broadcast<T>(T(1)), derivative);
    job.row_losses[row] = static_cast<double>(lane_zero(loss)) * static_cast<double>(weight);
    if (job.delta == nullptr) continue;
    T* delta = job.delta + row * job.delta_row_stride;
    for (int64_t c = 0; c < padded_columns<T>(job.columns); c += Vec<T>::kLanes) store(delta + c, zero<T>());
    delta[chosen] = lane_zero(derivative) * (weight * job.delta_scale);
  }
}

// With q the smoothed targets and x the logits less their largest: loss = sum(q) log(sum exp x) - sum(q x).
struct SoftmaxRow {
  double exp_sum;     // sum of exp(x)
  double target_sum;  // sum of q
  double dot;         // sum of q x
};

template <class T>
struct Smoothing {
  T kept, added;  // q = kept * target + added
};

// delta (may be null) = (softmax * sum(q) - q) * factor for a row whose target is one class.
template <class T>
LAMINA_INLINE SoftmaxRow cross_entropy_of_class(int64_t columns, const T* z, int64_t chosen,
                                                Smoothing<T> smoothing, T* delta, T factor) {
  const T largest = row_max(columns, z);
  const T exp_sum = row_exp(columns, z, largest, delta);
  double dot = static_cast<double>(smoothing.kept) * static_cast<double>(z[chosen] - largest);
  if (smoothing.added != T(0)) {
    dot += static_cast<double>(smoothing.added) * row_sum_shifted(columns, z, largest);
  }
  if (delta != nullptr) {
    row_scale(columns, delta, factor / exp_sum, -smoothing.added * factor);
    delta[chosen] -= smoothing.kept * factor;
  }
  return {static_cast<double>(exp_sum), 1.0, dot};
}

// The same for a row whose target is a distribution.
template <class T>
LAMINA_INLINE SoftmaxRow cross_entropy_of_values(int64_t columns, const T* z, const T* target,
                                                 Smoothing<T> smoothing, T* delta, T factor) {
  const T largest = row_max(columns, z);
  const T exp_sum = row_exp(columns, z, largest, delta);
  const Vec<T> kept = broadcast<T>(smoothing.kept), added = broadcast<T>(smoothing.added);
  RowSum<T> target_sum, dot;
  for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
    const Mask<T> inside = first_lanes_mask<T>(columns - c);
    const Vec<T> q = select(inside, fma(load_up_to(target + c, columns - c), kept, added), zero<T>());
    const Vec<T> x = load_up_to(z + c, columns - c) - broadcast<T>(largest);
    target_sum.add(q);
    dot.add(select(inside, q * x, zero<T>()));
  }
  if (delta != nullptr) {
    const Vec<T> scale = broadcast<T>(static_cast<T>(target_sum.total()) * factor / exp_sum);
    for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
      const Mask<T> inside = first_lanes_mask<T>(columns - c);
      const Vec<T> q = select(inside, fma(load_up_to(target + c, columns - c), kept, added), zero<T>());
      store(delta + c, fnma(q, broadcast<T>(factor), load(delta + c) * scale));
    }
  }
  return {static_cast<double>(exp_sum), target_sum.total(), dot.total()};
}

template <class T>
LAMINA_INLINE SoftmaxRow cross_entropy_of_row(const LossRows<T>& job, int64_t row, Smoothing<T> smoothing) {
  const T* z = job.outputs + row * job.output_row_stride;
  T* delta = job.delta == nullptr ? nullptr : job.delta + row * job.delta_row_stride;
  const T factor = row_weight(job, row) * job.delta_scale;
  if (job.target_kind == TargetKind::kClasses) {
    return cross_entropy_of_class(job.columns, z, job.classes[row], smoothing, delta, factor);
  }
  const T* target = job.targets + row * job.target_row_stride;
  return cross_entropy_of_values(job.columns, z, target, smoothing, delta, factor);
}

// The logarithms of a block of rows are taken together, in double.
template <class T>
void cross_entropy_with_logits(const LossRows<T>& job) noexcept {
  constexpr int64_t kBlock = 16;
  const T epsilon = job.parameters[0];
  const Smoothing<T> smoothing = {T(1) - epsilon, epsilon / static_cast<T>(job.columns)};
  alignas(64) double exp_sum[kBlock], log_sum[kBlock], target_sum[kBlock], dot[kBlock];
  for (double& value : exp_sum) value = 1.0;
  for (int64_t first = 0; first < job.rows; first += kBlock) {
    const int64_t count = smaller(kBlock, job.rows - first);
    for (int64_t i = 0; i < count; ++i) {
      const SoftmaxRow row = cross_entropy_of_row(job, first + i, smoothing);
      exp_sum[i] = row.exp_sum;
      target_sum[i] = row.target_sum;
      dot[i] = row.dot;
    }
    for (int64_t i = 0; i < count; i += Vec<double>::kLanes) store(log_sum + i, log(load(exp_sum + i)));
    for (int64_t i = 0; i < count; ++i) {
      job.row_losses[first + i] =
          (target_sum[i] * log_sum[i] - dot[i]) * static_cast<double>(row_weight(job, first + i));
    }
  }
}

// Cross-entropy without smoothing, plus sum of t log(t).
template <class T>
void kl_divergence_with_logits(const LossRows<T>& job) noexcept {
  const T no_smoothing[1] = {T(0)};
  LossRows<T> plain = job;
  plain.parameters = no_smoothing;
  cross_entropy_with_logits(plain);
  if (job.target_kind == TargetKind::kClasses) return;
  for (int64_t row = 0; row < job.rows; ++row) {
    const T* target = job.targets + row * job.target_row_stride;
    RowSum<T> sum;
    for (int64_t c = 0; c < job.columns; c += Vec<T>::kLanes) {
      sum.add(t_log_t(load_up_to(target + c, job.columns - c)));
    }
    job.row_losses[row] += sum.total() * static_cast<double>(row_weight(job, row));
  }
}

// The targets of columns c and on as numbers, whatever their kind; zeros beyond the last column.
template <class T>
LAMINA_INLINE Vec<T> targets_at(const LossRows<T>& job, int64_t row, int64_t c) {
  if (job.target_kind == TargetKind::kValues) {
    return load_up_to(job.targets + row * job.target_row_stride + c, job.columns - c);
  }
  const Vec<T> chosen = broadcast<T>(static_cast<T>(job.classes[row] - c));
  return select(eq(load(LaneNumbers<T>::kValues), chosen), broadcast<T>(T(1)), zero<T>());
}

// With b = -log(softmax) and f(b) the focal term: loss = sum(t f(b)), dloss/dz = p sum(t f') - t f'.
template <class T>
void focal_with_logits(const LossRows<T>& job) noexcept {
  const Vec<T> gamma = broadcast<T>(job.parameters[0]);
  for (int64_t row = 0; row < job.rows; ++row) {
    const T* z = job.outputs + row * job.output_row_stride;
    T* delta = job.delta == nullptr ? nullptr : job.delta + row * job.delta_row_stride;
    const T weight = row_weight(job, row);
    const T largest = row_max(job.columns, z);
    const T sum = row_exp(job.columns, z, largest, delta);
    const Vec<T> log_sum = log(broadcast<T>(sum));
    RowSum<T> loss, slopes;
    for (int64_t c = 0; c < job.columns; c += Vec<T>::kLanes) {
      const Mask<T> inside = first_lanes_mask<T>(job.columns - c);
      const Vec<T> b = max(zero<T>(), log_sum - (load(z + c) - broadcast<T>(largest)));
      Vec<T> slope;
      const Vec<T> t = targets_at(job, row, c);
      loss.add(select(inside, t * focal_term(b, gamma, slope), zero<T>()));
      slopes.add(select(inside, t * slope, zero<T>()));
    }
    job.row_losses[row] = loss.total() * static_cast<double>(weight);
    if (delta == nullptr) continue;
    const Vec<T> scale = broadcast<T>(static_cast<T>(slopes.total()) / sum);
    for (int64_t c = 0; c < job.columns; c += Vec<T>::kLanes) {
      const Vec<T> b = max(zero<T>(), log_sum - (load(z + c) - broadcast<T>(largest)));
      Vec<T> slope;
      focal_term(b, gamma, slope);
      const Vec<T> derivative = fnma(targets_at(job, row, c), slope, load(delta + c) * scale);
      const Vec<T> scaled = derivative * broadcast<T>(weight * job.delta_scale);
      store(delta + c, select(first_lanes_mask<T>(job.columns - c), scaled, zero<T>()));
    }
  }
}

template <class T>
void cosine_loss(const LossRows<T>& job) noexcept {
  constexpr double kSmallestNorm = 1e-8;
  for (int64_t row = 0; row < job.rows; ++row) {
    const T* y_row = job.outputs + row * job.output_row_stride;
    const T* t_row = job.targets + row * job.target_row_stride;
    RowSum<T> dot, y_square, t_square;
    for (int64_t c = 0; c < job.columns; c += Vec<T>::kLanes) {
      const Vec<T> y = load_up_to(y_row + c, job.columns - c), t = load_up_to(t_row + c, job.columns - c);
      dot.add(y * t);
      y_square.add(y * y);
      t_square.add(t * t);
    }
    const Vec<double> smallest = broadcast<double>(kSmallestNorm);
    const double y_norm = lane_zero(max(smallest, sqrt(broadcast<double>(y_square.total()))));
    const double t_norm = lane_zero(max(smallest, sqrt(broadcast<double>(t_square.total()))));
    const double cosine = dot.total() / (y_norm * t_norm);
    const double weight = static_cast<double>(row_weight(job, row));
    job.row_losses[row] = (1.0 - cosine) * weight;
    if (job.delta == nullptr) continue;
    const double factor = weight * static_cast<double>(job.delta_scale);
    // A clamped norm is a constant.
    const double along = y_norm > kSmallestNorm ? factor * cosine / (y_norm * y_norm) : 0.0;
    const Vec<T> of_t = broadcast<T>(static_cast<T>(-factor / (y_norm * t_norm)));
    const Vec<T> of_y = broadcast<T>(static_cast<T>(along));
    T* delta = job.delta + row * job.delta_row_stride;
    for (int64_t c = 0; c < padded_columns<T>(job.columns); c += Vec<T>::kLanes) {
      const int64_t left = job.columns - c;
      const Vec<T> y = left > 0 ? load_up_to(y_row + c, left) : zero<T>();
      const Vec<T> t = left > 0 ? load_up_to(t_row + c, left) : zero<T>();
      store(delta + c, fma(of_t, t, of_y * y));
    }
  }
}

// The outputs are the levels' quantiles of target column 0, then those of column 1, and so on.
template <class T>
void quantiles_loss(const LossRows<T>& job) noexcept {
  const auto count = static_cast<int64_t>(job.parameters[0]);
  for (int64_t row = 0; row < job.rows; ++row) {
    const T* target = job.targets + row * job.target_row_stride;
    T* delta = job.delta == nullptr ? nullptr : job.delta + row * job.delta_row_stride;
    const T weight = row_weight(job, row);
    const Vec<T> factor = broadcast<T>(weight * job.delta_scale);
    RowSum<T> sum;
    for (int64_t first = 0; first < job.columns; first += count, ++target) {
      const T* y = job.outputs + row * job.output_row_stride + first;
      for (int64_t c = 0; c < count; c += Vec<T>::kLanes) {
        const int64_t n = smaller(count - c, Vec<T>::kLanes);
        QuantileLoss<T> function(job.parameters);
        function.level = load_up_to(job.parameters + 1 + c, n);
        Vec<T> derivative;
        const Vec<T> loss = function(load_up_to(y + c, n), broadcast<T>(*target), derivative);
        sum.add(select(first_lanes_mask<T>(n), loss, zero<T>()));
        if (delta != nullptr) store_up_to(delta + first + c, derivative * factor, n);
      }
    }
    job.row_losses[row] = sum.total() * static_cast<double>(weight);
    if (delta == nullptr) continue;
    for (int64_t c = job.columns; c < padded_columns<T>(job.columns); ++c) delta[c] = T(0);
  }
}

// Columns 0 .. d - 1 are means, d .. 2 d - 1 log variances.
template <class T>
void gaussian_loss(const LossRows<T>& job) noexcept {
  const int64_t d = job.columns / 2;
  const Vec<T> half = broadcast<T>(T(0.5)), one = broadcast<T>(T(1));
  for (int64_t row = 0; row < job.rows; ++row) {
    const T* mean = job.outputs + row * job.output_row_stride;
    const T* target = job.targets + row * job.target_row_stride;
    T* delta = job.delta == nullptr ? nullptr : job.delta + row * job.delta_row_stride;
    const T weight = row_weight(job, row);
    const Vec<T> factor = broadcast<T>(weight * job.delta_scale);
    RowSum<T> sum;
    for (int64_t c = 0; c < d; c += Vec<T>::kLanes) {
      const int64_t n = smaller(d - c, Vec<T>::kLanes);
      const Vec<T> log_variance = load_up_to(mean + d + c, n);
      const Vec<T> difference = load_up_to(mean + c, n) - load_up_to(target + c, n);
      const Vec<T> slope = difference * exp(-log_variance);
      sum.add(select(first_lanes_mask<T>(n), half * fma(difference, slope, log_variance), zero<T>()));
      if (delta == nullptr) continue;
      store_up_to(delta + c, slope * factor, n);
      store_up_to(delta + d + c, half * fnma(difference, slope, one) * factor, n);
    }
    job.row_losses[row] = sum.total() * static_cast<double>(weight);
    if (delta == nullptr) continue;
    for (int64_t c = job.columns; c < padded_columns<T>(job.columns); ++c) delta[c] = T(0);
  }
}

}  // namespace
}  // namespace lamina::kernels
