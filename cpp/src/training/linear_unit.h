// One linear unit, trained row by row by the perceptron's loss with penalties on its weights: what
// scikit-learn's Perceptron is of each class, with the same arithmetic in the same order.
#pragma once

#include <cstdint>
#include <vector>

#include "base/function_ref.h"
#include "base/poll.h"

namespace lamina {

// Rows of a dense table, or of one whose zeros are not stored (compressed sparse rows).
template <class T>
struct UnitRows {
  int64_t rows = 0, columns = 0;
  const T* values = nullptr;
  const int32_t* columns_of = nullptr;  // of each stored value; null: dense rows
  const int32_t* starts = nullptr;      // [rows + 1]
  const T* signs = nullptr;             // [rows]: 1 or -1
  const T* weights = nullptr;           // [rows]
  const uint8_t* held_back = nullptr;   // [rows]: not 0 for rows that validate
};

struct UnitOptions {
  double rate = 1.0;                       // factor of each move
  bool decays = false, truncates = false;  // an L2 penalty; an L1 penalty (Tsuruoka et al. 2009)
  double alpha = 0.0, l1_ratio = 0.0;      // strength of both, and the share of the latter
  bool fit_bias = true;
  double bias_share = 1.0;  // of a move, that the bias makes
  double positive_weight = 1.0, negative_weight = 1.0;
  bool shuffle = true;
  uint32_t seed = 0;
  int64_t max_epochs = 1000;
  bool validates = false;  // stop by the share of held back rows that are right, not by the objective
  bool stops = true;       // before max_epochs
  double tolerance = 1e-3;
  int64_t patience = 5;  // epochs without a gain of `tolerance` that end training
};

struct UnitEpoch {
  int64_t epoch = 0;                   // from 1
  double loss = 0.0, objective = 0.0;  // means over the rows trained on
  double score = 0.0;                  // of the rows held back
  double norm = 0.0, bias = 0.0;
  int64_t moves_possible = 0;  // rows seen so far
};

template <class T>
struct UnitResult {
  std::vector<T> weights;
  double bias = 0.0;
  int64_t epochs = 0;
  bool cancelled = false;
};

// From the weights and bias given. `after_epoch` is told of each epoch. Raises kNotFinite where a weight
// overflows; the number of the epoch is in its text.
template <class T>
UnitResult<T> train_linear_unit(const UnitRows<T>& data, const UnitOptions& options, const T* weights,
                                double bias, const FunctionRef<void(const UnitEpoch&)>* after_epoch,
                                Poll poll);

}  // namespace lamina
