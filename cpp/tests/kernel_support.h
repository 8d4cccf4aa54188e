// What the tests of elementwise kernels share: aligned buffers, numbers, errors in units of the last place.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "kernels/dispatch.h"

namespace lamina::test {

// Elements of `n` rounded up to 64 bytes.
template <class T>
int64_t padded(int64_t n) {
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
  return (n + kLine - 1) / kLine * kLine;
}

// Zeroed elements that start on 64 bytes.
template <class T>
class Aligned {
 public:
  explicit Aligned(int64_t n, T value = T(0))
      : storage_(static_cast<size_t>(n + padded<T>(1)), value), n_(n) {
    void* p = storage_.data();
    size_t space = storage_.size() * sizeof(T);
    data_ = static_cast<T*>(std::align(64, sizeof(T), p, space));
  }
  Aligned(const Aligned& other) : Aligned(other.n_) {
    for (int64_t i = 0; i < n_; ++i) data_[i] = other.data_[i];
  }
  Aligned& operator=(const Aligned&) = delete;
  T* data() { return data_; }
  T& operator[](int64_t i) { return data_[i]; }
  int64_t size() const { return n_; }

 private:
  std::vector<T> storage_;
  int64_t n_;
  T* data_;
};

// Uniform numbers in [low, high), the same on every machine.
class Uniform {
 public:
  explicit Uniform(uint64_t seed) : state_(seed * 2654435761u + 12345u) {}
  double operator()(double low, double high) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * static_cast<double>(state_ >> 40) / 16777216.0;
  }
  template <class T>
  void fill(Aligned<T>& out, double low, double high) {
    for (int64_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>((*this)(low, high));
  }

 private:
  uint64_t state_;
};

// |got - truth| in units of T's last place at the truth; NaN and infinities must agree. Kernels run with
// underflow to zero, so truths below `floor` (at least the smallest normal number) may be missed by it.
template <class T>
double ulp_error(T got, long double truth, long double floor = 0) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isnan(truth)) return std::isnan(got) ? 0.0 : kInfinity;
  if (std::fabs(truth) > static_cast<long double>(std::numeric_limits<T>::max())) {
    const T largest = std::numeric_limits<T>::max();
    return std::fabs(got) >= largest && (got > 0) == (truth > 0) ? 0.0 : kInfinity;
  }
  const long double error = std::fabs(static_cast<long double>(got) - truth);
  floor = std::max(floor, static_cast<long double>(std::numeric_limits<T>::min()));
  if (std::fabs(truth) < floor && error < floor) return 0.0;
  return static_cast<double>(error /
                             std::ldexp(1.0L, std::ilogb(truth) - (std::numeric_limits<T>::digits - 1)));
}

// Calls run(table) for every instruction set of this machine, its name in front of any failure.
template <class T, class Run>
void on_every_instruction_set(Run run) {
  for (const std::string& name : kernels::available_instruction_sets()) {
    const int before = failure_count();
    run(*kernels::find_kernels<T>(name.c_str()));
    if (failure_count() != before)
      std::printf("  ... on %s, %s\n", name.c_str(), sizeof(T) == 4 ? "float" : "double");
  }
}

// Calls run(table) for every instruction set and both scalar types.
template <class Run>
void on_every_table(Run run) {
  on_every_instruction_set<float>(run);
  on_every_instruction_set<double>(run);
}

}  // namespace lamina::test
