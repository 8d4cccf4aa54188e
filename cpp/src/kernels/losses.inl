// Losses over rows with their gradient: a functor each for sums over elements, cross-entropy by rows.
#pragma once

#include "kernels/row_parts.inl"

namespace lamina::kernels {
namespace {

// An elementwise loss is built from the parameters; operator() gives loss and dloss/dy of y against t.
template <class T>
struct MeanSquaredErrorLoss {
  explicit LAMINA_INLINE MeanSquaredErrorLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> difference = y - t;
    derivative = difference + difference;
    return difference * difference;
  }
};

template <class T>
LAMINA_INLINE Vec<T> sign(Vec<T> x) {
  const Vec<T> one = broadcast<T>(T(1));
  return select(gt(x, zero<T>()), one, select(lt(x, zero<T>()), -one, x));
}

template <class T>
struct MeanAbsoluteErrorLoss {
  explicit LAMINA_INLINE MeanAbsoluteErrorLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    derivative = sign(y - t);
    return abs(y - t);
  }
};

template <class T>
struct BinaryCrossEntropyLoss {
  explicit LAMINA_INLINE BinaryCrossEntropyLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> one = broadcast<T>(T(1));
    const Vec<T> lowest = broadcast<T>(T(-100));
    const Vec<T> log_y = max(lowest, log(y));
    const Vec<T> log_rest = max(lowest, log1p(-y));
    derivative = (y - t) / max(broadcast<T>(T(1e-12)), (one - y) * y);
    return -fma(t, log_y, (one - t) * log_rest);
  }
};

template <class T>
struct BinaryCrossEntropyWithLogitsLoss {
  Vec<T> kept, added;
  explicit LAMINA_INLINE BinaryCrossEntropyWithLogitsLoss(const T* parameters)
      : kept(broadcast<T>(T(1) - parameters[0])), added(broadcast<T>(parameters[0] / T(2))) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> z, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> target = fma(t, kept, added);
    const Vec<T> e = exp_nonpositive(-abs(z));
    derivative = sigmoid_from(z, e) - target;
    return fnma(z, target, max(zero<T>(), z)) + log1p_unit(e);
  }
};

template <class T>
LAMINA_INLINE T row_weight(const LossRows<T>& job, int64_t row) {
  return job.weights == nullptr ? T(1) : job.weights[row];
}

// One column: the vector runs down the rows, a block of them at a time.
template <class T, class F>
LAMINA_INLINE void loss_of_single_column(const LossRows<T>& job, const F& function) {
  constexpr int64_t kBlock = 4 * Vec<T>::kLanes;
  alignas(64) T y[kBlock] = {}, t[kBlock] = {}, loss[kBlock], derivative[kBlock];
  const int64_t padded = padded_columns<T>(1);
  for (int64_t first = 0; first < job.rows; first += kBlock) {
    const int64_t count = smaller(kBlock, job.rows - first);
    for (int64_t i = 0; i < count; ++i) {
      y[i] = job.outputs[(first + i) * job.output_row_stride];
      t[i] = job.targets[(first + i) * job.target_row_stride];
    }
    for (int64_t i = 0; i < count; i += Vec<T>::kLanes) {
      Vec<T> slope;
      store(loss + i, function(load(y + i), load(t + i), slope));
      store(derivative + i, slope);
    }
    for (int64_t i = 0; i < count; ++i) {
      job.row_losses[first + i] = static_cast<double>(loss[i]) * static_cast<double>(row_weight(job, first + i));
    }
    if (job.delta == nullptr) continue;
    for (int64_t i = 0; i < count; ++i) {
      T* delta = job.delta + (first + i) * job.delta_row_stride;
      for (int64_t c = Vec<T>::kLanes; c < padded; c += Vec<T>::kLanes) store(delta + c, zero<T>());
      store(delta, first_lane(derivative[i] * (row_weight(job, first + i) * job.delta_scale)));
    }
  }
}

// The sum over columns of one row's losses; delta (may be null) gets the derivatives times factor.
template <class T, class F>
LAMINA_INLINE double loss_of_row(const F& function, int64_t columns, const T* y, const T* t, T* delta,
                                 T factor) {
  RowSum<T> sum;
  int64_t c = 0;
  for (; c + Vec<T>::kLanes <= columns; c += Vec<T>::kLanes) {
    Vec<T> derivative;
    sum.add(function(loadu(y + c), loadu(t + c), derivative));
    if (delta != nullptr) store(delta + c, derivative * broadcast<T>(factor));
  }
  if (c < columns) {
    const Mask<T> inside = first_lanes_mask<T>(columns - c);
    Vec<T> derivative;
    const Vec<T> loss = function(load_n(y + c, columns - c), load_n(t + c, columns - c), derivative);
    sum.add(select(inside, loss, zero<T>()));
    if (delta != nullptr) {
      store(delta + c, select(inside, derivative * broadcast<T>(factor), zero<T>()));
      c += Vec<T>::kLanes;
    }
  }
  if (delta != nullptr) {
    for (; c < padded_columns<T>(columns); c += Vec<T>::kLanes) store(delta + c, zero<T>());
  }
  return sum.total();
}

template <class T, class F>
void elementwise_loss(const LossRows<T>& job) noexcept {
  const F function(job.parameters);
  if (job.columns == 1) return loss_of_single_column(job, function);
  for (int64_t row = 0; row < job.rows; ++row) {
    const T weight = row_weight(job, row);
    T* delta = job.delta == nullptr ? nullptr : job.delta + row * job.delta_row_stride;
    const double loss =
        loss_of_row(function, job.columns, job.outputs + row * job.output_row_stride,
                    job.targets + row * job.target_row_stride, delta, weight * job.delta_scale);
    job.row_losses[row] = loss * static_cast<double>(weight);
  }
}

// Cross-entropy of probabilities: loss -sum t log(y), the logarithm clamped at the smallest normal number.
template <class T>
struct CrossEntropyLoss {
  explicit LAMINA_INLINE CrossEntropyLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> limited = max(broadcast<T>(Coefficients<T>::kSmallestNormal), y);
    derivative = -t / limited;
    return -t * log(limited);
  }
};

template <class T>
void cross_entropy(const LossRows<T>& job) noexcept {
  if (job.target_kind == TargetKind::kValues) return elementwise_loss<T, CrossEntropyLoss<T>>(job);
  const CrossEntropyLoss<T> function(job.parameters);
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

template <class T, template <class> class F>
constexpr void enter_loss(KernelTable<T>& table, Loss loss) {
  table.loss_rows[static_cast<int>(loss)] = &elementwise_loss<T, F<T>>;
}

template <class T>
constexpr void enter_losses(KernelTable<T>& table) {
  enter_loss<T, MeanSquaredErrorLoss>(table, Loss::kMeanSquaredError);
  enter_loss<T, MeanAbsoluteErrorLoss>(table, Loss::kMeanAbsoluteError);
  enter_loss<T, BinaryCrossEntropyLoss>(table, Loss::kBinaryCrossEntropy);
  enter_loss<T, BinaryCrossEntropyWithLogitsLoss>(table, Loss::kBinaryCrossEntropyWithLogits);
  table.loss_rows[static_cast<int>(Loss::kCrossEntropy)] = &cross_entropy<T>;
  table.loss_rows[static_cast<int>(Loss::kCrossEntropyWithLogits)] = &cross_entropy_with_logits<T>;
}

}  // namespace
}  // namespace lamina::kernels
