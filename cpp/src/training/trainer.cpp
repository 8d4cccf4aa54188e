// Epochs and single steps on one network.
#include "training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/poll.h"
#include "base/random.h"
#include "inference/logits.h"
#include "network/work_sizes.h"

namespace lamina {

namespace {

// Old weights of every step double an update's traffic. Where steps are short and repeat without the
// optimizer's state, they are kept only now and then, and the steps since are done again where one fails.
constexpr int64_t kStepsPerBackup = 32;
constexpr double kShortStep = 1000.0;  // microseconds

void check_learning_rates(const double* rates, int64_t steps) {
  for (int64_t i = 0; rates != nullptr && i < steps; ++i)
    if (!(rates[i] >= 0.0) || std::isinf(rates[i]))
      throw Error(Error::Kind::kValue, "fit: expected finite learning rates of at least 0, got " +
                                           Json(rates[i]).dump() + " at step " + std::to_string(i + 1) +
                                           " of the epoch");
}

// Row numbers in the order of an epoch; empty where they come as they lie.
std::vector<int64_t> epoch_order(const EpochRequest& request, int64_t rows) {
  if (!request.shuffle) return {};
  std::vector<int64_t> order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), int64_t{0});
  shuffle_indices(request.seed, static_cast<uint64_t>(request.epoch), order);
  return order;
}

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
Trainer<T>::Trainer(Network<T>& network, const LossSpec& loss, int64_t capacity, int64_t target_columns)
    : network_(network), runner_(network, loss, capacity, target_columns), backup_(network.flat_size()) {
  check_loss_fits(loss, network);
  network.check_trainable();
}

template <class T>
void Trainer<T>::sync_backup() {
  if (backup_valid_ && backup_version_ == network_.weights_version()) return;
  std::copy_n(network_.weights(), network_.flat_size(), backup_.data());
  backup_version_ = network_.weights_version();
  backup_valid_ = true;
}

template <class T>
void Trainer<T>::run_members(int64_t batch_rows, FunctionRef<void(Team&)> body) {
  runner_.tasks().prepare(batch_rows, choice_.threads());
  run_team(choice_.threads(), body);
}

template <class T>
BatchRows Trainer<T>::Epoch::batch(int64_t step) const noexcept {
  const int64_t first = step * step_rows;
  return {order.empty() ? nullptr : order.data() + first, first,
          step + 1 < steps ? step_rows : data.inputs.rows - first};
}

