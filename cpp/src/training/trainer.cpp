// Epochs and single steps on one network.
#include "training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/poll.h"
#include "base/text.h"
#include "inference/logits.h"
#include "network/work_sizes.h"
#include "training/epoch_order.h"
#include "training/not_finite.h"

namespace lamina {

namespace {

using Clock = std::chrono::steady_clock;

// Old weights of every step double an update's traffic. Where steps are short and repeat without the
// optimizer's state, they are kept only now and then, and the steps since are done again where one fails.
constexpr int64_t kStepsPerBackup = 32;
constexpr double kShortStep = 1000.0;  // microseconds

// This member's share of the average's update.
template <class T>
void follow(const Team& team, WeightAverage<T>& average, int64_t ahead, const T* weights,
            int64_t size) noexcept {
  constexpr int64_t kLine = padded_columns<T>(1);
  const Team::Range own = team.share(size / kLine);
  average.update(ahead, own.first * kLine, own.last * kLine, weights);
}

}  // namespace

template <class T>
Trainer<T>::Trainer(Network<T>& network, const LossSpec& loss, int64_t capacity, int64_t target_columns,
                    const Execution& execution, bool sparse)
    : network_(network),
      runner_(network, loss, capacity, target_columns, execution, sparse),
      backup_(network.flat_size(), sparse) {
  check_loss_fits(loss, network);
  network.check_trainable();
}

template <class T>
TeamReport Trainer<T>::run_members(int64_t batch_rows, const ThreadChoice& choice,
                                   FunctionRef<void(Team&)> body) {
  runner_.tasks().prepare(batch_rows, choice.threads());
  return runner_.execution().run_team(choice.threads(), body, choice.patience());
}

template <class T>
BatchRows Trainer<T>::Epoch::batch(int64_t step) const noexcept {
  const int64_t first = step * step_rows, left = data.inputs.rows - first;
  const int64_t rows = step + 1 < steps ? step_rows : left;
  return {order.empty() ? nullptr : order.data() + first, first, rows, left - rows};
}

template <class T>
EpochRecord Trainer<T>::run_epoch(const DataSet<T>& data, const EpochRequest& request,
                                  Optimizer<T>& optimizer, WeightAverage<T>* average, T* outputs, Poll poll,
                                  const GradientHook<T>* hook) {
  const int64_t rows = data.inputs.rows, batch_size = std::min(request.batch_size, rows);
  Epoch epoch{.data = data,
              .request = request,
              .optimizer = optimizer,
              .average = average,
              .outputs = outputs,
              .hook = hook,
              .steps = steps_per_epoch(network_, rows, request.batch_size, request.accumulate),
              .batch_size = batch_size,
              .step_rows = batch_size * std::min(request.accumulate, rows),
              .steps_before = optimizer.steps(),
              .order = epoch_order(request, rows)};
  prepare(epoch);
  run_stretches(epoch, poll);
  finish(epoch);
  return epoch.record;
}

template <class T>
void Trainer<T>::prepare(Epoch& epoch) {
  network_.check_batch_rows(epoch.batch_size, epoch.caller());
  epoch.request.values.check(epoch.steps);
  runner_.prepare_rows(epoch.data, epoch.order.empty() ? nullptr : epoch.order.data(), epoch.batch_size);
  const double work = runner_.training_multiply_adds(epoch.batch_size);
  epoch.step_microseconds = estimated_microseconds(work, sizeof(T) == 8);
  choice_ = &choices_.of(runner_.prepare_threads(epoch.batch_size), epoch.step_microseconds);
  // A hook's sums cannot be had again, so its steps are never repeated.
  const bool repeats =
      epoch.optimizer.is_stateless() && epoch.step_microseconds < kShortStep && epoch.hook == nullptr;
  backup_.begin(network_, epoch.steps, repeats ? kStepsPerBackup : 1);
  runner_.tasks().keep_transposed(network_.reads_transposed(epoch.batch_size));
  if (runner_.tasks().keeps_transposed()) network_.refresh_transposed(false);
  prepare_buffers(epoch);
  runner_.reset_flags();
  hook_failure_ = nullptr;
}

template <class T>
void Trainer<T>::run_stretches(Epoch& epoch, Poll poll) {
  TimedPoll timed(poll, epoch.step_microseconds < 50.0);
  const auto stop = [&] { return timed(epoch.record.steps); };
  while (epoch.record.steps < epoch.steps && !epoch.ended) {
    const int64_t from = epoch.record.steps, to = from + std::min(choice_->steps_left(), epoch.steps - from);
    const auto body = [&](Team& team) { run_steps(team, epoch, from, to, stop); };
    if (!choice_->tries()) {  // the clock would take its share of a step on one row
      run_members(epoch.batch_size, *choice_, body);
      continue;
    }
    const auto began = Clock::now();
    const std::chrono::duration<double> most(choice_->seconds_left());
    epoch.stretch_end = began + std::chrono::duration_cast<Clock::duration>(most);
    const TeamReport report = run_members(epoch.batch_size, *choice_, body);
    const std::chrono::duration<double> taken = Clock::now() - began;
    choice_->record(epoch.record.steps - from, taken.count(), report);
  }
}

template <class T>
void Trainer<T>::run_steps(Team& team, Epoch& epoch, int64_t from, int64_t to,
                           FunctionRef<bool()> stop) noexcept {
  for (int64_t step = from; step < to; ++step) {
    const bool going = run_step(team, epoch, step, stop);
    if (team.index == 0 && !going) epoch.ended = true;
    if (!going) return;
    if (epoch.average != nullptr)
      follow(team, *epoch.average, step, network_.weights(), network_.flat_size());
    if (team.index == 0) add_to_record(epoch, step);
    if (team.size > 1 && stretch_over_.load(std::memory_order_relaxed)) return;
  }
}

template <class T>
void Trainer<T>::add_to_record(Epoch& epoch, int64_t step) noexcept {
  const BatchRows batch = epoch.batch(step);
  const bool mean = runner_.loss().mean_over_rows;
  const double weight = mean ? total_weight(epoch.data, batch)
                             : static_cast<double>(batches_per_epoch(network_, batch.rows, epoch.batch_size));
  step_penalty_ *= runner_.loss().penalty_factor(epoch.hook != nullptr ? sum_.weight : weight);
  const double penalty = (mean ? weight : 1.0) * step_penalty_, loss = step_loss_ + penalty;
  epoch.record.loss += loss;
  epoch.record.penalty += penalty;
  epoch.weight_sum += weight;
  ++epoch.record.steps;
  const std::optional<AfterStep>& after_step = epoch.request.after_step;
  const StepLoss of_step{weight > 0.0 ? loss / weight : 0.0, step_penalty_};
  if (after_step && (*after_step)(step, of_step)) runner_.cancel();
}

template <class T>
void Trainer<T>::finish(Epoch& epoch) {
  EpochRecord& record = epoch.record;
  if (epoch.average != nullptr) epoch.average->advance(record.steps);
  network_.note_update(runner_.tasks().keeps_transposed());
  record.cancelled = runner_.cancelled();
  if (record.cancelled || !runner_.loss_is_finite()) backup_.note_early_end();
  if (hook_failure_) std::rethrow_exception(std::exchange(hook_failure_, nullptr));
  runner_.check_classes(epoch.caller());
  if (!runner_.loss_is_finite() || !epoch.optimizer.step_is_finite()) fail_not_finite(epoch, record.steps);
  if (epoch.weight_sum > 0.0) {
    record.loss /= epoch.weight_sum;
    record.penalty /= epoch.weight_sum;
  }
}

template <class T>
bool Trainer<T>::gradient_comes_first(const Optimizer<T>& optimizer, int64_t rows,
                                      int threads) const noexcept {
  const double work = runner_.forward_multiply_adds(rows);
  return optimizer.needs_whole_gradient() || gradient_interruptible(work, rows, sizeof(T) == 8, threads);
}

template <class T>
void Trainer<T>::prepare_buffers(const Epoch& epoch) {
  if (epoch.request.accumulate > 1 && part_.empty()) part_ = AlignedBuffer<T>(network_.flat_size());
  if (!epoch.joins_gradients() && !gradient_comes_first(epoch.optimizer, epoch.batch_size, 1)) return;
  if (gradients_.empty()) gradients_ = AlignedBuffer<T>(network_.flat_size());
  clipper_.prepare(network_.parameters());
}

template <class T>
bool Trainer<T>::run_step(Team& team, Epoch& epoch, int64_t index, FunctionRef<bool()> stop) noexcept {
  Optimizer<T>& optimizer = epoch.optimizer;
  const StepRequest<T> request{.data = epoch.data,
                               .batch = epoch.batch(index),
                               .seed = epoch.request.seed,
                               .step = static_cast<uint64_t>(epoch.steps_before + index),
                               .noise_factor = epoch.request.values.noise_factor(index),
                               .outputs = epoch.outputs,
                               .summed = epoch.hook != nullptr};
  const int64_t rows = request.batch.rows;
  if (team.index == 0) {
    epoch.request.values.lead(optimizer, index);
    step_loss_ = 0.0;
    runner_.tasks().include_penalties(epoch.hook == nullptr);
    optimizer.begin_step(network_.weights(), backup_.place(index), backup_.changed());
  }
  bool going;
  if (epoch.joins_gradients() || gradient_comes_first(optimizer, rows, team.size)) {
    going = run_whole(team, request, epoch, stop);
  } else {
    going = run_batch(team, request, stop);
    if (going && team.index == 0) network_.update_running(runner_.workspace(), optimizer);
    if (going) runner_.tasks().run(team, runner_.workspace(), rows, nullptr, true, &optimizer);
  }
  if (!going) {
    if (team.index == 0) optimizer.undo_step_count();
    return false;
  }
  if (team.index == 0) {
    backup_.note(index);
    // All read it behind the barrier, and it is not written again before they have met in the next step.
    if (team.size > 1) stretch_over_.store(Clock::now() >= epoch.stretch_end, std::memory_order_relaxed);
  }
  team.barrier();
  return optimizer.step_is_finite();
}

template <class T>
bool Trainer<T>::run_batch(Team& team, const StepRequest<T>& request, FunctionRef<bool()> stop) noexcept {
  runner_.run_rows(team, request, stop);
  if (team.index == 0) runner_.tasks().begin();
  team.barrier();
  if (!runner_.loss_is_finite() || runner_.cancelled()) return false;
  if (team.index == 0) {
    step_loss_ += runner_.summed_loss(request.batch.rows);
    step_penalty_ = runner_.penalty();
  }
  return true;
}

template <class T>
bool Trainer<T>::run_whole(Team& team, const StepRequest<T>& request, Epoch& epoch,
                           FunctionRef<bool()> stop) noexcept {
  Optimizer<T>& optimizer = epoch.optimizer;
  GradientTasks<T>& tasks = runner_.tasks();
  if (!join_batches(team, request, epoch, stop)) return false;
  if (epoch.hook != nullptr && !divide_sum(team, *epoch.hook)) return false;
  if (team.index == 0) tasks.begin();
  clipper_.clip(team, network_.kernels(), optimizer.spec(), gradients_.data());
  team.barrier();
  if (!optimizer.prepare_updates(team, gradients_.data(), [&] { return runner_.stops(team, stop); }))
    return false;
  // Of the last batch, as a custom training loop has it.
  if (team.index == 0) network_.update_running(runner_.workspace(), optimizer);
  tasks.run(team, runner_.workspace(), request.batch.rows, gradients_.data(), false, &optimizer);
  return true;
}

template <class T>
bool Trainer<T>::join_batches(Team& team, const StepRequest<T>& request, const Epoch& epoch,
                              FunctionRef<bool()> stop) noexcept {
  const int64_t batch_size = epoch.request.batch_size;
  GradientTasks<T>& tasks = runner_.tasks();
  const BatchRows& all = request.batch;
  const bool mean_over_rows = runner_.loss().mean_over_rows;
  GradientMean mean(mean_over_rows && !request.summed);
  const int64_t parts = batches_per_epoch(network_, all.rows, batch_size);
  double weight_sum = 0.0;
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t first = i * batch_size;
    StepRequest<T> part = request;
    part.batch = {all.indices ? all.indices + first : nullptr, all.first_row + first,
                  i + 1 < parts ? batch_size : all.rows - first, 0};
    part.step = request.step * static_cast<uint64_t>(epoch.request.accumulate) + static_cast<uint64_t>(i);
    if (team.index == 0 && i > 0)
      tasks.include_penalties(runner_.loss().each_part_brings_penalties() && !request.summed);
    if (!run_batch(team, part, stop)) return false;
    T* to = i == 0 ? gradients_.data() : part_.data();
    tasks.run(team, runner_.workspace(), part.batch.rows, to, true, nullptr,
              [&] { return runner_.stops(team, stop); });
    team.barrier();
    if (runner_.cancelled()) return false;
    const double weight = total_weight(part.data, part.batch);
    weight_sum += weight;
    if (i == 0) mean.begin(weight);
    if (i > 0) mean.add(team, network_.kernels(), weight, part_.data(), gradients_.data(), gradients_.size());
  }
  if (parts > 1) team.barrier();
  if (team.index == 0) sum_ = {gradients_.data(), gradients_.size(), weight_sum};
  return true;
}

