// One training step by a team of threads: rows through all layers, then gradient tiles and their updates.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/execution.h"
#include "base/poll.h"
#include "base/thread_pool.h"
#include "network/workspace.h"
#include "training/batch.h"
#include "training/gradient_tasks.h"
#include "training/penalty.h"

namespace lamina {

template <class T>
struct StepRequest {
  const DataSet<T>& data;
  BatchRows batch;
  uint64_t seed;  // of dropout
  uint64_t step;  // of dropout
  double noise_factor = 1.0;
  T* outputs = nullptr;  // null, or [data rows, outputs]: where the batch's outputs are recorded
  bool training = true;  // false: the network as in prediction
  // The gradient is the sum over the rows, by weight, where the loss asks for the mean; whoever joins it with
  // other sums divides.
  bool summed = false;
};

template <class T>
class StepRunner {
 public:
  // For batches of up to `capacity` rows; `sparse`: the workspace holds them as sparse rows.
  StepRunner(Network<T>& network, const LossSpec& loss, int64_t capacity, int64_t target_columns,
             const Execution& execution, bool sparse = false);

  int64_t capacity() const noexcept { return workspace_.rows(); }
  int64_t target_columns() const noexcept { return target_columns_; }
  const LossSpec& loss() const noexcept { return loss_; }
  Workspace<T>& workspace() noexcept { return workspace_; }
  bool is_sparse() const noexcept { return workspace_.sparse_input() != nullptr; }
  // Before batches of up to `rows` rows of the data (by indices[i], or as they lie): makes room for their
  // stored elements where the workspace holds sparse rows.
  void prepare_rows(const DataSet<T>& data, const int64_t* indices, int64_t rows);
  // Multiply-adds of a batch of the rows prepared for.
  double forward_multiply_adds(int64_t rows) const noexcept;
  double training_multiply_adds(int64_t rows) const noexcept;
  // Threads that steps of `rows` rows deserve; prepares for that many.
  int prepare_threads(int64_t rows);

  // Inside a team, by every member: forward and backward, with barriers only where layers couple rows. Ends
  // without one; whether a step is over is told after the next.
  void run_rows(Team& team, const StepRequest<T>& request, FunctionRef<bool()> stop) noexcept;
  // The gradient of the whole batch, after the barrier that follows run_rows.
  GradientTasks<T>& tasks() noexcept { return tasks_; }

  // After the barrier that follows run_rows.
  bool loss_is_finite() const noexcept { return finite_.load(std::memory_order_relaxed); }
  // Raises kValue where rows had a class that the network does not have; the loss counts as not finite then.
  void check_classes(const char* where) const;
  // Asked between pieces of a step: true once it is cancelled. Member 0 asks `stop`.
  bool stops(const Team& team, FunctionRef<bool()> stop) noexcept {
    if (team.index == 0 && stop()) cancel();
    return cancelled();
  }
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }
  void reset_flags() noexcept;
  // Sum over the batch's rows, in row order, of weight * loss.
  double summed_loss(int64_t rows) noexcept;
  // Of the weights that the step began with.
  double penalty() const noexcept { return penalty_.total(); }
  // By every member: `factor` times the gradient of the penalties, which a gradient without them lacks; after
  // a barrier.
  void add_penalty_gradient(const Team& team, double factor, T* gradients) const noexcept {
    penalty_.add_gradient_share(team, network_.kernels(), factor, network_.weights(), gradients);
  }
  const Execution& execution() const noexcept { return execution_; }

 private:
  NetworkPass<T> pass(const StepRequest<T>& request, int64_t first, int64_t rows) noexcept;
  // Calls run(first row, rows) for tiles of this member's rows until the step is cancelled.
  void each_tile(const Team& team, int64_t rows, FunctionRef<bool()> stop,
                 FunctionRef<void(int64_t, int64_t)> run) noexcept;
  // run_rows where all rows pass through each layer together, in columns of each member's own.
  void run_columns(Team& team, const StepRequest<T>& request, FunctionRef<bool()> stop, double weight_scale,
                   T delta_scale) noexcept;
  // A tile's inputs, targets and weights.
  void gather(const StepRequest<T>& request, double weight_scale, int64_t first, int64_t rows) noexcept;
  // Of rows through the last layer; false where one is not finite.
  bool compute_losses(const StepRequest<T>& request, int64_t first, int64_t rows, T delta_scale) noexcept;
  void record_outputs(const StepRequest<T>& request, int64_t first, int64_t rows) noexcept;

  Network<T>& network_;
  LossSpec loss_;
  Execution execution_;
  bool logits_;  // the loss reads them
  int64_t target_columns_;
  Workspace<T> workspace_;
  Batch<T> batch_;
  GradientTasks<T> tasks_;
  PenaltySum<T> penalty_;
  double stored_per_row_ = 0.0;            // of sparse rows, in the mean
  double weight_scale_ = 1.0;              // of the last batch; member 0's
  std::optional<WrongClass> wrong_class_;  // by the member that sets wrong_class_found_
  std::atomic<bool> wrong_class_found_{false};
  alignas(64) std::atomic<bool> finite_{true};
  std::atomic<bool> cancelled_{false};
};

}  // namespace lamina
