// Batch normalisation (Ioffe & Szegedy 2015): each column to mean 0 and variance 1 over the batch.
#pragma once

#include "layers/layer.h"
#include "layers/learning.h"

namespace lamina {

// Training takes the batch's own mean and variance, inference the running ones. Where a pass keeps statistics
// (output.statistics), they hold five rows of padded columns: mean, unbiased variance, variance, and the sums
// that are the gradients of weight and bias (0 in inference, where no row needs those of others); then 1 /
// rows of the batch, or 0 in inference. Frozen, the layer is in inference always: it keeps no statistics, and
// its rows are independent.
template <class T>
class BatchNormLayer final : public Layer<T> {
 public:
  explicit BatchNormLayer(const BatchNormOptions& options);

  LayerKind kind() const noexcept override { return BatchNormOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  const BatchNormOptions& options() const noexcept { return options_; }
  int64_t build(int64_t inputs, ParameterAllocator& allocator) override;
  std::vector<Parameter> parameters() const override;
  bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;

  int64_t statistics_size() const noexcept override {
    return options_.learning.trainable ? 5 * width_ + padded_columns<T>(1) : 0;
  }
  int64_t running_size() const noexcept override { return options_.learning.trainable ? 2 * width_ : 0; }
  void summarize_forward(const RowPass<T>& pass, int64_t first, int64_t last) const noexcept override;
  void summarize_backward(const RowPass<T>& pass, int64_t first, int64_t last) const noexcept override;
  void update_running(const T* statistics, ParameterUpdater<T>& updater) const noexcept override;

  int gradient_task_count(int64_t inputs_per_task) const noexcept override;
  void run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                         const GradientPass<T>& pass) const noexcept override;

 private:
  // Of weight, then bias.
  const T* gradient_sums(const GradientPass<T>& pass) const noexcept;
  kernels::BatchNorm<T> job(const RowPass<T>& pass, int64_t first, int64_t last) const noexcept;

  BatchNormOptions options_;
  int64_t columns_ = 0, width_ = 0;  // true and padded
  int64_t weight_offset_ = 0, bias_offset_ = 0, mean_offset_ = 0, variance_offset_ = 0;
};

}  // namespace lamina