template <class T>
bool Trainer<T>::divide_sum(Team& team, const GradientHook<T>& hook) noexcept {
  if (team.index == 0) {
    try {
      hook(sum_);
    } catch (...) {
      hook_failure_ = std::current_exception();
      runner_.cancel();
    }
  }
  team.barrier();
  if (runner_.cancelled()) return false;
  if (runner_.loss().mean_over_rows) {
    constexpr int64_t kLine = padded_columns<T>(1);
    const Team::Range own = team.share(sum_.size / kLine);
    const double factor = sum_.weight > 0.0 ? 1.0 / sum_.weight : 0.0;
    network_.kernels().scale_values((own.last - own.first) * kLine, static_cast<T>(factor),
                                    sum_.values + own.first * kLine);
    team.barrier();
  }
  runner_.add_penalty_gradient(team, runner_.loss().penalty_factor(sum_.weight), sum_.values);
  team.barrier();
  return true;
}

template <class T>
double Trainer<T>::step(const DataSet<T>& data, Optimizer<T>& optimizer, uint64_t seed, Poll poll,
                        const GradientHook<T>* hook) {
  const EpochRequest request{
      .epoch = kNoEpoch, .batch_size = data.inputs.rows, .shuffle = false, .seed = seed};
  return run_epoch(data, request, optimizer, nullptr, nullptr, poll, hook).loss;
}

