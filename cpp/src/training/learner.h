// What a fit trains: a model with its data, loss and optimizer, as the policy around it sees them.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>

#include "metrics/figures.h"
#include "training/epoch_hooks.h"

namespace lamina {

// Weights as they were at one point.
class WeightCopy {
 public:
  virtual ~WeightCopy() = default;
};

class Learner {
 public:
  virtual ~Learner() = default;

  // Updates of one epoch.
  virtual int64_t steps_per_epoch() const = 0;
  // What records will hold, with "val_" before figures of validation.
  virtual FigureModes figures() const = 0;

  // The fit opens: from here until end() predictions see the weights of the last epoch's end.
  virtual void begin() = 0;
  virtual void end() noexcept = 0;
  // Before the first of `epochs` epochs.
  virtual void start(int64_t epochs) = 0;

  // All rows once; loss and metrics go to the record. False where a hook has broken the epoch off: weights
  // are then those of its last whole step.
  virtual bool train_epoch(const EpochHooks& hooks, Figures& record) = 0;
  // The figures of validation, and the others that each record has. `poll`: true: give up.
  virtual void complete(Figures& record, Poll poll) = 0;
  // After the last epoch, also after an error; `distrusted`: a loss or a weight was not finite, so that an
  // average of the weights has seen what led there.
  virtual void finish(bool distrusted) = 0;
  // Whether an exception says that a loss or a weight was not finite.
  virtual bool is_not_finite(const std::exception_ptr& error) const;

  // As predictions see them.
  virtual std::unique_ptr<WeightCopy> copy_weights() const = 0;
  // What copy_weights gave.
  virtual void put_back(const WeightCopy& copy) = 0;
};

}  // namespace lamina
