// Forward and backward as separate calls.
#include "training/forward_backward.h"

#include <algorithm>

#include "base/error.h"
#include "layers/rows.h"
#include "layers/target_scaling.h"
#include "network/work_sizes.h"
#include "training/phases.h"

namespace lamina {

template <class T>
ForwardBackward<T>::ForwardBackward(Network<T>& network, int64_t capacity, const Execution& execution,
                                    bool penalties)
    : network_(network),
      execution_(execution),
      workspace_(network, capacity, WorkspaceUse::kTraining),
      tasks_(network) {
  tasks_.include_penalties(penalties);
}

template <class T>
NetworkPass<T> ForwardBackward<T>::pass(int64_t first, int64_t rows) noexcept {
  return {.workspace = workspace_,
          .parameters = network_.weights(),
          .transposed = network_.reads_transposed(rows_) ? network_.transposed() : nullptr,
          .first_row = first,
          .rows = rows,
          .training = training_,
          .of_members = of_members(),
          .seed = seed_,
          .step = step_,
          .noise_factor = noise_factor_};
}

template <class T>
bool ForwardBackward<T>::stops(const Team& team, TimedPoll& poll) noexcept {
  if (team.index == 0 && poll(0)) stopped_.store(true, std::memory_order_relaxed);
  return stopped_.load(std::memory_order_relaxed);
}

template <class T>
bool ForwardBackward<T>::forward(const ArraySource& inputs, bool training, uint64_t seed, uint64_t step,
                                 T* outputs, Poll poll, double noise_factor) {
  if (training) network_.check_batch_rows(inputs.rows, "forward");
  rows_ = inputs.rows;
  training_ = training;
  seed_ = seed;
  step_ = step;
  noise_factor_ = noise_factor;
  const double work = work_between_barriers(network_, network_.forward_multiply_adds(), rows_);
  TimedPoll timed(poll, false);
  stopped_.store(false, std::memory_order_relaxed);
  run_chosen(
      forward_choices_, work, [](int) {},
      [&](Team& team) {
        const Slot<T>& input = workspace_.input();
        // The derivatives that backward reads are kept in any case; `training` decides on dropout and on
        // whose statistics a layer that couples rows takes.
        for (int phase = 0; phase < network_.phases(); ++phase) {
          begin_forward_phase(team, network_, pass(0, rows_), phase);
          for_each_tile(team, network_, rows_, [&](int64_t first, int64_t count) {
            if (stops(team, timed)) return;
            if (phase == 0)
              gather_inputs(network_.kernels(), network_.row_offset(network_.weights()), inputs, nullptr,
                            first, count, input.values + first * input.row_stride, input.row_stride);
            network_.forward(pass(first, count), phase);
            if (phase + 1 == network_.phases()) give_outputs(first, count, outputs);
          });
        }
      });
  if (stopped_) rows_ = 0;
  return !stopped_;
}

// What members give is scaled behind them alone, where the network scales targets.
template <class T>
void ForwardBackward<T>::give_outputs(int64_t first, int64_t rows, T* outputs) const noexcept {
  const int64_t members = of_members() ? network_.members() : 1;
  const Slot<T>& slot = of_members() ? workspace_.slot(network_.member_slot()) : workspace_.output();
  T* to = outputs + first * members * slot.columns;
  copy_to_user(rows * members, slot.columns, slot.values + first * members * slot.row_stride, slot.row_stride,
               to, slot.columns);
  if (const TargetScaling<T>* scaling = network_.target_scaling(); scaling != nullptr && of_members())
    scaling->scale(network_.weights(), rows * members, slot.columns, to);
}

template <class T>
void ForwardBackward<T>::take_gradient(int64_t first, int64_t rows, const T* gradient) noexcept {
  const int64_t members = of_members() ? network_.members() : 1;
  const Slot<T>& slot = of_members() ? workspace_.slot(network_.member_slot()) : workspace_.output();
  T* delta = slot.delta + first * members * slot.row_stride;
  copy_rows(rows * members, slot.columns, gradient + first * members * slot.columns, slot.columns, delta,
            slot.row_stride);
  if (const TargetScaling<T>* scaling = network_.target_scaling(); scaling != nullptr && of_members())
    scaling->to_logit_delta(network_.kernels(), network_.weights(), rows * members, delta, slot.row_stride);
}

template <class T>
void ForwardBackward<T>::run_chosen(ThreadChoices& choices, double multiply_adds,
                                    FunctionRef<void(int threads)> prepare, FunctionRef<void(Team&)> body) {
  const int most = deserved_threads(multiply_adds, sizeof(T) == 8, execution_.threads());
  choices.run_step(most, estimated_microseconds(multiply_adds, sizeof(T) == 8),
                   [&](const ThreadChoice& choice) {
                     prepare(choice.threads());
                     return execution_.run_team(choice.threads(), body, choice.patience());
                   });
}

template <class T>
bool ForwardBackward<T>::backward(const T* output_gradient, T* gradients, T* input_gradient, Poll poll) {
  if (network_.reads_transposed(rows_)) network_.refresh_transposed(input_gradient != nullptr);
  const double work = work_between_barriers(network_, network_.training_multiply_adds(), rows_);
  TimedPoll timed(poll, false);
  stopped_.store(false, std::memory_order_relaxed);
  const auto prepare = [&](int threads) { tasks_.prepare(rows_, threads); };
  run_chosen(backward_choices_, work, prepare, [&](Team& team) {
    if (team.index == 0) tasks_.begin();
    const Slot<T>& input = workspace_.input();
    for (int phase = network_.phases() - 1; phase >= 0; --phase) {
      begin_backward_phase(team, network_, pass(0, rows_), phase);
      for_each_tile(team, network_, rows_, [&](int64_t first, int64_t count) {
        if (stops(team, timed)) return;
        if (phase + 1 == network_.phases()) take_gradient(first, count, output_gradient);
        network_.backward(pass(first, count), input_gradient != nullptr, phase);
        if (phase == 0 && input_gradient != nullptr)
          copy_to_user(count, input.columns, input.delta + first * input.row_stride, input.row_stride,
                       input_gradient + first * input.columns, input.columns);
      });
    }
    team.barrier();
    if (gradients != nullptr)
      tasks_.run(team, workspace_, rows_, gradients, true, nullptr, [&] { return stops(team, timed); });
  });
  return !stopped_;
}

template <class T>
void ForwardBackward<T>::apply(Optimizer<T>& optimizer, T* gradients, const T* statistics) {
  network_.refresh_transposed(false);
  if (backup_.empty()) backup_ = AlignedBuffer<T>(network_.flat_size());
  std::copy_n(network_.weights(), network_.flat_size(), backup_.data());
  // An update reads and writes each weight, its state and its gradient: about ten multiply-adds' time.
  const double work = 10.0 * static_cast<double>(network_.flat_size()) + optimizer.preparing_multiply_adds();
  clipper_.prepare(network_.parameters());
  const auto prepare = [&](int threads) {
    tasks_.prepare(rows_, threads);
    tasks_.begin();
    optimizer.begin_step(network_.weights(), nullptr);
    if (statistics != nullptr) network_.update_running(statistics, optimizer);
  };
  run_chosen(update_choices_, work, prepare, [&](Team& team) {
    clipper_.clip(team, network_.kernels(), optimizer.spec(), gradients);
    team.barrier();
    optimizer.prepare_updates(team, gradients, [] { return false; });
    tasks_.run(team, workspace_, rows_, gradients, false, &optimizer);
  });
  network_.note_untracked_update();
  if (optimizer.step_is_finite()) return;
  std::copy_n(backup_.data(), network_.flat_size(), network_.weights());
  network_.mark_weights_changed();
  optimizer.reset();  // its running means are not finite either
  throw_error(
      Error::Kind::kNotFinite,
      {"optimizer.step: a weight or a running mean would not be finite; the weights are as they were. "
       "Check the gradients, or try a lower learning_rate"});
}

template class ForwardBackward<float>;
template class ForwardBackward<double>;

}  // namespace lamina
