// The catalogue of optimizers: their options, and the kernels' coefficients at each step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/catalogue.h"
#include "optimizers/optimizer_options.h"

namespace lamina {

class Json;

// An optimizer to be: OptimizerSpec{.update = AdamOptions{.learning_rate = 3e-4}, .clip_norm = 1.0}.
struct OptimizerSpec {
  UpdateOptions update = SgdOptions{};
  double weight_decay = 0.0;
  bool decay_biases = false;
  double clip_norm = 0.0, clip_value = 0.0, clip_parameter_norm = 0.0;  // 0: no clipping
};

struct OptimizerEntry {
  const char* name;  // in JSON
  kernels::UpdateRule rule;
  int state_count;
  const char* state_names[3];
};
const OptimizerEntry& optimizer_entry(const OptimizerSpec& spec) noexcept;
double first_learning_rate(const OptimizerSpec& spec) noexcept;

// Raises kValue where an option is out of its range.
void check_optimizer(const OptimizerSpec& spec);
// From `"adam"` or `{"kind": "adam", "learning_rate": 1e-3, ...}`; every option is checked. "adamw" is Adam
// with a decoupled weight_decay of 0.01 unless given.
OptimizerSpec optimizer_from_json(const Json& spec);
Json optimizer_to_json(const OptimizerSpec& spec);
// Of the rules; "adamw" is one of Adam's.
std::vector<std::string> optimizer_names();

}  // namespace lamina
