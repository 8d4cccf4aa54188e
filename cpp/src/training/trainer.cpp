// Epochs and single steps on one network.
#include "training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "training/schedule.h"

namespace lamina {

namespace {

// Asks the caller's poll at most every 20 ms; reading the clock would cost a short step's time, so it looks
// every few calls there.
class TimedPoll {
 public:
  TimedPoll(Poll poll, bool short_steps) : poll_(poll), calls_per_look_(short_steps ? 8 : 1) {}
  bool operator()(int64_t done) {
    if (++calls_ % calls_per_look_ != 0) return false;
    const auto now = Clock::now();
    if (now - asked_ < std::chrono::milliseconds(20)) return false;
    asked_ = now;
    return poll_(done);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Poll poll_;
  Clock::time_point asked_ = Clock::now();
  unsigned calls_per_look_;
  unsigned calls_ = 0;
};

void check_learning_rates(const double* rates, int64_t steps) {
  for (int64_t i = 0; rates != nullptr && i < steps; ++i)
    if (!(rates[i] >= 0.0) || std::isinf(rates[i]))
      throw Error(Error::Kind::kValue, "fit: expected finite learning rates of at least 0, got " +
                                           nlohmann::json(rates[i]).dump() + " at step " +
                                           std::to_string(i + 1) + " of the epoch");
}

}  // namespace

template <class T>
Trainer<T>::Trainer(Network<T>& network, const LossSpec& loss, int64_t capacity, int64_t target_columns)
    : network_(network), runner_(network, loss, capacity, target_columns), backup_(network.flat_size()) {
  check_loss_fits(loss, network.output_activation(), network.outputs());
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
EpochRecord Trainer<T>::run_epoch(const DataSet<T>& data, const EpochRequest& request,
                                  Optimizer<T>& optimizer, T* outputs, Poll poll) {
  const int64_t rows = data.inputs.rows, batch_size = request.batch_size;
  const int64_t steps = steps_per_epoch(network_, rows, batch_size);
  network_.check_batch_rows(std::min(batch_size, rows), request.epoch == kNoEpoch ? "train_step" : "fit");
  check_learning_rates(request.learning_rates, steps);
  std::vector<int64_t> order;
  if (request.shuffle) {
    order.resize(static_cast<size_t>(rows));
    std::iota(order.begin(), order.end(), int64_t{0});
    shuffle_indices(request.seed, static_cast<uint64_t>(request.epoch), order);
  }
  const int threads = runner_.prepare_threads(std::min(batch_size, rows));
  sync_backup();
  network_.refresh_transposed(false);
  if (gradients_.empty() && gradient_comes_first(optimizer, std::min(batch_size, rows), 1)) {
    gradients_ = AlignedBuffer<T>(network_.flat_size());
    clipper_.prepare(network_.flat_size());
  }
  runner_.reset_flags();
  const double step_work = static_cast<double>(network_.training_multiply_adds()) *
                           static_cast<double>(std::min(batch_size, rows));
  TimedPoll timed(poll, estimated_microseconds(step_work, sizeof(T) == 8) < 50.0);
  EpochRecord record;
  double weight_sum = 0.0;
  int64_t batch_rows = 0;
  const auto steps_before = static_cast<uint64_t>(optimizer.steps());
  run_team(threads, [&](Team& team) {
    for (int64_t i = 0; i < steps; ++i) {
      const uint64_t step_index = steps_before + static_cast<uint64_t>(i);
      const int64_t first = i * batch_size;
      const int64_t count = i + 1 < steps ? batch_size : rows - first;
      const BatchRows batch{request.shuffle ? order.data() + first : nullptr, first, count};
      if (team.index == 0) {
        batch_rows = count;
        if (request.learning_rates != nullptr) optimizer.follow_learning_rate(request.learning_rates[i]);
      }
      const StepRequestData<T> step{data, batch, request.seed, step_index, outputs};
      if (!run_step(team, step, optimizer, [&] { return timed(record.steps); })) return;
      if (team.index != 0) continue;
      const double weight = runner_.loss().mean_over_rows ? total_weight(data, batch) : 1.0;
      record.loss += step_loss_ + weight * step_penalty_;
      weight_sum += weight;
      ++record.steps;
    }
  });
  network_.note_update();
  record.cancelled = runner_.cancelled();
  if (!runner_.loss_is_finite() || !optimizer.step_is_finite())
    fail_not_finite(optimizer, request.epoch, record.steps + 1, batch_rows);
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
bool Trainer<T>::run_step(Team& team, const StepRequestData<T>& request, Optimizer<T>& optimizer,
                          FunctionRef<bool()> stop) noexcept {
  const int64_t rows = request.batch.rows;
  runner_.run_rows(team, request, stop);
  const bool whole = gradient_comes_first(optimizer, rows, team.size);
  GradientTasks<T>& tasks = runner_.tasks();
  Workspace<T>& workspace = runner_.workspace();
  if (team.index == 0) {
    tasks.begin();
    optimizer.begin_step(network_.weights(), backup_.data());
  }
  team.barrier();
  if (!runner_.loss_is_finite() || runner_.cancelled()) {
    if (team.index == 0) optimizer.undo_step_count();
    return false;
  }
  if (team.index == 0) {
    step_loss_ = runner_.summed_loss(rows);
    step_penalty_ = runner_.penalty();
  }
  const auto update_running = [&] {
    if (team.index == 0) network_.update_running(workspace, optimizer);
  };
  if (whole) {
    tasks.run(team, workspace, rows, gradients_.data(), true, nullptr, [&] {
      if (team.index == 0 && stop()) runner_.cancel();
      return runner_.cancelled();
    });
    team.barrier();
    if (runner_.cancelled()) {
      if (team.index == 0) optimizer.undo_step_count();
      return false;
    }
    if (team.index == 0) tasks.begin();
    clipper_.clip(team, network_.kernels(), optimizer, gradients_.data(), gradients_.size());
    team.barrier();
    update_running();
    tasks.run(team, workspace, rows, gradients_.data(), false, &optimizer);
  } else {
    update_running();
    tasks.run(team, workspace, rows, nullptr, true, &optimizer);
  }
  team.barrier();
  return optimizer.step_is_finite();
}

template <class T>
double Trainer<T>::step(const DataSet<T>& data, Optimizer<T>& optimizer, uint64_t seed) {
  const EpochRequest request{kNoEpoch, data.inputs.rows, false, seed, nullptr};
  return run_epoch(data, request, optimizer, nullptr, [](int64_t) { return false; }).loss;
}

template <class T>
double Trainer<T>::value_and_gradient(const DataSet<T>& data, uint64_t seed, uint64_t step, T* gradients) {
  const int64_t rows = data.inputs.rows;
  network_.check_batch_rows(rows, "value_and_grad");
  const int threads = runner_.prepare_threads(rows);
  network_.refresh_transposed(false);
  runner_.reset_flags();
  const StepRequestData<T> request{data, {nullptr, 0, rows}, seed, step, nullptr};
  run_team(threads, [&](Team& team) {
    runner_.run_rows(team, request, [] { return false; });
    if (team.index == 0) runner_.tasks().begin();
    team.barrier();
    if (runner_.loss_is_finite())
      runner_.tasks().run(team, runner_.workspace(), rows, gradients, true, nullptr);
  });
  if (!runner_.loss_is_finite())
    throw Error(Error::Kind::kNotFinite,
                "value_and_grad: the loss is not finite; first seen in " + first_not_finite_place(rows));
  const double weight = runner_.loss().mean_over_rows ? total_weight(data, request.batch) : 1.0;
  return (weight > 0.0 ? runner_.summed_loss(rows) / weight : 0.0) + runner_.penalty();
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
    if (!finite(node.output_slot))
      return "the output of " + node.name + " (" + node.layer->spec()["kind"].template get<std::string>() +
             ")";
  return "the loss itself (" + runner_.loss().name + ")";
}

template <class T>
void Trainer<T>::fail_not_finite(Optimizer<T>& optimizer, int64_t epoch, int64_t step, int64_t rows) {
  const bool in_update = runner_.loss_is_finite();
  const std::string where = epoch == kNoEpoch
                                ? "train_step " + std::to_string(optimizer.steps() + (in_update ? 0 : 1))
                                : "fit, epoch " + std::to_string(epoch) + ", step " + std::to_string(step);
  const std::string place = in_update ? "the weights after the update" : first_not_finite_place(rows);
  std::copy_n(backup_.data(), network_.flat_size(), network_.weights());
  network_.mark_weights_changed();
  if (in_update) optimizer.reset();  // its running means are not finite either
  throw Error(Error::Kind::kNotFinite, where + ": not a finite number, first seen in " + place +
                                           "; the weights of the step before are kept. Try a lower " +
                                           "learning_rate (now " +
                                           nlohmann::json(optimizer.learning_rate()).dump() +
                                           "), scaled inputs and targets, or clip_norm");
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace lamina
