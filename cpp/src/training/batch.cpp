// Gathers the rows of a batch.
#include "training/batch.h"

#include <algorithm>

#include "layers/target_scaling.h"

namespace lamina {

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
void Batch<T>::gather(const Network<T>& network, const DataSet<T>& data, const BatchRows& batch,
                      int64_t first, int64_t count, Workspace<T>& workspace) noexcept {
  const Slot<T>& input = workspace.input();
  gather_inputs(network.kernels(), network.row_offset(network.weights()), data.inputs,
                batch.indices ? batch.indices + first : nullptr, batch.first_row + first, count,
                input.values + first * input.row_stride, input.row_stride);
  // Single numbers without a call of memcpy each: a small network's step takes 4 us.
  const auto pick = [&](const auto* from, int64_t stride, auto* to) {
    for (int64_t i = first; i < first + count; ++i) to[i] = from[batch.source_row(i) * stride];
  };
  const Targets<T>& targets = data.targets;
  if (targets.classes != nullptr) pick(targets.classes, 1, classes_);
  if (data.sample_weights != nullptr) pick(data.sample_weights, 1, weights_);
  if (targets.values == nullptr) return;
  if (targets.columns == 1 && target_columns_ == 1) {
    pick(targets.values, targets.row_stride, values_);
  } else {
    for (int64_t i = first; i < first + count; ++i)
      std::copy_n(targets.values + batch.source_row(i) * targets.row_stride, targets.columns,
                  values_ + i * target_columns_);
  }
  T* values = values_ + first * target_columns_;
  if (const TargetScaling<T>* scaling = network.target_scaling())
    scaling->to_raw_units(network.weights(), count, targets.columns, values, target_columns_, values,
                          target_columns_);
}

template <class T>
Targets<T> Batch<T>::targets(const DataSet<T>& data, int64_t first) const noexcept {
  return {data.targets.classes ? classes_ + first : nullptr,
          data.targets.values ? values_ + first * target_columns_ : nullptr, data.targets.columns,
          target_columns_};
}

template class Batch<float>;
template class Batch<double>;

}  // namespace lamina
