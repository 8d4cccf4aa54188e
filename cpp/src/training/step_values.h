// What changes from step to step of an epoch: learning rates, weight decays, factors of dropout.
#pragma once

#include <cstdint>

#include "optimizers/optimizer.h"

namespace lamina {

// Each array has a value for each step of the epoch.
struct StepValues {
  // Finite, at least 0; null: the optimizer's own.
  const double* learning_rates = nullptr;
  const double* weight_decays = nullptr;
  // In [0, 1], of what layers draw: the rates of dropouts, the deviations of noise; null: 1.
  const double* noise_factors = nullptr;

  // Raises kValue where one is out of range.
  void check(int64_t steps) const;

  double noise_factor(int64_t step) const noexcept {
    return noise_factors != nullptr ? noise_factors[step] : 1.0;
  }
  template <class T>
  void lead(Optimizer<T>& optimizer, int64_t step) const noexcept {
    if (learning_rates != nullptr) optimizer.follow_learning_rate(learning_rates[step]);
    if (weight_decays != nullptr) optimizer.follow_weight_decay(weight_decays[step]);
  }
};

}  // namespace lamina
