// The catalogue of optimizers: their options, and the kernels' coefficients at each step.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/catalogue.h"

namespace lamina {

class Json;

using Coefficients = std::array<double, kernels::kMaxCoefficients>;
// Values by position, as the optimizer's list of options has them; booleans are 0 or 1.
using OptimizerOptions = std::array<double, 10>;

// What one parameter asks of one step.
struct ParameterStep {
  double learning_rate;
  double weight_decay;
  int64_t step;              // 1 for the first
  double rate_factor = 1.0;  // of the layer; learning_rate has it already
};

struct OptimizerEntry {
  const char* name;
  kernels::UpdateRule rule;
  int state_count;
  const char* state_names[3];
  Coefficients (*coefficients)(const OptimizerOptions&, const ParameterStep&);
  bool orthogonalises = false;  // weight matrices between hidden layers have Muon's rule, others this one
};

struct OptimizerSpec {
  const OptimizerEntry* entry = nullptr;
  double weight_decay = 0.0;
  bool decay_biases = false;
  double clip_norm = 0.0, clip_value = 0.0, clip_parameter_norm = 0.0;  // 0: no clipping
  OptimizerOptions options{};                                           // options[0] is the learning rate
};

// Muon's options by name.
struct MuonOptions {
  double momentum;
  bool nesterov;
  int iterations;
  bool match_adamw;
  bool first_and_last;
  explicit MuonOptions(const OptimizerOptions& o) noexcept
      : momentum(o[1]),
        nesterov(o[2] != 0.0),
        iterations(static_cast<int>(o[3])),
        match_adamw(o[8] != 0.0),
        first_and_last(o[9] != 0.0) {}
};

// From `"adam"` or `{"kind": "adam", "learning_rate": 1e-3, ...}`; every option is checked.
OptimizerSpec optimizer_from_json(const Json& spec);
Json optimizer_to_json(const OptimizerSpec& spec);
std::vector<std::string> optimizer_names();

}  // namespace lamina
