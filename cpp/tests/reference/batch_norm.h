// Batch normalisation in plain loops, in double; what the tests hold the kernels against.
#pragma once

#include <cstdint>
#include <vector>

namespace lamina::reference {

// Values of one column, [rows].
struct BatchNormColumn {
  double mean, variance, unbiased_variance;
  std::vector<double> y, dx;
  double weight_gradient, bias_gradient;
};

// Normalised by the column's own mean and variance.
BatchNormColumn batch_norm(const std::vector<double>& x, const std::vector<double>& dy, double epsilon,
                           double weight, double bias);

}  // namespace lamina::reference
