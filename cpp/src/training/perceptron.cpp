// Rosenblatt's rule.
#include "training/perceptron.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/arena.h"
#include "base/error.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/dispatch.h"
#include "layers/parameter.h"

namespace lamina {

namespace {

constexpr int64_t kRowsTogether = 64;

class Training {
 public:
  Training(const ArraySource& inputs, const int32_t* classes, int64_t units, const PerceptronOptions& options)
      : table_(kernels::kernels<double>()),
        inputs_(inputs),
        classes_(classes),
        units_(units),
        options_(options),
        panel_rows_(inputs.columns + 1),
        row_stride_(row_stride_for<double>(inputs.columns)),
        weights_(padded_columns<double>(units) * panel_rows_),
        weighted_sums_(options.averaged ? weights_.size() : 0),
        rows_(kRowsTogether * row_stride_),
        sums_(padded_columns<double>(units)),
        order_(static_cast<size_t>(inputs.rows)) {
    result_.updates.resize(static_cast<size_t>(units));
    result_.mistakes.resize(static_cast<size_t>(units));
  }

  void run(Poll poll) {
    while (result_.epochs < options_.max_epochs && !result_.converged && !result_.cancelled) {
      ++result_.epochs;
      run_epoch(poll);
      result_.converged = result_.wrong_rows == 0 && !result_.cancelled;
    }
  }

  PerceptronResult result() {
    for (int64_t unit = 0; unit < units_; ++unit) {
      for (int64_t i = 0; i < inputs_.columns; ++i) result_.weights.push_back(final_weight(i, unit));
      result_.biases.push_back(final_weight(inputs_.columns, unit));
    }
    return std::move(result_);
  }

 private:
  void run_epoch(Poll poll) {
    std::iota(order_.begin(), order_.end(), int64_t{0});
    if (options_.shuffle) shuffle_indices(options_.seed, static_cast<uint64_t>(result_.epochs), order_);
    result_.wrong_rows = 0;
    for (int64_t first = 0; first < inputs_.rows; first += kRowsTogether) {
      const int64_t count = std::min(kRowsTogether, inputs_.rows - first);
      gather_inputs(table_, {}, inputs_, order_.data() + first, 0, count, rows_.data(), row_stride_);
      for (int64_t r = 0; r < count; ++r)
        visit(rows_.data() + r * row_stride_, classes_[order_[static_cast<size_t>(first + r)]]);
      const auto now = std::chrono::steady_clock::now();
      if (now - asked_ < std::chrono::milliseconds(20)) continue;
      asked_ = now;
      result_.cancelled = poll(result_.epochs);
      if (result_.cancelled) return;
    }
  }

  // One row x: its sums, and a step for each unit that is wrong about it.
  void visit(const double* x, int32_t row_class) {
    compute_sums(x);
    bool wrong = false;
    for (int64_t unit = 0; unit < units_; ++unit) {
      const bool belongs = units_ == 1 ? row_class == 1 : row_class == unit;
      const double sign = belongs ? 1.0 : -1.0, distance = sign * sums_[unit];
      if (!std::isfinite(distance))
        throw_error(Error::Kind::kNotFinite,
                    {"Perceptron: the sum of a row is not finite; scale the inputs, or lower learning_rate"});
      if (distance > options_.margin) continue;
      wrong = true;
      ++result_.updates[static_cast<size_t>(unit)];
      if (distance <= 0.0) ++result_.mistakes[static_cast<size_t>(unit)];
      move(unit, sign * options_.learning_rate, x);
    }
    result_.wrong_rows += wrong;
    visits_ += 1.0;
  }

  void compute_sums(const double* x) noexcept {
    kernels::Product<double> product{};
    product.rows = 1;
    product.columns = padded_columns<double>(units_);
    product.true_columns = units_;
    product.depth = inputs_.columns;
    product.a = x;
    product.a_row_stride = row_stride_;
    product.a_depth_stride = 1;
    product.b = weights_.data();
    product.panel_rows = panel_rows_;
    product.c = sums_.data();
    product.c_row_stride = sums_.size();
    product.init = kernels::ProductInit::kBias;
    table_.product(product);
  }

  int64_t index(int64_t input, int64_t unit) const noexcept {
    return panel_index<double>(input, unit, units_, panel_rows_, table_.panel_columns);
  }

  void move(int64_t unit, double step, const double* x) noexcept {
    const int64_t first = index(0, unit), stride = inputs_.columns > 0 ? index(1, unit) - first : 0;
    double* weights = weights_.data() + first;
    for (int64_t i = 0; i < inputs_.columns; ++i) weights[i * stride] += step * x[i];
    if (options_.fit_bias) weights[inputs_.columns * stride] += step;
    if (!options_.averaged) return;
    double* sums = weighted_sums_.data() + first;
    const double factor = visits_ * step;
    for (int64_t i = 0; i < inputs_.columns; ++i) sums[i * stride] += factor * x[i];
    if (options_.fit_bias) sums[inputs_.columns * stride] += factor;
  }

  // The mean over all visits: a step made at visit v counts in the visits - v after it.
  double final_weight(int64_t input, int64_t unit) const noexcept {
    const int64_t i = index(input, unit);
    return options_.averaged ? weights_[i] - weighted_sums_[i] / visits_ : weights_[i];
  }

  const kernels::KernelTable<double>& table_;
  const ArraySource& inputs_;
  const int32_t* classes_;
  int64_t units_;
  const PerceptronOptions& options_;
  int64_t panel_rows_, row_stride_;
  AlignedBuffer<double> weights_, weighted_sums_, rows_, sums_;
  std::vector<int64_t> order_;
  double visits_ = 0.0;
  std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
  PerceptronResult result_;
};

}  // namespace

PerceptronResult train_perceptron(const ArraySource& inputs, const int32_t* classes, int64_t units,
                                  const PerceptronOptions& options, Poll poll) {
  Training training(inputs, classes, units, options);
  // In a team of one for the arithmetic of all other calls: denormals are flushed there.
  run_team(1, [&](Team&) { training.run(poll); });
  return training.result();
}

}  // namespace lamina