template <class T>
EpochRecord Trainer<T>::run_epoch(const DataSet<T>& data, const EpochRequest& request,
                                  Optimizer<T>& optimizer, WeightAverage<T>* average, T* outputs, Poll poll) {
  const int64_t rows = data.inputs.rows, batch_size = std::min(request.batch_size, rows);
  const int64_t steps = steps_per_epoch(network_, rows, request.batch_size, request.accumulate);
  network_.check_batch_rows(batch_size, request.epoch == kNoEpoch ? "train_step" : "fit");
  check_learning_rates(request.learning_rates, steps);
  const double step_work =
      static_cast<double>(network_.training_multiply_adds()) * static_cast<double>(batch_size);
  const double step_time = estimated_microseconds(step_work, sizeof(T) == 8);
  choice_.prepare(runner_.prepare_threads(batch_size), step_time);
  sync_backup();
  runner_.tasks().keep_transposed(batch_size > 1);
  if (batch_size > 1) network_.refresh_transposed(false);
  prepare_buffers(optimizer, request, batch_size);
  runner_.reset_flags();
  Epoch epoch{.data = data,
              .request = request,
              .optimizer = optimizer,
              .outputs = outputs,
              .order = epoch_order(request, rows),
              .steps = steps,
              .step_rows = batch_size * std::min(request.accumulate, rows),
              .steps_before = optimizer.steps(),
              .keep_every = optimizer.is_stateless() && step_time < kShortStep ? kStepsPerBackup : 1};
  TimedPoll timed(poll, step_time < 50.0);
  EpochRecord record;
  double weight_sum = 0.0;
  const auto run_steps = [&](Team& team, int64_t from, int64_t to) {
    for (int64_t done = from; done < to; ++done) {
      if (!run_step(team, epoch, done, [&] { return timed(record.steps); })) return;
      if (average != nullptr) follow(team, *average, done, network_.weights(), network_.flat_size());
      if (team.index != 0) continue;
      const BatchRows batch = epoch.batch(done);
      const double weight = runner_.loss().mean_over_rows
                                ? total_weight(data, batch)
                                : static_cast<double>(batches_per_epoch(network_, batch.rows, batch_size));
      const double loss = step_loss_ + (runner_.loss().mean_over_rows ? weight : 1.0) * step_penalty_;
      record.loss += loss;
      weight_sum += weight;
      ++record.steps;
      if (request.after_step && (*request.after_step)(done, weight > 0.0 ? loss / weight : 0.0))
        runner_.cancel();
    }
  };
  for (int64_t from = 0; from < steps && record.steps == from;) {
    const int64_t to = from + std::min(choice_.steps_left(), steps - from);
    const auto started = std::chrono::steady_clock::now();
    run_members(batch_size, [&](Team& team) { run_steps(team, from, to); });
    choice_.record(to - from,
                   std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
    from = to;
  }
  if (average != nullptr) average->advance(record.steps);
  network_.note_update(runner_.tasks().keeps_transposed());
  record.cancelled = runner_.cancelled();
  if (record.cancelled && epoch.keep_every > 1) backup_valid_ = false;
  if (!runner_.loss_is_finite() && epoch.keep_every > 1) backup_valid_ = false;
  runner_.check_classes(request.epoch == kNoEpoch ? "train_step" : "fit");
  if (!runner_.loss_is_finite() || !optimizer.step_is_finite()) fail_not_finite(epoch, record.steps);
  if (weight_sum > 0.0) record.loss /= weight_sum;
  return record;
}

template <class T>
bool Trainer<T>::gradient_comes_first(const Optimizer<T>& optimizer, int64_t rows,
                                      int threads) const noexcept {
  const double work = static_cast<double>(network_.forward_multiply_adds()) * static_cast<double>(rows);
  return optimizer.needs_whole_gradient() || gradient_interruptible(work, rows, sizeof(T) == 8, threads);
}

template <class T>
void Trainer<T>::prepare_buffers(const Optimizer<T>& optimizer, const EpochRequest& request, int64_t rows) {
  if (request.accumulate > 1 && part_.empty()) part_ = AlignedBuffer<T>(network_.flat_size());
  if (request.accumulate == 1 && !gradient_comes_first(optimizer, rows, 1)) return;
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
                               .outputs = epoch.outputs};
  const int64_t rows = request.batch.rows;
  const bool keeps = index % epoch.keep_every == 0 || index + 1 == epoch.steps;
  if (team.index == 0) {
    if (epoch.request.learning_rates != nullptr)
      optimizer.follow_learning_rate(epoch.request.learning_rates[index]);
    step_loss_ = 0.0;
    runner_.tasks().include_penalties(true);
    optimizer.begin_step(network_.weights(), keeps ? backup_.data() : nullptr);
  }
  bool going;
  if (epoch.request.accumulate > 1 || gradient_comes_first(optimizer, rows, team.size)) {
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
  if (team.index == 0 && keeps) epoch.kept = index;
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
  const int64_t batch_size = epoch.request.batch_size;
  GradientTasks<T>& tasks = runner_.tasks();
  const auto stopped = [&] { return runner_.stops(team, stop); };
  const BatchRows& all = request.batch;
  GradientMean mean(runner_.loss().mean_over_rows);
  const int64_t parts = batches_per_epoch(network_, all.rows, batch_size);
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t first = i * batch_size;
    StepRequest<T> part = request;
    part.batch = {all.indices ? all.indices + first : nullptr, all.first_row + first,
                  i + 1 < parts ? batch_size : all.rows - first};
    part.step = request.step * static_cast<uint64_t>(epoch.request.accumulate) + static_cast<uint64_t>(i);
    // Of the parts of a sum over rows one alone may bring the penalties.
    if (team.index == 0 && i > 0) tasks.include_penalties(runner_.loss().mean_over_rows);
    if (!run_batch(team, part, stop)) return false;
    T* to = i == 0 ? gradients_.data() : part_.data();
    tasks.run(team, runner_.workspace(), part.batch.rows, to, true, nullptr, stopped);
    team.barrier();
    if (runner_.cancelled()) return false;
    const double weight = total_weight(part.data, part.batch);
    if (i == 0) mean.begin(weight);
    if (i > 0) mean.add(team, network_.kernels(), weight, part_.data(), gradients_.data(), gradients_.size());
  }
  if (parts > 1) team.barrier();
  if (team.index == 0) tasks.begin();
  clipper_.clip(team, network_.kernels(), optimizer.spec(), gradients_.data());
  team.barrier();
  if (!optimizer.prepare_updates(team, gradients_.data(), stopped)) return false;
  // Of the last batch, as a custom training loop has it.
  if (team.index == 0) network_.update_running(runner_.workspace(), optimizer);
  tasks.run(team, runner_.workspace(), all.rows, gradients_.data(), false, &optimizer);
  return true;
}

template <class T>
double Trainer<T>::step(const DataSet<T>& data, Optimizer<T>& optimizer, uint64_t seed, Poll poll) {
  const EpochRequest request{
      .epoch = kNoEpoch, .batch_size = data.inputs.rows, .shuffle = false, .seed = seed};
  return run_epoch(data, request, optimizer, nullptr, nullptr, poll).loss;
}

