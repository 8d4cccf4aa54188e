// Figures of Normalization and TargetScaling layers, taken from data.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "inference/data.h"
#include "training/model.h"

namespace lamina {

// New values of parameters by name; all are numbers of the network's type.
using AdaptedFigures = std::vector<std::pair<std::string, std::vector<double>>>;

// Of the Normalization with this name ("layers.0"), from rows x and their weights (null: all 1).
// Raises kValue where a figure is beyond the range of T.
template <class T>
AdaptedFigures normalization_figures(const std::string& layer, const ArraySource& x, const double* weights);

// Of the TargetScaling that ends the network, from targets [rows, columns]. `gaussian`: its further outputs
// are logarithms of variances. Raises kValue also where there are not as many columns as outputs, nor one.
template <class T>
AdaptedFigures target_scaling_figures(const Network<T>& network, const ArraySource& targets,
                                      const double* weights, bool gaussian);

// Whether the first layer, or the last, is such a layer and has its first figures still: `fit` adapts these.
template <class T>
bool wants_normalization(const Model<T>& model);
template <class T>
bool wants_target_scaling(const Model<T>& model);

// What `fit` does first, from the rows that are trained on; `loss` is null for a custom one.
template <class T>
void adapt_ends(Model<T>& model, const DataSet<T>& data, const LossSpec* loss);

}  // namespace lamina
