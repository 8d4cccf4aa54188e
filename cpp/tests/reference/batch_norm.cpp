// Batch normalisation by the formulas of Ioffe & Szegedy (2015).
#include "reference/batch_norm.h"

#include <cmath>
#include <numeric>

namespace lamina::reference {

BatchNormColumn batch_norm(const std::vector<double>& x, const std::vector<double>& dy, double epsilon,
                           double weight, double bias) {
  const auto rows = static_cast<double>(x.size());
  BatchNormColumn column{};
  column.mean = std::accumulate(x.begin(), x.end(), 0.0) / rows;
  for (const double value : x) column.variance += (value - column.mean) * (value - column.mean) / rows;
  column.unbiased_variance = column.variance * rows / (rows - 1);
  const double deviation = std::sqrt(column.variance + epsilon);
  for (size_t i = 0; i < x.size(); ++i) {
    const double normalised = (x[i] - column.mean) / deviation;
    column.y.push_back(weight * normalised + bias);
    column.weight_gradient += dy[i] * normalised;
    column.bias_gradient += dy[i];
  }
  for (size_t i = 0; i < x.size(); ++i) {
    const double normalised = (x[i] - column.mean) / deviation;
    const double coupled = column.bias_gradient + normalised * column.weight_gradient;
    column.dx.push_back(weight / deviation * (dy[i] - coupled / rows));
  }
  return column;
}

}  // namespace lamina::reference