template <class T>
std::optional<double> Trainer<T>::value_and_gradient(const DataSet<T>& data, uint64_t seed, uint64_t step,
                                                     T* gradients, Poll poll) {
  const int64_t rows = data.inputs.rows;
  network_.check_batch_rows(rows, "value_and_grad");
  const int threads = runner_.prepare_threads(rows);
  if (rows > 1) network_.refresh_transposed(false);
  runner_.reset_flags();
  const StepRequest<T> request{.data = data, .batch = {.rows = rows}, .seed = seed, .step = step};
  TimedPoll timed(poll, false);
  const auto stop = [&] { return timed(0); };
  run_team(threads, [&](Team& team) {
    runner_.run_rows(team, request, stop);
    if (team.index == 0) runner_.tasks().begin();
    team.barrier();
    if (!runner_.loss_is_finite() || runner_.cancelled()) return;
    runner_.tasks().run(team, runner_.workspace(), rows, gradients, true, nullptr,
                        [&] { return runner_.stops(team, stop); });
  });
  if (runner_.cancelled()) return std::nullopt;
  runner_.check_classes("value_and_grad");
  if (!runner_.loss_is_finite())
    throw Error(Error::Kind::kNotFinite,
                "value_and_grad: the loss is not finite; first seen in " + first_not_finite_place(rows));
  const double weight = runner_.loss().mean_over_rows ? total_weight(data, request.batch) : 1.0;
  return (weight > 0.0 ? runner_.summed_loss(rows) / weight : 0.0) + runner_.penalty();
}

template <class T>
std::string Trainer<T>::not_finite_after_update() const {
  const bool weights_are = network_.kernels().all_finite(network_.flat_size(), network_.weights());
  return weights_are ? "the optimizer's running means after the update" : "the weights after the update";
}

template <class T>
std::string Trainer<T>::first_not_finite_place(int64_t rows) {
  const Workspace<T>& workspace = runner_.workspace();
  const auto finite = [&](int slot_index) {
    const Slot<T>& slot = workspace.slot(slot_index);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < slot.columns; ++column)
        if (!std::isfinite(slot.values[row * slot.row_stride + column])) return false;
    return true;
  };
  for (const Node<T>& node : network_.nodes())
    if (!finite(node.output_slot)) return "the output of " + node.name + " (" + node.layer->kind() + ")";
  return "the loss itself (" + runner_.loss().name + ")";
}

template <class T>
void Trainer<T>::undo(Epoch& epoch, int64_t done) {
  // Where the loss is not finite, the update before it was the bad one.
  const int64_t good = runner_.loss_is_finite() ? done : std::max(done - 1, epoch.kept);
  std::copy_n(backup_.data(), network_.flat_size(), network_.weights());
  network_.mark_weights_changed();
  const bool keeps_transposed = runner_.tasks().keeps_transposed();
  if (keeps_transposed) network_.refresh_transposed(false);
  runner_.reset_flags();
  const double rate = epoch.optimizer.learning_rate();
  epoch.optimizer.set_steps(epoch.steps_before + epoch.kept);
  run_members(std::min(epoch.request.batch_size, epoch.data.inputs.rows), [&](Team& team) {
    for (int64_t step = epoch.kept; step < good; ++step) run_step(team, epoch, step, [] { return false; });
  });
  network_.note_update(keeps_transposed);
  epoch.optimizer.set_steps(epoch.steps_before + done);
  epoch.optimizer.follow_learning_rate(rate);
}

template <class T>
void Trainer<T>::fail_not_finite(Epoch& epoch, int64_t done) {
  Optimizer<T>& optimizer = epoch.optimizer;
  const bool in_update = runner_.loss_is_finite(), single = epoch.request.epoch == kNoEpoch;
  const std::string where =
      single ? "train_step " + std::to_string(epoch.steps_before + 1)
             : "fit, epoch " + std::to_string(epoch.request.epoch) + ", step " + std::to_string(done + 1);
  // Of several batches the last one's rows lie there; alone it may be larger by a row that joined it.
  int64_t rows = epoch.batch(done).rows;
  if (epoch.request.accumulate > 1) rows = std::min(rows, epoch.request.batch_size);
  const std::string place = in_update ? not_finite_after_update() : first_not_finite_place(rows);
  undo(epoch, done);
  if (in_update || !optimizer.state_is_finite()) optimizer.reset();
  throw Error(Error::Kind::kNotFinite, where + ": not a finite number, first seen in " + place +
                                           "; the weights of the step before are kept. Try a lower " +
                                           "learning_rate (now " + Json(optimizer.learning_rate()).dump() +
                                           "), scaled inputs and targets, or clip_norm");
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace lamina
