// Training by a custom loss.
#include "training/custom_loss.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/json_reader.h"
#include "training/epoch_order.h"
#include "training/hold_out.h"

namespace lamina {

namespace {

// Numbers of rows (empty: all of `count`), each as often as the network has members.
std::vector<int64_t> repeated(std::span<const int64_t> rows, int64_t count, int64_t members) {
  std::vector<int64_t> each;
  for (int64_t i = 0; i < count; ++i)
    each.insert(each.end(), static_cast<size_t>(members), rows.empty() ? i : rows[static_cast<size_t>(i)]);
  return each;
}

void check_value(double value) {
  if (!std::isfinite(value))
    throw_error(Error::Kind::kNotFinite,
                {"loss: your function gave ", shown(value), "; the weights are unchanged"});
}

template <class T>
bool is_finite(const std::vector<T>& values) noexcept {
  return std::all_of(values.begin(), values.end(), [](T value) { return std::isfinite(value); });
}

}  // namespace

template <class T>
std::optional<double> CustomSteps<T>::value_and_gradient(const DataSet<T>& data,
                                                         std::span<const int64_t> rows,
                                                         const CustomPass& pass, Poll poll) {
  const auto right = model_.hold_training();
  const Network<T>& network = model_.network();
  std::optional<TakenRows<T>> taken;
  if (!rows.empty()) taken.emplace(DataSet<T>{data.inputs, data.targets, nullptr}, rows);
  const DataSet<T>& batch_data = taken ? taken->data : data;
  const ArraySource& inputs = batch_data.inputs;
  const std::vector<int64_t> shape = model_.forward_shape(inputs.rows, true);
  const int64_t members = shape.size() > 2 ? shape[1] : 1, columns = network.outputs();
  const int64_t count = inputs.rows * members;
  outputs_.resize(static_cast<size_t>(count * columns));
  gradient_.resize(outputs_.size());
  bool stopped = false;
  const auto watch = [&](int64_t done) { return stopped = stopped || poll(done); };
  model_.forward(inputs, true, pass.seed, pass.step, outputs_.data(), watch, pass.noise_factor);
  if (stopped) return std::nullopt;
  CustomBatch<T> batch{rows, members, count, columns, outputs_.data(), batch_data.targets, gradient_.data()};
  std::optional<TakenRows<T>> of_members;
  if (members > 1)
    batch.targets =
        of_members.emplace(DataSet<T>{{}, data.targets, nullptr}, repeated(rows, inputs.rows, members))
            .data.targets;
  const double value = model_.undisturbed([&] { return loss_(batch); });
  check_value(value);
  if (!is_finite(gradient_))
    throw_error(Error::Kind::kNotFinite,
                {"loss: your function gave a gradient that is not finite; the weights are unchanged"});
  if (pass.share != 1.0)
    for (T& element : gradient_) element *= static_cast<T>(pass.share);
  model_.backward(gradient_.data(), shape, true, pass.accumulate, nullptr, watch);
  return stopped ? std::nullopt : std::optional(value);
}

template <class T>
void CustomSteps<T>::keep_outputs(std::span<const int64_t> rows, T* outputs) const noexcept {
  const auto columns = static_cast<size_t>(model_.network().outputs());
  const size_t members = outputs_.size() / (rows.size() * columns);
  for (size_t i = 0; i < rows.size(); ++i) {
    const T* of_row = outputs_.data() + i * members * columns;
    T* to = outputs + static_cast<size_t>(rows[i]) * columns;
    std::copy_n(of_row, columns, to);
    for (size_t member = 1; member < members; ++member)
      for (size_t column = 0; column < columns; ++column) to[column] += of_row[member * columns + column];
    for (size_t column = 0; members > 1 && column < columns; ++column) to[column] /= static_cast<T>(members);
  }
}

// The gradient of the mean over an update's batches, and the update; the loss times the rows.
template <class T>
std::optional<double> CustomSteps<T>::run_update(const DataSet<T>& data, std::span<const int64_t> order,
                                                 int64_t step, const EpochRequest& request,
                                                 Optimizer<T>& optimizer, T* outputs, Poll poll) {
  const auto rows = static_cast<int64_t>(order.size());
  const int64_t batches = batches_per_epoch(model_.network(), rows, request.batch_size);
  const int64_t first = step * request.accumulate, last = std::min(batches, first + request.accumulate);
  const auto row_of = [&](int64_t batch) { return batch == batches ? rows : batch * request.batch_size; };
  const auto of_update = static_cast<double>(row_of(last) - row_of(first));
  CustomPass pass{request.seed, 0, false, request.values.noise_factor(step), 1.0};
  double total = 0.0;
  for (int64_t batch = first; batch < last; ++batch) {
    const auto part = order.subspan(static_cast<size_t>(row_of(batch)),
                                    static_cast<size_t>(row_of(batch + 1) - row_of(batch)));
    pass.step = static_cast<uint64_t>(optimizer.steps() * request.accumulate + batch - first);
    pass.accumulate = batch > first;
    pass.share = static_cast<double>(part.size()) / of_update;
    const std::optional<double> value = value_and_gradient(data, part, pass, poll);
    if (!value) return std::nullopt;
    total += *value * static_cast<double>(part.size());
    if (outputs != nullptr) keep_outputs(part, outputs);
  }
  model_.apply_gradients(optimizer);
  return total;
}

template <class T>
EpochRecord CustomSteps<T>::run_epoch(const DataSet<T>& data, const EpochRequest& request,
                                      Optimizer<T>& optimizer, WeightAverage<T>* average, T* outputs,
                                      Poll poll) {
  const int64_t rows = data.inputs.rows;
  const int64_t steps = model_.steps_per_epoch(rows, request.batch_size, request.accumulate);
  request.values.check(steps);
  std::vector<int64_t> order = epoch_order(request, rows);
  if (order.empty()) {
    order.resize(static_cast<size_t>(rows));
    std::iota(order.begin(), order.end(), int64_t{0});
  }
  const int64_t full = request.batch_size * request.accumulate;
  TimedPoll timed(poll, false);
  EpochRecord record;
  double seen = 0.0;
  for (int64_t step = 0; step < steps && !record.cancelled; ++step) {
    request.values.lead(optimizer, step);
    const double of_step = static_cast<double>(step + 1 < steps ? full : rows - step * full);
    const double penalty = model_.penalty();
    std::optional<double> loss;
    try {
      loss = run_update(data, order, step, request, optimizer, outputs, poll);
    } catch (const Error& error) {
      if (error.kind() != Error::Kind::kNotFinite) throw;
      throw_error(error.kind(), {"fit, epoch ", request.epoch, ", step ", step + 1, ": ", error.what()});
    }
    record.cancelled = !loss;
    if (record.cancelled) break;
    ++record.steps;
    seen += *loss + penalty * of_step;
    record.penalty += penalty * of_step;
    if (average != nullptr) model_.update_average(*average);
    const StepLoss told{(*loss + penalty * of_step) / of_step, penalty};
    record.cancelled = request.after_step && (*request.after_step)(step, told);
    record.cancelled = timed(step + 1) || record.cancelled;
  }
  model_.end_epoch();
  record.loss = seen / static_cast<double>(rows);
  record.penalty /= static_cast<double>(rows);
  return record;
}

template <class T>
double CustomSteps<T>::evaluate(const DataSet<T>& data, T* outputs, Poll poll) {
  const int64_t rows = data.inputs.rows;
  if (outputs == nullptr) {
    outputs_.resize(static_cast<size_t>(rows * model_.network().outputs()));
    outputs = outputs_.data();
  }
  if (!model_.predict(data.inputs, outputs, poll)) return 0.0;
  return loss_({{}, 1, rows, model_.network().outputs(), outputs, data.targets, nullptr});
}

template class CustomSteps<float>;
template class CustomSteps<double>;

}  // namespace lamina
