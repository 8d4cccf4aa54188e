// What an epoch asks while it runs.
#pragma once

#include <cstdint>
#include <optional>

#include "base/function_ref.h"
#include "base/poll.h"

namespace lamina {

// After an update, with its number within the epoch, from 0, and the mean loss of its rows before it. Weights
// stay as they are meanwhile. Raises nothing; true: break the epoch off.
using AfterStep = FunctionRef<bool(int64_t step, double loss)>;

struct EpochHooks {
  Poll poll;  // with the steps done; true: break the epoch off
  std::optional<AfterStep> after_step;
};

}  // namespace lamina
