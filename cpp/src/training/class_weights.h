// Weights of classes, multiplied into the weights of the rows that are trained on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "layers/loss.h"

namespace lamina {

struct ClassWeight {
  double label;  // class index; for hinge losses also -1, which is 0
  double weight;
};

// The weight of each row [rows]: its sample weight (null: 1) times the weight of its class, 1 where `table`
// has none; a row of probabilities has the mean of the weights by them. Without a table the classes are
// balanced: rows / (classes with rows * rows of the class). For losses of one class a row: cross-entropy and
// its kin with class indices or probabilities, binary and hinge losses with one output. `targets` are checked
// ones. Raises kValue, in sentences that begin with `where`, where the loss has no classes, the table has
// unknown labels or negative weights, or every row would weigh nothing.
template <class T>
std::vector<double> class_weighted(const Targets<T>& targets, int64_t rows, const double* sample_weights,
                                   const LossSpec& loss, int64_t outputs,
                                   std::optional<std::span<const ClassWeight>> table, const char* where);

}  // namespace lamina
