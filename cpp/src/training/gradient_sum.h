// A gradient before the one division that makes a mean of it: what several machines add up.
#pragma once

#include <cstdint>

#include "base/function_ref.h"

namespace lamina {

// values / weight is the mean gradient, without the layers' penalties. A loss that sums over rows is not
// divided, and nothing asks for its weight.
template <class T>
struct GradientSum {
  T* values;  // [size]: the flat buffer in the network's layout; its padding counts for nothing
  int64_t size;
  double weight;  // of the rows: their sample weights' sum, or how many there are
};

// Called on one thread once a step's sum stands, before division, penalties, clipping and update; may change
// values and weight. Where it throws, the step does not take place and the exception reaches the caller.
template <class T>
using GradientHook = FunctionRef<void(GradientSum<T>& gradient)>;

}  // namespace lamina
