// Gathers the rows of a batch.
#include "training/batch.h"

#include <algorithm>
#include <cmath>

#include "inference/sparse_rows.h"
#include "layers/rows.h"
#include "layers/target_scaling.h"

namespace lamina {

namespace {

// Sizes of the largest weight that are left as they are: sums over any number of rows stay in float's range.
constexpr double kSmallWeight = 0x1p-32, kLargeWeight = 0x1p32;

// Of the weights as the kernels read them.
template <class T>
double sum_of_weights(const DataSet<T>& data, const BatchRows& batch, double scale) noexcept {
  double sum = 0.0;
  for (int64_t i = 0; i < batch.rows; ++i)
    sum += static_cast<double>(static_cast<T>(data.sample_weights[batch.source_row(i)] * scale));
  return sum;
}

}  // namespace

template <class T>
BatchWeight batch_weight(const DataSet<T>& data, const BatchRows& batch, bool relative) noexcept {
  if (data.sample_weights == nullptr) return {static_cast<double>(batch.rows)};
  double largest = 0.0;
  for (int64_t i = 0; i < batch.rows; ++i)
    largest = std::max(largest, data.sample_weights[batch.source_row(i)]);
  const bool ordinary = largest >= kSmallWeight && largest <= kLargeWeight;
  if (!relative || ordinary || largest == 0.0) return {sum_of_weights(data, batch, 1.0)};
  const double scale = std::ldexp(1.0, std::min(-std::ilogb(largest), 1023));
  return {sum_of_weights(data, batch, scale) / scale, scale};
}

template <class T>
Batch<T>::Batch(int64_t capacity, int64_t target_columns) : target_columns_(target_columns) {
  arena_.lay_out([&](Arena& arena) {
    values_ = arena.take<T>(capacity * target_columns);
    classes_ = arena.take<int32_t>(capacity);
    weights_ = arena.take<T>(capacity);
    row_losses_ = arena.take<double>(capacity);
  });
}

template <class T>
void Batch<T>::place(const DataSet<T>& data, const BatchRows& batch, Workspace<T>& workspace) noexcept {
  if (data.inputs.sparse != nullptr)
    place_sparse_rows(data.inputs, batch.indices, batch.first_row, batch.rows, *workspace.sparse_input());
}

template <class T>
std::optional<WrongClass> Batch<T>::gather(const Network<T>& network, const DataSet<T>& data,
                                           const BatchRows& batch, double weight_scale, int64_t first,
                                           int64_t count, Workspace<T>& workspace) noexcept {
  const Slot<T>& input = workspace.input();
  const int64_t* indices = batch.indices ? batch.indices + first : nullptr;
  if (SparseInput<T>* sparse = workspace.sparse_input(); sparse != nullptr && data.inputs.sparse == nullptr)
    compress_rows(network.kernels(), data.inputs, indices, batch.first_row + first, first, count, *sparse);
  else if (sparse != nullptr)
    gather_sparse_rows(data.inputs, batch.indices, batch.first_row, first, count, *sparse);
  else
    gather_inputs(network.kernels(), network.row_offset(network.weights()), data.inputs, indices,
                  batch.first_row + first, count, input.values + first * input.row_stride, input.row_stride,
                  batch.rows - first - count + batch.following);
  if (data.sample_weights != nullptr)
    for (int64_t i = first; i < first + count; ++i)
      weights_[i] = static_cast<T>(data.sample_weights[batch.source_row(i)] * weight_scale);
  const Targets<T>& targets = data.targets;
  if (targets.classes != nullptr)
    return gather_classes(targets.classes, indices, batch.first_row + first, count,
                          workspace.output().columns, classes_ + first);
  if (targets.values == nullptr) return std::nullopt;
  copy_each_row(
      count, targets.columns,
      [&](int64_t i) { return targets.values + batch.source_row(first + i) * targets.row_stride; },
      [&](int64_t i) { return values_ + (first + i) * target_columns_; });
  if (const TargetScaling<T>* scaling = network.target_scaling()) {
    T* values = values_ + first * target_columns_;
    scaling->to_scaled_units(network.weights(), count, targets.columns, values, target_columns_, values,
                             target_columns_);
  }
  return std::nullopt;
}

template <class T>
Targets<T> Batch<T>::targets(const DataSet<T>& data, int64_t first) const noexcept {
  return {data.targets.classes ? classes_ + first : nullptr,
          data.targets.values ? values_ + first * target_columns_ : nullptr, data.targets.columns,
          target_columns_};
}

template BatchWeight batch_weight(const DataSet<float>&, const BatchRows&, bool) noexcept;
template BatchWeight batch_weight(const DataSet<double>&, const BatchRows&, bool) noexcept;
template class Batch<float>;
template class Batch<double>;

}  // namespace lamina
