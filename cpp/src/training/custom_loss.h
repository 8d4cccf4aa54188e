// Training by a custom loss: a function of the caller's in place of one of lamina's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "training/model.h"

namespace lamina {

// What the function is asked: a value for the outputs of some rows, and for training its gradient.
template <class T>
struct CustomBatch {
  std::span<const int64_t> rows;  // their numbers in the data set; empty: all of them, as they lie
  int64_t members;                // rows of outputs for each of them: an ensemble's in training, else 1
  int64_t count, columns;         // of the outputs
  const T* outputs;               // [count, columns]
  Targets<T> targets;             // of `count` rows; none where the data set has none
  T* gradient;                    // [count, columns], to be filled; null: the value alone is asked for
};

// The value is a mean over rows, to which the layers' penalties are added. May raise. It may predict with the
// network meanwhile, but not train it.
template <class T>
using CustomLoss = std::function<double(const CustomBatch<T>&)>;

// How one batch is passed forward and back.
struct CustomPass {
  uint64_t seed = 0, step = 0;  // of what layers draw
  bool accumulate = false;      // the gradients are added to those that stand
  double noise_factor = 1.0;    // of what layers draw
  double share = 1.0;           // factor of the gradient, for a part of an update's rows
};

// Forward, the function, and backward, after which the gradients stand in the model.
template <class T>
class CustomSteps {
 public:
  // Both live as long.
  CustomSteps(Model<T>& model, const CustomLoss<T>& loss) : model_(model), loss_(loss) {}

  // The function's value for some rows of `data` (their numbers; empty: all, as they lie) as one batch; none
  // where the poll asked to stop. Raises kNotFinite where value or gradient are not.
  std::optional<double> value_and_gradient(const DataSet<T>& data, std::span<const int64_t> rows,
                                           const CustomPass& pass, Poll poll);
  // One pass over the data as Model::run_epoch makes it, and what it raises.
  EpochRecord run_epoch(const DataSet<T>& data, const EpochRequest& request, Optimizer<T>& optimizer,
                        WeightAverage<T>* average, T* outputs, Poll poll);
  // Of all rows at once, without gradients; `outputs` [rows, network outputs] or null. 0 where the poll asked
  // to stop.
  double evaluate(const DataSet<T>& data, T* outputs, Poll poll);

 private:
  std::optional<double> run_update(const DataSet<T>& data, std::span<const int64_t> order, int64_t step,
                                   const EpochRequest& request, Optimizer<T>& optimizer, T* outputs,
                                   Poll poll);
  // Outputs of the last batch to rows of [rows, network outputs]: of an ensemble the means of its members.
  void keep_outputs(std::span<const int64_t> rows, T* outputs) const noexcept;

  Model<T>& model_;
  const CustomLoss<T>& loss_;
  std::vector<T> outputs_, gradient_;  // of the last batch
};

}  // namespace lamina
