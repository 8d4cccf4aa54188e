// First weights that fit the data they will see.
#pragma once

#include <cstdint>

#include "base/poll.h"
#include "training/model.h"

namespace lamina {

struct DataInitOptions {
  // Each unit's weights are divided by the deviation of its product with the rows.
  bool scale = true;
  // Each unit's bias becomes minus a random mean of its product with so many rows, so that its kink, or its
  // steepest point, lies among the data; 0: biases stay.
  int64_t bias_rows = 5;
  uint64_t seed = 0;
};

// Dense layers that learn, one after the other, each on what those before make of the rows (at most 4,096 of
// them, drawn by the seed; of an ensemble its members together see so many), as RealMLP has it (Holzmueller
// et al. 2024; biases: Steinwart 2019). Units whose product does not vary stay as they are. False where
// `poll` has stopped it: nothing has changed.
template <class T>
bool initialize_from_data(Model<T>& model, const ArraySource& inputs, const DataInitOptions& options,
                          Poll poll);

}  // namespace lamina
