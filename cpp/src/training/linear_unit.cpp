// Stochastic gradient descent of one linear unit, a row at a time.
#include "training/linear_unit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"

namespace lamina {

namespace {

// Marsaglia's 32-bit xorshift (2003), cut to 31 bits.
uint32_t next_random(uint32_t& state) noexcept {
  if (state == 0) state = 1;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % 0x80000000u;
}

// The seed is the same in each epoch; the order that it permutes is not.
void shuffle_order(uint32_t seed, std::vector<int32_t>& order) noexcept {
  const auto rows = static_cast<uint32_t>(order.size());
  for (uint32_t i = 0; i + 1 < rows; ++i) std::swap(order[i], order[i + next_random(seed) % (rows - i)]);
}

// A row's stored values, and where they stand.
template <class T>
struct Row {
  const T* values;
  const int32_t* columns;  // null: 0, 1, 2, ...
  int64_t size;

  int64_t column(int64_t j) const noexcept { return columns == nullptr ? j : columns[j]; }
};

// Weights as a scale times a vector, so that a decay costs no pass over them.
template <class T>
class ScaledWeights {
 public:
  ScaledWeights(const T* weights, int64_t n) : w_(weights, weights + n) {
    for (const T w : w_) square_ += w * w, sum_ += std::fabs(w);
  }

  T dot(const Row<T>& x) const noexcept {
    double sum = 0.0;
    for (int64_t j = 0; j < x.size; ++j) sum += w_[static_cast<size_t>(x.column(j))] * x.values[j];
    return static_cast<T>(sum * scale_);
  }
  // The norms are afterwards those of the row's columns.
  void add(const Row<T>& x, T factor) noexcept {
    const double step = factor / scale_;
    double square = 0.0, sum = 0.0;
    for (int64_t j = 0; j < x.size; ++j) {
      T& w = w_[static_cast<size_t>(x.column(j))];
      w = static_cast<T>(w + x.values[j] * step);
      square += w * w;
      sum += std::fabs(w);
    }
    square_ = static_cast<T>(square * (scale_ * scale_));
    sum_ = static_cast<T>(sum * scale_);
  }
  void scale(T factor) noexcept {
    scale_ *= factor;
    square_ *= factor * factor;
    sum_ *= std::fabs(factor);
    constexpr T kSmallest = sizeof(T) == 4 ? static_cast<T>(1e-6) : static_cast<T>(1e-9);
    if (scale_ < kSmallest) apply_scale();
  }
  void apply_scale() noexcept {
    for (T& w : w_) w *= scale_;
    scale_ = 1;
  }
  // Moves the row's weights towards 0 by what the penalty has summed up to since each was last moved.
  void truncate(const Row<T>& x, double penalty, std::vector<T>& applied) noexcept {
    for (int64_t j = 0; j < x.size; ++j) {
      const auto i = static_cast<size_t>(x.column(j));
      const T before = w_[i];
      if (scale_ * before > 0)
        w_[i] = static_cast<T>(std::max(0.0, w_[i] - (penalty + applied[i]) / scale_));
      else if (scale_ * before < 0)
        w_[i] = static_cast<T>(std::min(0.0, w_[i] + (penalty - applied[i]) / scale_));
      applied[i] += scale_ * (w_[i] - before);
    }
  }

  double norm() const noexcept { return std::sqrt(square_); }
  double absolute_sum() const noexcept { return sum_; }
  bool is_finite() const noexcept {
    return std::all_of(w_.begin(), w_.end(), [](T w) { return std::isfinite(w); });
  }
  // Without the scale.
  const std::vector<T>& vector() const noexcept { return w_; }
  std::vector<T> take() noexcept { return std::move(w_); }

 private:
  std::vector<T> w_;
  T scale_ = 1, square_ = 0, sum_ = 0;
};

template <class T>
class UnitTraining {
 public:
  UnitTraining(const UnitRows<T>& data, const UnitOptions& options, const T* weights, double bias)
      : data_(data),
        options_(options),
        weights_(weights, data.columns),
        bias_(bias),
        applied_(options.truncates ? static_cast<size_t>(data.columns) : 0),
        order_(static_cast<size_t>(data.rows)) {
    std::iota(order_.begin(), order_.end(), 0);
    for (int64_t i = 0; i < data.rows; ++i) trained_rows_ += !is_held_back(i);
  }

  UnitResult<T> run(const FunctionRef<void(const UnitEpoch&)>* after_epoch, Poll poll) {
    UnitResult<T> result;
    TimedPoll timed(poll, true);
    for (bool goes_on = true; goes_on && result.epochs < options_.max_epochs;) {
      ++result.epochs;
      result.cancelled = !run_epoch(timed);
      if (result.cancelled) break;
      if (!std::isfinite(bias_) || !weights_.is_finite())
        throw_error(Error::Kind::kNotFinite, {"a weight overflowed in epoch ", result.epochs});
      const UnitEpoch epoch = figures(result.epochs);
      if (after_epoch != nullptr) (*after_epoch)(epoch);
      goes_on = improves(epoch);
    }
    weights_.apply_scale();
    result.weights = weights_.take();
    result.bias = bias_;
    return result;
  }

