// Checks of what changes from step to step.
#include "training/step_values.h"

#include <limits>
#include <string>

#include "base/error.h"
#include "base/json.h"

namespace lamina {

namespace {

// `expected` ends "fit: expected ".
void check_range(const double* values, int64_t steps, double most, const char* expected) {
  for (int64_t i = 0; values != nullptr && i < steps; ++i)
    if (!(values[i] >= 0.0 && values[i] <= most))
      throw_error(Error::Kind::kValue, {"fit: expected ", expected, ", got ", Json(values[i]).dump(),
                                        " at step ", i + 1, " of the epoch"});
}

}  // namespace

void StepValues::check(int64_t steps) const {
  constexpr double kMost = std::numeric_limits<double>::max();
  check_range(learning_rates, steps, kMost, "finite learning rates of at least 0");
  check_range(weight_decays, steps, kMost, "finite weight decays of at least 0");
  check_range(noise_factors, steps, 1.0, "factors of dropout from 0 to 1");
}

}  // namespace lamina
