// A network as the operations that compute its outputs: what a predictor runs and an exporter writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "layers/layer.h"
#include "network/network.h"

namespace lamina {

// One layer at work: value `output` becomes layer(value `input`). Those of an ensemble's own (kind kEnsemble)
// make k rows of one, times the members' scales; run each member's dense layer; take the mean of k rows.
// Those of a residual block itself (kind kResidual: an identity skip, and the sum) add value `input` to value
// `output`, which is 0 at first.
template <class T>
struct Operation {
  const Layer<T>* layer = nullptr;
  std::string name;                   // of the layer in the folded network: "layers.0"
  int input = 0, output = 0;          // value 0 is the network's input
  int64_t inputs = 0, outputs = 0;    // columns of the two
  int64_t input_rows = 1, rows = 1;   // of the two for each row of the network: k within an ensemble
  std::vector<Parameter> parameters;  // by relative name and shape; unpack_parameter(.., plan.weights(), ..)
};

// Holds a network for inference alone (see folding.h) and its operations in the order of evaluation. What
// vanishes in inference is not among them, and no value is a view of another.
template <class T>
class Plan {
 public:
  // `weights`: a flat buffer of the network, its own or a snapshot; copied.
  Plan(const Network<T>& network, const T* weights);

  const Network<T>& network() const noexcept { return network_; }
  const T* weights() const noexcept { return network_.weights(); }
  const std::vector<Operation<T>>& operations() const noexcept { return operations_; }
  // The number of the value that holds the network's outputs, and how many values there are.
  int output() const noexcept { return operations_.back().output; }
  int values() const noexcept { return static_cast<int>(network_.slot_columns().size()); }

 private:
  Network<T> network_;
  std::vector<Operation<T>> operations_;
};

}  // namespace lamina
