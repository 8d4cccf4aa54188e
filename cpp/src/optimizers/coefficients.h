// The coefficients that the kernels' update rules take at a step.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/catalogue.h"
#include "optimizers/optimizer_options.h"

namespace lamina {

using Coefficients = std::array<double, kernels::kMaxCoefficients>;

// What one parameter asks of one step.
struct ParameterStep {
  double learning_rate;
  double weight_decay;
  int64_t step;              // 1 for the first
  double rate_factor = 1.0;  // of the layer; learning_rate has it already
};

// Of the rule that the options stand for; of Muon's, the one that serves what is no matrix of its own.
Coefficients update_coefficients(const UpdateOptions& options, const ParameterStep& request);
// Of the plain step along Muon's directions.
Coefficients muon_matrix_coefficients(double scale, const ParameterStep& request);

}  // namespace lamina
