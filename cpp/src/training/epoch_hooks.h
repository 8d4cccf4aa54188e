// What an epoch asks while it runs.
#pragma once

#include <cstdint>
#include <optional>

#include "base/function_ref.h"
#include "base/poll.h"

namespace lamina {

// Of an update's rows, before it.
struct StepLoss {
  double mean;     // penalties included
  double penalty;  // what the layers' penalties added to it
};

// After an update, with its number within the epoch, from 0. Weights stay as they are meanwhile. Raises
// nothing; true: break the epoch off.
using AfterStep = FunctionRef<bool(int64_t step, const StepLoss& loss)>;

struct EpochHooks {
  Poll poll;  // with the steps done; true: break the epoch off
  std::optional<AfterStep> after_step;
};

}  // namespace lamina
