// Epochs and single steps on one network: batches, updates, stopping, and what happens when a loss is not
// finite.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "optimizers/weight_average.h"
#include "training/epoch_hooks.h"
#include "training/step.h"
#include "training/thread_choice.h"

namespace lamina {

inline constexpr int64_t kNoEpoch = -1;  // a single step of a custom training loop

struct EpochRequest {
  int64_t epoch = 1;  // from 1: for the shuffle and error messages
  int64_t batch_size = 32;
  bool shuffle = true;
  uint64_t seed = 0;
  const double* learning_rates = nullptr;  // of each step, finite and at least 0; null: the optimizer's own
  int64_t accumulate = 1;                  // batches whose mean gradient makes one update
  std::optional<AfterStep> after_step = std::nullopt;
};

struct EpochRecord {
  double loss = 0.0;       // mean over the rows seen, by weight
  int64_t steps = 0;       // updates
  bool cancelled = false;  // stopped by the poll; weights are those of the last whole step
};

// Batches of an epoch, and the rows of the largest. Where a layer couples rows, a last batch of one row, on
// which it could not be trained, joins the batch before.
template <class T>
int64_t batches_per_epoch(const Network<T>& network, int64_t rows, int64_t batch_size) noexcept {
  const bool joins = network.couples_rows() && rows > batch_size && rows % batch_size == 1;
  return rows / batch_size + (rows % batch_size != 0 && !joins ? 1 : 0);
}
// Updates of an epoch, each on `accumulate` batches.
template <class T>
int64_t steps_per_epoch(const Network<T>& network, int64_t rows, int64_t batch_size,
                        int64_t accumulate) noexcept {
  const int64_t batches = batches_per_epoch(network, rows, batch_size);
  return 1 + (batches - 1) / accumulate;
}
template <class T>
int64_t largest_batch(const Network<T>& network, int64_t rows, int64_t batch_size) noexcept {
  return batch_size < rows && network.couples_rows() ? batch_size + 1 : std::min(rows, batch_size);
}

template <class T>
class Trainer {
 public:
  Trainer(Network<T>& network, const LossSpec& loss, int64_t capacity, int64_t target_columns);

  StepRunner<T>& runner() noexcept { return runner_; }

  // One pass over the data. Raises kNotFinite at the step whose loss or update is not finite; the weights are
  // then those of the last step whose loss was finite.
  // `average` (or null) follows the weights.
  EpochRecord run_epoch(const DataSet<T>& data, const EpochRequest& request, Optimizer<T>& optimizer,
                        WeightAverage<T>* average, T* outputs, Poll poll);
  // One update on all rows of `data` as one batch; returns the loss before it.
  double step(const DataSet<T>& data, Optimizer<T>& optimizer, uint64_t seed, Poll poll);
  // Loss of all rows of `data` as one batch and its gradient into the flat buffer `gradients`; none where the
  // poll asked to stop.
  std::optional<double> value_and_gradient(const DataSet<T>& data, uint64_t seed, uint64_t step, T* gradients,
                                           Poll poll);

 private:
  // What the steps of one epoch share.
  struct Epoch {
    const DataSet<T>& data;
    const EpochRequest& request;
    Optimizer<T>& optimizer;
    T* outputs;
    std::vector<int64_t> order;  // empty: rows come as they lie
    int64_t steps, step_rows;
    int64_t steps_before;  // of the optimizer
    int64_t keep_every;    // steps whose old weights go to backup_; the last always
    int64_t kept = 0;      // the last of those

    BatchRows batch(int64_t step) const noexcept;
  };
  // As many members as were chosen, with the gradient's tiles cut for them.
  void run_members(int64_t batch_rows, FunctionRef<void(Team&)> body);
  // True where the updates wait for the whole gradient: to clip it, or to leave room for an interrupt.
  bool gradient_comes_first(const Optimizer<T>& optimizer, int64_t rows, int threads) const noexcept;
  void prepare_buffers(const Optimizer<T>& optimizer, const EpochRequest& request, int64_t rows);
  // By every member of the team: one update; false: stop (not finite or cancelled).
  bool run_step(Team& team, Epoch& epoch, int64_t index, FunctionRef<bool()> stop) noexcept;
  // Rows of one batch forward and back.
  bool run_batch(Team& team, const StepRequest<T>& request, FunctionRef<bool()> stop) noexcept;
  // The mean gradient of an update's batches, then the update.
  bool run_whole(Team& team, const StepRequest<T>& request, Epoch& epoch, FunctionRef<bool()> stop) noexcept;
  void sync_backup();
  // Back to the weights of the last step whose loss was finite, after `done` updates and a step that failed.
  void undo(Epoch& epoch, int64_t done);
  [[noreturn]] void fail_not_finite(Epoch& epoch, int64_t done);
  std::string not_finite_after_update() const;
  std::string first_not_finite_place(int64_t rows);

  Network<T>& network_;
  StepRunner<T> runner_;
  ThreadChoice choice_;
  AlignedBuffer<T> backup_;     // weights before the last update that kept them
  AlignedBuffer<T> gradients_;  // only where the optimizer needs the whole gradient
  AlignedBuffer<T> part_;       // of one batch among several of an update
  GradientClipper<T> clipper_;
  double step_loss_ = 0.0, step_penalty_ = 0.0;  // by member 0 between a step's barriers
  uint64_t backup_version_ = 0;
  bool backup_valid_ = false;
};

}  // namespace lamina
