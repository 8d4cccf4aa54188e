// Forward and backward as separate calls, for training loops written by the user.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/execution.h"
#include "base/poll.h"
#include "base/thread_choice.h"
#include "inference/data.h"
#include "training/gradient_tasks.h"

namespace lamina {

template <class T>
class ForwardBackward {
 public:
  // `penalties`: parameter gradients include those of the layers' penalties.
  ForwardBackward(Network<T>& network, int64_t capacity, const Execution& execution, bool penalties = true);
  void include_penalties(bool wanted) noexcept { tasks_.include_penalties(wanted); }

  int64_t capacity() const noexcept { return workspace_.rows(); }
  // Outputs [rows, network outputs] of these inputs, or with `training` [rows, members, network outputs] of
  // an ensemble's members; remembers what backward needs. False: the poll asked to stop, and there is nothing
  // for backward. `noise_factor`: of what layers draw in training.
  bool forward(const ArraySource& inputs, bool training, uint64_t seed, uint64_t step, T* outputs, Poll poll,
               double noise_factor = 1.0);
  int64_t rows() const noexcept { return rows_; }
  const Workspace<T>& workspace() const noexcept { return workspace_; }
  // Whether the last forward gave the outputs of members.
  bool of_members() const noexcept { return training_ && network_.has_ensemble(); }
  // Gradient of those outputs in; parameter gradients to the flat buffer `gradients` (null: not
  // wanted), input gradient [rows, inputs] to `input_gradient` (null: not wanted). False: the poll asked to
  // stop.
  bool backward(const T* output_gradient, T* gradients, T* input_gradient, Poll poll);
  // One optimizer step with a flat gradient that is already there (and is clipped in place where the
  // optimizer says so), and with the kept statistics of a batch (null: none), which running ones follow.
  // Raises kNotFinite where a weight would not be finite, leaving the weights as they were.
  void apply(Optimizer<T>& optimizer, T* gradients, const T* statistics);

 private:
  // Asked between pieces of the work: true once the poll, which member 0 asks, has asked to stop.
  bool stops(const Team& team, TimedPoll& poll) noexcept;
  // On as many threads as this much work between two barriers deserves and as were found to be fastest, once
  // `prepare` was told how many.
  void run_chosen(ThreadChoices& choices, double multiply_adds, FunctionRef<void(int threads)> prepare,
                  FunctionRef<void(Team&)> body);
  NetworkPass<T> pass(int64_t first, int64_t rows) noexcept;
  // Rows [first, first + rows) of the outputs, from or to the user's arrays.
  void give_outputs(int64_t first, int64_t rows, T* outputs) const noexcept;
  void take_gradient(int64_t first, int64_t rows, const T* gradient) noexcept;

  Network<T>& network_;
  Execution execution_;
  Workspace<T> workspace_;
  GradientTasks<T> tasks_;
  ThreadChoices forward_choices_, backward_choices_, update_choices_;
  GradientClipper<T> clipper_;
  AlignedBuffer<T> backup_;
  int64_t rows_ = 0;
  std::atomic<bool> stopped_{false};
  bool training_ = false;
  uint64_t seed_ = 0, step_ = 0;
  double noise_factor_ = 1.0;
};

}  // namespace lamina
