// Piecewise linear embeddings of numbers (Gorishniy et al. 2022).
#pragma once

#include "layers/column_layer.h"

namespace lamina {

template <class T>
class PiecewiseLinear final : public ColumnLayer<T> {
 public:
  explicit PiecewiseLinear(const PiecewiseLinearOptions& options);
  LayerKind kind() const noexcept override { return PiecewiseLinearOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  std::vector<Parameter> parameters() const override;
  int64_t multiply_adds() const override;
  bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const override;
  int gradient_task_count(int64_t inputs_per_task) const noexcept override;
  int64_t gradient_scratch_size(int64_t inputs_per_task) const noexcept override;
  void run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                         const GradientPass<T>& pass) const noexcept override;

 protected:
  void take_parameters(ParameterAllocator& allocator) override;
  void embed(const RowPass<T>& pass) const noexcept override;
  void embed_backward(const RowPass<T>& pass) const noexcept override;

 private:
  bool has_slope() const noexcept { return options_.version == PiecewiseVersion::kB; }
  int64_t bins(size_t column) const noexcept { return std::ssize(edges_[column]) - 1; }
  // Offsets in the flat buffer of what column `column` has.
  int64_t weight_at(size_t column) const noexcept {
    return weight_ + first_bins_[column] * this->row_stride();
  }
  int64_t bias_at(size_t column) const noexcept {
    return bias_ + static_cast<int64_t>(column) * this->row_stride();
  }
  int64_t slope_at(size_t column) const noexcept {
    return slope_ + static_cast<int64_t>(column) * this->row_stride();
  }
  // Rows of column `column` from `x` to `y`, the first elements of the slots' rows.
  kernels::Piecewise<T> rows_of(size_t column, int64_t rows, const T* x, const Slot<T>& input,
                                const T* parameters, T* y, const Slot<T>& output) const noexcept;

  PiecewiseLinearOptions options_;
  std::vector<std::vector<T>> edges_;  // as kernels read them
  std::vector<int64_t> first_bins_;    // rows of the weights before each column's
  int64_t all_bins_ = 0, most_bins_ = 0;
  int64_t weight_ = 0, bias_ = 0, slope_ = 0;  // offsets
};

}  // namespace lamina
