// Activations, losses and updates one number at a time, which the tests hold every kernel against.
#pragma once

#include <vector>

#include "kernels/catalogue.h"

namespace lamina::reference {

struct ValueAndSlope {
  long double value;
  long double slope;
};

// f(z) and f'(z); at a kink the slope that the kernels take.
ValueAndSlope activation(kernels::Activation activation, long double z, long double parameter);

// The loss of one row, summed over its columns, with its gradient. A class target is a row of zeros with a 1.
struct LossOfRow {
  double value;
  std::vector<double> gradient;
};
LossOfRow loss(kernels::Loss loss, const std::vector<double>& outputs, const std::vector<double>& targets,
               const std::vector<double>& parameters);

// A row normalised to mean 0 (where centered) and mean square 1, times scale, plus shift.
std::vector<double> normalize_row(const std::vector<double>& x, bool centered, double epsilon,
                                  const std::vector<double>& scale, const std::vector<double>& shift);

// One weight's update; returns the new weight.
double update(kernels::UpdateRule rule, const std::vector<double>& coefficients, double weight,
              double gradient, double (&state)[3]);

}  // namespace lamina::reference
