// The kernels' coefficients at each step of each optimizer: functions of options and step count alone.
#pragma once

#include "optimizers/update_rules.h"

namespace lamina {

Coefficients sgd_coefficients(const OptimizerOptions& options, const ParameterStep& request);
Coefficients adam_coefficients(const OptimizerOptions& options, const ParameterStep& request);
Coefficients adamax_coefficients(const OptimizerOptions& options, const ParameterStep& request);
Coefficients nadam_coefficients(const OptimizerOptions& options, const ParameterStep& request);
Coefficients radam_coefficients(const OptimizerOptions& options, const ParameterStep& request);
Coefficients lion_coefficients(const OptimizerOptions& options, const ParameterStep& request);
Coefficients adagrad_coefficients(const OptimizerOptions& options, const ParameterStep& request);
Coefficients adadelta_coefficients(const OptimizerOptions& options, const ParameterStep& request);
Coefficients rmsprop_coefficients(const OptimizerOptions& options, const ParameterStep& request);
Coefficients rprop_coefficients(const OptimizerOptions& options, const ParameterStep& request);
// Of the parameters that Muon leaves to AdamW.
Coefficients muon_coefficients(const OptimizerOptions& options, const ParameterStep& request);
// Of kSgd for a matrix whose direction is orthogonal; `scale` multiplies the step, not the decay.
Coefficients muon_matrix_coefficients(double scale, const ParameterStep& request);

}  // namespace lamina