template <class T>
std::optional<double> Trainer<T>::value_and_gradient(const DataSet<T>& data, uint64_t seed, uint64_t step,
                                                     T* gradients, Poll poll) {
  const int64_t rows = data.inputs.rows;
  network_.check_batch_rows(rows, "value_and_grad");
  runner_.prepare_rows(data, nullptr, rows);
  if (network_.reads_transposed(rows)) network_.refresh_transposed(false);
  runner_.reset_flags();
  const StepRequest<T> request{.data = data, .batch = {.rows = rows}, .seed = seed, .step = step};
  TimedPoll timed(poll, false);
  const auto stop = [&] { return timed(0); };
  const auto body = [&](Team& team) {
    runner_.run_rows(team, request, stop);
    if (team.index == 0) runner_.tasks().begin();
    team.barrier();
    if (!runner_.loss_is_finite() || runner_.cancelled()) return;
    runner_.tasks().run(team, runner_.workspace(), rows, gradients, true, nullptr,
                        [&] { return runner_.stops(team, stop); });
  };
  const double work = runner_.training_multiply_adds(rows);
  passes_.run_step(runner_.prepare_threads(rows), estimated_microseconds(work, sizeof(T) == 8),
                   [&](const ThreadChoice& choice) { return run_members(rows, choice, body); });
  if (runner_.cancelled()) return std::nullopt;
  runner_.check_classes("value_and_grad");
  if (!runner_.loss_is_finite())
    throw_error(Error::Kind::kNotFinite,
                {"value_and_grad: the loss is not finite; first seen in ",
                 first_not_finite_place(network_, runner_.workspace(), rows, runner_.loss())});
  const double weight = runner_.loss().mean_over_rows ? total_weight(data, request.batch) : 1.0;
  return (weight > 0.0 ? runner_.summed_loss(rows) / weight : 0.0) +
         runner_.loss().penalty_factor(weight) * runner_.penalty();
}

