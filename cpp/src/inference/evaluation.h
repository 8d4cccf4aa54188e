// Prediction and evaluation: rows in, outputs or a loss out, in tiles, with any number of threads.
#pragma once

#include <cstdint>

#include "base/execution.h"
#include "base/poll.h"
#include "inference/data.h"
#include "network/network.h"

namespace lamina {

// Both raise kValue where the rows are not as wide as the network's inputs, and evaluate where there are
// none.

// Outputs of all rows into `outputs` [rows, network outputs], contiguous. `parameters` is the flat buffer to
// use: the network's own, or a snapshot of it. False: the poll asked to stop.
template <class T>
bool predict(const Network<T>& network, const T* parameters, const ArraySource& inputs, T* outputs, Poll poll,
             const Execution& execution = {});

struct Evaluation {
  double loss = 0.0;
  bool cancelled = false;
};

// Mean loss (or sum, as the loss says) over all rows; `outputs` as in predict, or null.
template <class T>
Evaluation evaluate(const Network<T>& network, const T* parameters, const LossSpec& loss,
                    const DataSet<T>& data, T* outputs, Poll poll, const Execution& execution = {});

}  // namespace lamina