 private:
  bool is_held_back(int64_t row) const noexcept {
    return data_.held_back != nullptr && data_.held_back[row] != 0;
  }
  Row<T> row(int64_t i) const noexcept {
    if (data_.columns_of == nullptr) return {data_.values + i * data_.columns, nullptr, data_.columns};
    const int64_t first = data_.starts[i];
    return {data_.values + first, data_.columns_of + first, data_.starts[i + 1] - first};
  }

  // False where the poll asks to stop.
  bool run_epoch(TimedPoll& poll) {
    loss_ = objective_ = 0.0;
    if (options_.shuffle) shuffle_order(options_.seed, order_);
    for (const int32_t i : order_) {
      if (is_held_back(i)) continue;
      visit(i);
      if (poll(seen_)) return false;
    }
    return true;
  }

  void visit(int64_t i) {
    const Row<T> x = row(i);
    const double sign = data_.signs[i], margin = (weights_.dot(x) + bias_) * sign;
    const double loss = margin <= 0.0 ? -margin : 0.0;
    loss_ += loss;
    objective_ += loss + penalty();
    double move = 0.0;
    if (margin <= 0.0) {
      const T of_class = static_cast<T>(sign > 0.0 ? options_.positive_weight : options_.negative_weight);
      move = options_.rate * sign * (of_class * data_.weights[i]);
    }
    if (options_.decays)
      weights_.scale(
          static_cast<T>(std::max(0.0, 1.0 - (1.0 - options_.l1_ratio) * options_.rate * options_.alpha)));
    if (move != 0.0) {
      weights_.add(x, static_cast<T>(move));
      if (options_.fit_bias) bias_ += move * options_.bias_share;
    }
    if (options_.truncates) {
      summed_penalty_ += options_.l1_ratio * options_.rate * options_.alpha;
      weights_.truncate(x, summed_penalty_, applied_);
    }
    ++seen_;
  }

  double penalty() const noexcept {
    if (!options_.decays && !options_.truncates) return 0.0;
    const double norm = weights_.norm(), ratio = options_.l1_ratio;
    return options_.alpha * ((1.0 - ratio) * 0.5 * norm * norm + ratio * weights_.absolute_sum());
  }

  UnitEpoch figures(int64_t epoch) const {
    UnitEpoch result{epoch, loss_ / trained_rows_, objective_ / trained_rows_, 0.0, weights_.norm(), bias_,
                     seen_};
    if (options_.validates) result.score = share_right();
    return result;
  }

  // By weight, of the rows held back.
  double share_right() const {
    double right = 0.0, all = 0.0;
    for (int64_t i = 0; i < data_.rows; ++i) {
      if (!is_held_back(i)) continue;
      const Row<T> x = row(i);
      double sum = bias_;
      for (int64_t j = 0; j < x.size; ++j)
        sum += weights_.vector()[static_cast<size_t>(x.column(j))] * x.values[j];
      all += data_.weights[i];
      if ((sum > 0.0) == (data_.signs[i] > 0)) right += data_.weights[i];
    }
    return right / all;
  }

  // Whether to go on.
  bool improves(const UnitEpoch& epoch) {
    // Both are better the lower they are.
    const double value = options_.validates ? -epoch.score : epoch.objective;
    idle_epochs_ = options_.stops && value > best_ - options_.tolerance ? idle_epochs_ + 1 : 0;
    best_ = std::min(best_, value);
    return idle_epochs_ < options_.patience;
  }

  const UnitRows<T>& data_;
  const UnitOptions& options_;
  ScaledWeights<T> weights_;
  double bias_, summed_penalty_ = 0.0, loss_ = 0.0, objective_ = 0.0;
  double best_ = std::numeric_limits<double>::infinity();
  std::vector<T> applied_;  // of the truncating penalty, by weight
  std::vector<int32_t> order_;
  int64_t seen_ = 0, idle_epochs_ = 0;
  double trained_rows_ = 0.0;
};

}  // namespace

template <class T>
UnitResult<T> train_linear_unit(const UnitRows<T>& data, const UnitOptions& options, const T* weights,
                                double bias, const FunctionRef<void(const UnitEpoch&)>* after_epoch,
                                Poll poll) {
  return UnitTraining<T>(data, options, weights, bias).run(after_epoch, poll);
}

template UnitResult<float> train_linear_unit(const UnitRows<float>&, const UnitOptions&, const float*, double,
                                             const FunctionRef<void(const UnitEpoch&)>*, Poll);
template UnitResult<double> train_linear_unit(const UnitRows<double>&, const UnitOptions&, const double*,
                                              double, const FunctionRef<void(const UnitEpoch&)>*, Poll);

}  // namespace lamina
