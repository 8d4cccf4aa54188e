// Epochs and single steps on one network: batches, updates, stopping, and what happens when a loss is not
// finite.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_choice.h"
#include "optimizers/weight_average.h"
#include "training/epoch_hooks.h"
#include "training/gradient_sum.h"
#include "training/step.h"
#include "training/step_values.h"
#include "training/weight_backup.h"

namespace lamina {

inline constexpr int64_t kNoEpoch = -1;  // a single step of a custom training loop

struct EpochRequest {
  int64_t epoch = 1;  // from 1: for the shuffle and error messages
  int64_t batch_size = 32;
  bool shuffle = true;
  uint64_t seed = 0;
  StepValues values = {};
  int64_t accumulate = 1;  // batches whose mean gradient makes one update
  std::optional<AfterStep> after_step = std::nullopt;
  std::span<const int64_t> order = {};  // row numbers, each row once, in place of a shuffle; empty: none
};

struct EpochRecord {
  double loss = 0.0;       // mean over the rows seen, by weight, penalties included
  double penalty = 0.0;    // what the layers' penalties added to it
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
  // `sparse`: for data of sparse rows alone, which the network must take.
  Trainer(Network<T>& network, const LossSpec& loss, int64_t capacity, int64_t target_columns,
          const Execution& execution, bool sparse);

  StepRunner<T>& runner() noexcept { return runner_; }

  // One pass over the data. Raises kNotFinite at the step whose loss or update is not finite; the weights are
  // then those of the last step whose loss was finite.
  // `average` (or null) follows the weights; `hook` (or null) sees each step's gradient.
  EpochRecord run_epoch(const DataSet<T>& data, const EpochRequest& request, Optimizer<T>& optimizer,
                        WeightAverage<T>* average, T* outputs, Poll poll,
                        const GradientHook<T>* hook = nullptr);
  // One update on all rows of `data` as one batch; returns the loss before it.
  double step(const DataSet<T>& data, Optimizer<T>& optimizer, uint64_t seed, Poll poll,
              const GradientHook<T>* hook = nullptr);
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
    WeightAverage<T>* average;
    T* outputs;
    const GradientHook<T>* hook;
    int64_t steps, batch_size, step_rows;
    int64_t steps_before;            // of the optimizer
    std::vector<int64_t> order;      // empty: rows come as they lie
    double step_microseconds = 0.0;  // estimated, on one thread
    EpochRecord record{};
    double weight_sum = 0.0;
    bool ended = false;  // a step could not be done, or was asked to stop
    std::chrono::steady_clock::time_point stretch_end = std::chrono::steady_clock::time_point::max();

    BatchRows batch(int64_t step) const noexcept;
    const char* caller() const noexcept { return request.epoch == kNoEpoch ? "train_step" : "fit"; }
    // True where the updates wait for the whole gradient: to join it with others, to clip it, or to leave
    // room for an interrupt.
    bool joins_gradients() const noexcept { return request.accumulate > 1 || hook != nullptr; }
  };
  // Checks what was asked for, and brings weights, buffers and flags to where the first step needs them.
  void prepare(Epoch& epoch);
  // All steps, in stretches of as many threads as were chosen; ends early where a step cannot be done.
  void run_stretches(Epoch& epoch, Poll poll);
  // As far as `to`, or until the stretch's time is over.
  void run_steps(Team& team, Epoch& epoch, int64_t from, int64_t to, FunctionRef<bool()> stop) noexcept;
  // By member 0 after a step.
  void add_to_record(Epoch& epoch, int64_t step) noexcept;
  // Raises what went wrong, with the weights of the last good step.
  void finish(Epoch& epoch);
  // As many members as were chosen, with the gradient's tiles cut for them.
  TeamReport run_members(int64_t batch_rows, const ThreadChoice& choice, FunctionRef<void(Team&)> body);
  bool gradient_comes_first(const Optimizer<T>& optimizer, int64_t rows, int threads) const noexcept;
  void prepare_buffers(const Epoch& epoch);
  // By every member of the team: one update; false: stop (not finite or cancelled).
  bool run_step(Team& team, Epoch& epoch, int64_t index, FunctionRef<bool()> stop) noexcept;
  // Rows of one batch forward and back.
  bool run_batch(Team& team, const StepRequest<T>& request, FunctionRef<bool()> stop) noexcept;
  // The gradient of an update's batches as a whole, then the update.
  bool run_whole(Team& team, const StepRequest<T>& request, Epoch& epoch, FunctionRef<bool()> stop) noexcept;
  // The mean gradient of an update's batches, or their sum where there is a hook.
  bool join_batches(Team& team, const StepRequest<T>& request, const Epoch& epoch,
                    FunctionRef<bool()> stop) noexcept;
  // The hook, then the one place that divides a sum.
  bool divide_sum(Team& team, const GradientHook<T>& hook) noexcept;
  // Back to the weights of the last step whose loss was finite, after `done` updates and a step that failed.
  void undo(Epoch& epoch, int64_t done);
  [[noreturn]] void fail_not_finite(Epoch& epoch, int64_t done);

  Network<T>& network_;
  StepRunner<T> runner_;
  ThreadChoices choices_, passes_;         // of steps; of value_and_gradient
  ThreadChoice* choice_ = nullptr;         // of the epoch's steps
  std::atomic<bool> stretch_over_{false};  // by member 0, between a step's barriers
  WeightBackup<T> backup_;
  AlignedBuffer<T> gradients_;  // only where the optimizer needs the whole gradient
  AlignedBuffer<T> part_;       // of one batch among several of an update
  GradientClipper<T> clipper_;
  // By member 0 between a step's barriers:
  double step_loss_ = 0.0, step_penalty_ = 0.0;
  GradientSum<T> sum_{};
  std::exception_ptr hook_failure_;
};

}  // namespace lamina
