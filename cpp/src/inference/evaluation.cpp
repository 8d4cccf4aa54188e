// Prediction and evaluation in row tiles: each thread has a workspace of one tile and takes the next free
// tile.
#include "inference/evaluation.h"

#include <algorithm>
#include <numeric>

#include "inference/logits.h"
#include "inference/mean_logits.h"
#include "inference/row_tiles.h"
#include "layers/rows.h"

namespace lamina {

namespace {

template <class T>
struct Job {
  const Network<T>& network;
  const T* parameters;
  const ArraySource& inputs;
  const LossSpec* loss = nullptr;           // null: prediction
  const DataSet<T>* data = nullptr;         // classes and weights, where there is a loss, ...
  const LossTargets<T>* targets = nullptr;  // ... and values
  double* row_losses = nullptr;             // [rows]
  int32_t* classes = nullptr;               // [rows]: those of `data`, once they are checked
  T* outputs = nullptr;                     // null: none wanted
};

// The user's rows can be read in place: same type, elements side by side, nothing to convert.
template <class T>
bool readable_in_place(const ArraySource& source) noexcept {
  constexpr auto type = sizeof(T) == 4 ? kernels::SourceType::kF32 : kernels::SourceType::kF64;
  constexpr auto size = static_cast<int64_t>(sizeof(T));
  return source.sparse == nullptr && source.type == type && source.column_stride == size &&
         source.row_stride % size == 0 && reinterpret_cast<uintptr_t>(source.data) % sizeof(T) == 0;
}

template <class T>
void load_inputs(const Job<T>& job, int64_t first, int64_t rows, Workspace<T>& workspace) noexcept {
  if (SparseInput<T>* sparse = workspace.sparse_input()) {
    place_sparse_rows(job.inputs, nullptr, first, rows, *sparse);
    gather_sparse_rows(job.inputs, nullptr, first, 0, rows, *sparse);
  } else if (!job.network.takes_offset_rows() && readable_in_place<T>(job.inputs)) {
    const int64_t stride = job.inputs.row_stride / static_cast<int64_t>(sizeof(T));
    workspace.borrow_input(static_cast<const T*>(job.inputs.data) + first * stride, stride);
  } else {
    gather_inputs(job.network.kernels(), job.network.row_offset(job.parameters), job.inputs, nullptr, first,
                  rows, workspace.input().values, workspace.input().row_stride);
  }
}

template <class T>
void compute_losses(const Job<T>& job, bool logits, int64_t first, int64_t rows, const Slot<T>& output) {
  const int64_t columns = job.network.outputs();
  Targets<T> targets = job.targets->from_row(first);
  if (targets.classes != nullptr) {
    int32_t* classes = job.classes + first;
    const auto wrong = gather_classes(job.data->targets.classes, nullptr, first, rows, columns, classes);
    if (wrong) fail_wrong_class("evaluate", *wrong, columns);
    targets.classes = classes;
  }
  double* losses = job.row_losses + first;
  compute_loss_rows(job.network.kernels(), *job.loss, logits, rows, columns, output.values, output.row_stride,
                    targets, static_cast<const T*>(nullptr), T(1), losses, static_cast<T*>(nullptr), 0);
  if (job.data->sample_weights == nullptr) return;
  for (int64_t i = 0; i < rows; ++i) losses[i] *= job.data->sample_weights[first + i];
}

template <class T>
void run_tile(const Job<T>& job, int64_t first, int64_t rows, Workspace<T>& workspace) {
  load_inputs(job, first, rows, workspace);
  const bool logits = job.loss != nullptr && reads_logits(*job.loss, job.network);
  // An activation's logits are the members' own; those of scaled targets have the same mean.
  const bool of_members = logits && job.network.members() > 1 && job.network.target_scaling() == nullptr;
  const NetworkPass<T> pass{.workspace = workspace,
                            .parameters = job.parameters,
                            .rows = rows,
                            .of_members = of_members,
                            .ends_at_logits = logits};
  job.network.forward(pass);
  if (of_members) write_mean_logits(job.network, workspace, rows);
  const Slot<T>& output = workspace.output();
  const int64_t columns = job.network.outputs();
  if (job.loss != nullptr) compute_losses(job, logits, first, rows, output);
  if (job.outputs == nullptr) return;
  if (of_members) {
    job.network.finish_forward(pass);
  } else if (logits) {
    outputs_from_logits(job.network, job.parameters, rows, output.values, output.row_stride);
  }
  copy_to_user(rows, columns, output.values, output.row_stride, job.outputs + first * columns, columns);
}

template <class T>
bool run_all_tiles(const Job<T>& job, const Execution& execution, Poll poll) {
  const bool sparse = job.inputs.sparse != nullptr && job.network.takes_sparse_rows();
  return run_inference_tiles(
      job.network, job.inputs.rows, sparse ? &job.inputs : nullptr, execution, poll,
      [&](Workspace<T>& workspace, int64_t first, int64_t rows) { run_tile(job, first, rows, workspace); });
}

}  // namespace

template <class T>
bool predict(const Network<T>& network, const T* parameters, const ArraySource& inputs, T* outputs, Poll poll,
             const Execution& execution) {
  check_shape(inputs, network.inputs(), 0, "predict");
  return run_all_tiles<T>(
      {.network = network, .parameters = parameters, .inputs = inputs, .outputs = outputs}, execution, poll);
}

template <class T>
Evaluation evaluate(const Network<T>& network, const T* parameters, const LossSpec& loss,
                    const DataSet<T>& data, T* outputs, Poll poll, const Execution& execution) {
  check_shape(data.inputs, network.inputs(), 1, "evaluate");
  check_loss_fits(loss, network);
  const LossTargets<T> targets(network, parameters, data);
  const int64_t rows = data.inputs.rows;
  AlignedBuffer<double> row_losses(rows);
  AlignedBuffer<int32_t> classes(data.targets.classes != nullptr ? rows : 0);
  Evaluation result;
  result.cancelled = !run_all_tiles<T>({.network = network,
                                        .parameters = parameters,
                                        .inputs = data.inputs,
                                        .loss = &loss,
                                        .data = &data,
                                        .targets = &targets,
                                        .row_losses = row_losses.data(),
                                        .classes = classes.data(),
                                        .outputs = outputs},
                                       execution, poll);
  double weight = loss.mean_over_rows ? static_cast<double>(rows) : 1.0;
  if (loss.mean_over_rows && data.sample_weights != nullptr)
    weight = std::accumulate(data.sample_weights, data.sample_weights + rows, 0.0);
  for (const double x : row_losses) result.loss += x;
  result.loss /= loss.column_divisor(network.outputs());
  if (weight > 0.0) result.loss /= weight;
  return result;
}

template bool predict(const Network<float>&, const float*, const ArraySource&, float*, Poll,
                      const Execution&);
template bool predict(const Network<double>&, const double*, const ArraySource&, double*, Poll,
                      const Execution&);
template Evaluation evaluate(const Network<float>&, const float*, const LossSpec&, const DataSet<float>&,
                             float*, Poll, const Execution&);
template Evaluation evaluate(const Network<double>&, const double*, const LossSpec&, const DataSet<double>&,
                             double*, Poll, const Execution&);

}  // namespace lamina
