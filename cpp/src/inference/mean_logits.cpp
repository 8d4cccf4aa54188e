// Means of probabilities, taken as logarithms so that those near 0 and 1 keep their digits.
#include "inference/mean_logits.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lamina {

namespace {

// log(sum of exp) of numbers that come one after another.
class LogSum {
 public:
  void add(double x) noexcept {
    if (x > largest_) {
      sum_ = sum_ * std::exp(largest_ - x) + 1.0;
      largest_ = x;
    } else {
      sum_ += std::exp(x - largest_);
    }
  }
  double value() const noexcept { return largest_ + std::log(sum_); }

 private:
  double largest_ = -std::numeric_limits<double>::infinity(), sum_ = 0.0;
};

double log_sigmoid(double z) noexcept { return std::min(z, 0.0) - std::log1p(std::exp(-std::abs(z))); }

// `members` rows of `z` to one of `out`: log of the mean of p, less that of 1 - p.
template <class T>
void mean_of_sigmoids(int64_t members, int64_t columns, const T* z, int64_t stride, T* out) noexcept {
  for (int64_t c = 0; c < columns; ++c) {
    LogSum of_one, of_zero;
    for (int64_t m = 0; m < members; ++m) {
      const auto logit = static_cast<double>(z[m * stride + c]);
      of_one.add(log_sigmoid(logit));
      of_zero.add(log_sigmoid(-logit));
    }
    out[c] = static_cast<T>(of_one.value() - of_zero.value());
  }
}

// The logarithms of the mean probabilities: their softmax is the mean.
template <class T>
void mean_of_softmaxes(int64_t members, int64_t columns, const T* z, int64_t stride, T* out) noexcept {
  constexpr int64_t kTogether = 64;
  for (int64_t first = 0; first < columns; first += kTogether) {
    const int64_t count = std::min(kTogether, columns - first);
    LogSum sums[kTogether];
    for (int64_t m = 0; m < members; ++m) {
      const T* row = z + m * stride;
      LogSum normalizer;
      for (int64_t c = 0; c < columns; ++c) normalizer.add(static_cast<double>(row[c]));
      const double log_sum = normalizer.value();
      for (int64_t c = 0; c < count; ++c) sums[c].add(static_cast<double>(row[first + c]) - log_sum);
    }
    for (int64_t c = 0; c < count; ++c)
      out[first + c] = static_cast<T>(sums[c].value() - std::log(static_cast<double>(members)));
  }
}

}  // namespace

template <class T>
void write_mean_logits(const Network<T>& network, const Workspace<T>& workspace, int64_t rows) noexcept {
  const Slot<T>&from = workspace.slot(network.member_slot()), &to = workspace.output();
  const int64_t members = network.members();
  const auto mean = network.output_activation().is_elementwise() ? mean_of_sigmoids<T> : mean_of_softmaxes<T>;
  for (int64_t row = 0; row < rows; ++row)
    mean(members, from.columns, from.values + row * members * from.row_stride, from.row_stride,
         to.values + row * to.row_stride);
}

template void write_mean_logits(const Network<float>&, const Workspace<float>&, int64_t) noexcept;
template void write_mean_logits(const Network<double>&, const Workspace<double>&, int64_t) noexcept;

}  // namespace lamina