template <class T>
void Trainer<T>::undo(Epoch& epoch, int64_t done) {
  // Where the loss is not finite, the update before it was the bad one.
  const int64_t good = runner_.loss_is_finite() ? done : std::max(done - 1, backup_.kept());
  const int64_t kept = backup_.kept();
  backup_.restore(network_);
  const bool keeps_transposed = runner_.tasks().keeps_transposed();
  if (keeps_transposed) network_.refresh_transposed(false);
  runner_.reset_flags();
  const double rate = epoch.optimizer.learning_rate(), decay = epoch.optimizer.weight_decay();
  epoch.optimizer.set_steps(epoch.steps_before + kept);
  run_members(epoch.batch_size, *choice_, [&](Team& team) {
    for (int64_t step = kept; step < good; ++step) run_step(team, epoch, step, [] { return false; });
  });
  network_.note_update(keeps_transposed);
  epoch.optimizer.set_steps(epoch.steps_before + done);
  epoch.optimizer.follow_learning_rate(rate);
  epoch.optimizer.follow_weight_decay(decay);
}

template <class T>
void Trainer<T>::fail_not_finite(Epoch& epoch, int64_t done) {
  Optimizer<T>& optimizer = epoch.optimizer;
  const bool in_update = runner_.loss_is_finite(), single = epoch.request.epoch == kNoEpoch;
  const std::string where = single ? concat({"train_step ", epoch.steps_before + 1})
                                   : concat({"fit, epoch ", epoch.request.epoch, ", step ", done + 1});
  // Of several batches the last one's rows lie there; alone it may be larger by a row that joined it.
  int64_t rows = epoch.batch(done).rows;
  if (epoch.request.accumulate > 1) rows = std::min(rows, epoch.request.batch_size);
  const std::string place = in_update
                                ? not_finite_after_update(network_)
                                : first_not_finite_place(network_, runner_.workspace(), rows, runner_.loss());
  undo(epoch, done);
  if (in_update || !optimizer.state_is_finite()) optimizer.reset();
  throw_error(Error::Kind::kNotFinite,
              {where, ": not a finite number, first seen in ", place,
               "; the weights of the step before are kept. Try a lower ", "learning_rate (now ",
               Json(optimizer.learning_rate()).dump(), "), scaled inputs and targets, or clip_norm"});
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace lamina
