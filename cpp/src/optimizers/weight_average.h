// An average of a network's weights along its training: exponential (Polyak & Juditsky 1992) or equal
// (Izmailov et al. 2018).
#pragma once

#include <cstdint>
#include <vector>

#include "base/arena.h"
#include "kernels/kernel_table.h"
#include "layers/parameter.h"

namespace lamina {

struct WeightAverageOptions {
  double decay = 0.999;  // in [0, 1]; 1: the equal average
  bool warm_up = true;   // shares of at least 1 / k at the k-th update: early weights fade at once
  int64_t start = 0;     // updates that are left out at first
};

template <class T>
class WeightAverage {
 public:
  // For a flat buffer of `flat_size` elements with these parameters.
  WeightAverage(const WeightAverageOptions& options, const std::vector<Parameter>& parameters,
                int64_t flat_size, const kernels::KernelTable<T>& table)
      : options_(options),
        table_(table),
        parameters_(parameters),
        average_(flat_size),
        training_(flat_size) {}

  // Elements [first, last), whole lines of 64 bytes, of the weights after the update that is `ahead` past
  // those counted; pieces in any order, each once.
  void update(int64_t ahead, int64_t first, int64_t last, const T* weights) noexcept;
  void advance(int64_t updates) noexcept { updates_ += updates; }

  // Before, there is no average yet.
  bool started() const noexcept { return updates_ > options_.start; }
  int64_t updates() const noexcept { return updates_; }
  void set_updates(int64_t updates) noexcept { updates_ = updates; }
  const std::vector<Parameter>& parameters() const noexcept { return parameters_; }
  T* average() noexcept { return average_.data(); }
  const T* average() const noexcept { return average_.data(); }
  // Those that training goes on from, while the network holds the average.
  T* training() noexcept { return training_.data(); }
  bool applied() const noexcept { return applied_; }
  void set_applied(bool applied) noexcept { applied_ = applied; }

 private:
  WeightAverageOptions options_;
  const kernels::KernelTable<T>& table_;
  std::vector<Parameter> parameters_;
  AlignedBuffer<T> average_, training_;
  int64_t updates_ = 0;
  bool applied_ = false;
};

}  // namespace lamina
