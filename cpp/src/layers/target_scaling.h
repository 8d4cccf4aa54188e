// A last layer that takes outputs to the targets' units, while the loss compares scaled ones.
#pragma once

#include "layers/layer.h"

namespace lamina {

// y = x * scale + shift by column, from parameters that are adapted to the targets from outside. The loss
// compares x, the logits of the network, with (target - shift) / scale. Parameter "rows" tells from how many
// rows scale and shift were taken. With `clip` outputs are limited to "low" ... "high" but in training.
template <class T>
class TargetScaling final : public Layer<T> {
 public:
  explicit TargetScaling(const TargetScalingOptions& options = {}) : options_(options) {}
  LayerKind kind() const noexcept override { return TargetScalingOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  int64_t build(int64_t inputs, ParameterAllocator& allocator) override;
  std::vector<Parameter> parameters() const override;
  bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  const TargetScaling* as_target_scaling() const noexcept override { return this; }

  // Logits [rows, columns], padded, to the targets' units, as predictions are, in place.
  void to_target_units(const kernels::KernelTable<T>& table, const T* parameters, int64_t rows, T* values,
                       int64_t row_stride) const noexcept;
  // The same without padding, and as in training.
  void scale(const T* parameters, int64_t rows, int64_t columns, T* values) const noexcept;
  // The delta of such outputs to that of the logits, in place.
  void to_logit_delta(const kernels::KernelTable<T>& table, const T* parameters, int64_t rows, T* delta,
                      int64_t row_stride) const noexcept;
  // Targets [rows, columns] to the units of the logits; `to` may be `from`.
  void to_scaled_units(const T* parameters, int64_t rows, int64_t columns, const T* from, int64_t from_stride,
                       T* to, int64_t to_stride) const noexcept;

 private:
  void to_units(const kernels::KernelTable<T>& table, const T* parameters, int64_t rows, T* values,
                int64_t row_stride) const noexcept;

  TargetScalingOptions options_;
  int64_t columns_ = 0, scale_ = 0, shift_ = 0, rows_ = 0, low_ = 0, high_ = 0;  // offsets, but for columns
};

}  // namespace lamina
