// One training step by a team of threads.
#include "training/step.h"

#include <algorithm>
#include <cmath>

#include "inference/logits.h"
#include "inference/sparse_rows.h"
#include "layers/rows.h"
#include "network/work_sizes.h"
#include "training/member_losses.h"
#include "training/phases.h"

namespace lamina {

template <class T>
StepRunner<T>::StepRunner(Network<T>& network, const LossSpec& loss, int64_t capacity, int64_t target_columns,
                          const Execution& execution, bool sparse)
    : network_(network),
      loss_(loss),
      execution_(execution),
      logits_(reads_logits(loss, network)),
      target_columns_(target_columns),
      workspace_(network, capacity, WorkspaceUse::kTraining, sparse),
      batch_(capacity, target_columns),
      tasks_(network, sparse),
      penalty_(network.parameters()) {}

template <class T>
void StepRunner<T>::prepare_rows(const DataSet<T>& data, const int64_t* indices, int64_t rows) {
  if (!is_sparse()) return;
  if (data.inputs.sparse == nullptr) {
    workspace_.sparse_input()->reserve(rows * padded_columns<T>(data.inputs.columns));
    stored_per_row_ = data.inputs.stored_per_row;
    return;
  }
  workspace_.sparse_input()->reserve(most_stored(data.inputs, indices, data.inputs.rows, rows));
  stored_per_row_ = static_cast<double>(data.inputs.sparse->stored) / static_cast<double>(data.inputs.rows);
}

// Of sparse rows the stored elements are multiplied, and a step passes over the weights about so many times
// as ten multiply-adds take.
template <class T>
double StepRunner<T>::forward_multiply_adds(int64_t rows) const noexcept {
  const auto dense = static_cast<double>(network_.forward_multiply_adds());
  if (!is_sparse()) return dense * static_cast<double>(rows);
  const auto units = static_cast<double>(network_.slot_columns()[1]);
  const double left_out = static_cast<double>(network_.inputs()) - stored_per_row_;
  return (dense - left_out * units) * static_cast<double>(rows);
}

template <class T>
double StepRunner<T>::training_multiply_adds(int64_t rows) const noexcept {
  if (!is_sparse()) return static_cast<double>(network_.training_multiply_adds()) * static_cast<double>(rows);
  return 3.0 * forward_multiply_adds(rows) + 10.0 * static_cast<double>(network_.flat_size());
}

template <class T>
int StepRunner<T>::prepare_threads(int64_t rows) {
  const double work = is_sparse() ? training_multiply_adds(rows)
                                  : work_between_barriers(network_, network_.training_multiply_adds(), rows);
  const int threads = deserved_threads(work, sizeof(T) == 8, execution_.threads());
  tasks_.prepare(rows, threads);
  return threads;
}

template <class T>
void StepRunner<T>::reset_flags() noexcept {
  finite_.store(true, std::memory_order_relaxed);
  wrong_class_found_.store(false, std::memory_order_relaxed);
  cancelled_.store(false, std::memory_order_relaxed);
}

template <class T>
void StepRunner<T>::check_classes(const char* where) const {
  if (wrong_class_found_.load(std::memory_order_relaxed))
    fail_wrong_class(where, *wrong_class_, network_.outputs());
}

template <class T>
void StepRunner<T>::gather(const StepRequest<T>& request, double weight_scale, int64_t first,
                           int64_t rows) noexcept {
  const std::optional<WrongClass> wrong =
      batch_.gather(network_, request.data, request.batch, weight_scale, first, rows, workspace_);
  if (!wrong) return;
  if (!wrong_class_found_.exchange(true, std::memory_order_relaxed)) wrong_class_ = wrong;
  finite_.store(false, std::memory_order_relaxed);
}

template <class T>
NetworkPass<T> StepRunner<T>::pass(const StepRequest<T>& request, int64_t first, int64_t rows) noexcept {
  return {.workspace = workspace_,
          .parameters = network_.weights(),
          .transposed = network_.reads_transposed(request.batch.rows) ? network_.transposed() : nullptr,
          .first_row = first,
          .rows = rows,
          .training = request.training,
          .of_members = true,
          .ends_at_logits = logits_,
          .seed = request.seed,
          .step = request.step,
          .noise_factor = request.noise_factor};
}

template <class T>
void StepRunner<T>::each_tile(const Team& team, int64_t rows, FunctionRef<bool()> stop,
                              FunctionRef<void(int64_t, int64_t)> run) noexcept {
  for_each_tile(team, network_, rows, [&](int64_t first, int64_t count) {
    if (cancelled()) return;
    run(first, count);
    if (team.index == 0 && stop()) cancel();
  });
}

template <class T>
void StepRunner<T>::run_rows(Team& team, const StepRequest<T>& request, FunctionRef<bool()> stop) noexcept {
  const int64_t rows = request.batch.rows;
  penalty_.add_share(team, network_.kernels(), network_.weights());
  const BatchWeight weight = batch_weight(request.data, request.batch, loss_.mean_over_rows);
  if (team.index == 0) {
    weight_scale_ = weight.scale;
    tasks_.set_penalty_factor(loss_.penalty_factor(weight.total));
  }
  const double row_divisor = request.summed ? weight.scale : weight.total * weight.scale;
  const double divisor =
      (loss_.mean_over_rows ? row_divisor : 1.0) * loss_.column_divisor(network_.outputs());
  const T delta_scale = static_cast<T>(divisor > 0.0 ? 1.0 / divisor : 0.0);
  if (is_sparse()) {
    if (team.index == 0) Batch<T>::place(request.data, request.batch, workspace_);
    team.barrier();
  } else if (columns_are_shared(forward_multiply_adds(rows), rows, sizeof(T) == 8, team.size) &&
             network_.splits_columns(team.size)) {
    return run_columns(team, request, stop, weight.scale, delta_scale);
  }
  const NetworkPass<T> batch = pass(request, 0, rows);
  const int last = network_.phases() - 1;
  for (int phase = 0; phase <= last; ++phase) {
    begin_forward_phase(team, network_, batch, phase);
    each_tile(team, rows, stop, [&](int64_t first, int64_t count) {
      if (phase == 0) gather(request, weight.scale, first, count);
      network_.forward(pass(request, first, count), phase);
      if (phase < last || !compute_losses(request, first, count, delta_scale)) return;
      network_.backward(pass(request, first, count), false, last);
      if (request.outputs != nullptr) record_outputs(request, first, count);
    });
  }
  for (int phase = last - 1; phase >= 0; --phase) {
    begin_backward_phase(team, network_, batch, phase);
    each_tile(team, rows, stop, [&](int64_t first, int64_t count) {
      if (loss_is_finite()) network_.backward(pass(request, first, count), false, phase);
    });
  }
}

template <class T>
void StepRunner<T>::run_columns(Team& team, const StepRequest<T>& request, FunctionRef<bool()> stop,
                                double weight_scale, T delta_scale) noexcept {
  const NetworkPass<T> batch = pass(request, 0, request.batch.rows);
  const Team::Range own = team.share(request.batch.rows);
  const int64_t count = own.last - own.first;
  if (count > 0) gather(request, weight_scale, own.first, count);
  team.barrier();
  for (size_t i = 0; i < network_.node_count(batch); ++i, team.barrier())
    network_.forward_part(batch, i, team.index, team.size);
  if (count > 0) compute_losses(request, own.first, count, delta_scale);
  if (team.index == 0 && stop()) cancel();
  team.barrier();
  if (cancelled() || !loss_is_finite()) return;
  for (size_t i = network_.node_count(batch); i-- > 0;) {
    if (network_.backward_activation_part(batch, i, team.index, team.size)) team.barrier();
    network_.backward_part(batch, i, team.index, team.size);
    if (i > 0) team.barrier();
  }
  if (count > 0 && request.outputs != nullptr) record_outputs(request, own.first, count);
}

template <class T>
bool StepRunner<T>::compute_losses(const StepRequest<T>& request, int64_t first, int64_t rows,
                                   T delta_scale) noexcept {
  double* losses = batch_.row_losses() + first;
  compute_member_losses(network_, loss_, logits_, workspace_, first, rows,
                        batch_.targets(request.data, first), batch_.weights(request.data, first), delta_scale,
                        losses);
  if (std::all_of(losses, losses + rows, [](double x) { return std::isfinite(x); })) return true;
  finite_.store(false, std::memory_order_relaxed);
  return false;
}

template <class T>
void StepRunner<T>::record_outputs(const StepRequest<T>& request, int64_t first, int64_t rows) noexcept {
  const Slot<T>& output = workspace_.output();
  T* values = output.values + first * output.row_stride;
  const int64_t columns = network_.outputs();
  if (network_.members() > 1) {
    network_.finish_forward(pass(request, first, rows));
  } else if (logits_) {
    outputs_from_logits(network_, network_.weights(), rows, values, output.row_stride);
  }
  copy_each_row(
      rows, columns, [&](int64_t i) { return values + i * output.row_stride; },
      [&](int64_t i) { return request.outputs + request.batch.source_row(first + i) * columns; });
}

template <class T>
double StepRunner<T>::summed_loss(int64_t rows) noexcept {
  double sum = 0.0;
  for (int64_t i = 0; i < rows; ++i) sum += batch_.row_losses()[i];
  return sum / loss_.column_divisor(network_.outputs()) / weight_scale_;
}

template class StepRunner<float>;
template class StepRunner<double>;

}  // namespace lamina
