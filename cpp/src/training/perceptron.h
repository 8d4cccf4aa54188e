// The perceptron of Rosenblatt (1958): step units trained by their own rule, one row after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "base/poll.h"
#include "inference/data.h"

namespace lamina {

struct PerceptronOptions {
  double learning_rate = 1.0;  // above 0
  double margin = 0.0;         // at least 0: a row is right when its sum lies farther than this from 0
  bool averaged = false;       // weights are the mean of those after every row (Freund and Schapire 1999)
  bool fit_bias = true;
  bool shuffle = true;
  uint64_t seed = 0;
  int64_t max_epochs = 1000;
};

struct PerceptronResult {
  std::vector<double> weights;    // [units, inputs]
  std::vector<double> biases;     // [units]
  std::vector<int64_t> updates;   // [units]
  std::vector<int64_t> mistakes;  // [units]: updates at rows on the wrong side
  int64_t epochs = 0;
  int64_t wrong_rows = 0;  // of the last epoch: rows at which some unit was changed
  bool converged = false;  // the last epoch changed nothing
  bool cancelled = false;
};

// Unit k is to give a sum above 0 for rows of class k and below 0 for others; a single unit, above 0 for
// class 1. Sums are those of a float64 dense layer with the same weights, to the last bit. Raises kNotFinite
// where a sum overflows.
PerceptronResult train_perceptron(const ArraySource& inputs, const int32_t* classes, int64_t units,
                                  const PerceptronOptions& options, Poll poll);

}  // namespace lamina
