// Periodic embeddings of numbers: PLR and its lite form (Gorishniy et al. 2022), PBLD (Holzmueller et al.
// 2024).
#pragma once

#include "layers/column_layer.h"

namespace lamina {

template <class T>
class Periodic final : public ColumnLayer<T> {
 public:
  explicit Periodic(const PeriodicOptions& options);
  LayerKind kind() const noexcept override { return PeriodicOptions::kKind; }
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
  // Offsets of what one column has, its gradients' places in a flat buffer too.
  struct Offsets {
    int64_t frequencies, phases, weight, bias;
  };
  // The gradient of one task's parameters, and the memory to compute it in.
  struct Gradients {
    T *frequencies, *phases, *weight, *bias;
  };
  struct Memory {
    T *waves, *wave_deltas, *deltas, *transposed;
  };
  bool has_phases() const noexcept { return options_.form == PeriodicForm::kPbld; }
  bool has_relu() const noexcept { return !options_.activation->is_identity(); }
  bool keeps_input() const noexcept { return has_phases(); }
  // Outputs of the linear map, and its inputs.
  int64_t made() const noexcept { return this->units() - (keeps_input() ? 1 : 0); }
  int64_t mapped_waves() const noexcept { return options_.frequencies * (has_phases() ? 1 : 2); }
  int64_t made_stride() const noexcept { return padded_columns<T>(made()); }
  int64_t wave_stride() const noexcept { return padded_columns<T>(2 * options_.frequencies); }
  int64_t frequency_stride() const noexcept { return padded_columns<T>(options_.frequencies); }
  int64_t weight_size() const noexcept { return mapped_waves() * made_stride(); }
  Offsets offsets(size_t column) const noexcept;
  kernels::Waves<T> waves_of(size_t column, int64_t rows, const T* x, int64_t x_row_stride,
                             const T* parameters, T* waves) const noexcept;
  // dL/d(linear map's outputs) of a column's rows, which start at x, y and dy, into deltas [rows, made].
  void read_deltas(int64_t rows, const T* x, int64_t x_row_stride, const T* y, const T* dy,
                   int64_t y_row_stride, T* deltas) const noexcept;
  void add_gradients(size_t column, const GradientPass<T>& pass, const Memory& memory,
                     const Gradients& out) const noexcept;

  PeriodicOptions options_;
  int64_t frequencies_ = 0, phases_ = 0, weight_ = 0, bias_ = 0;  // offsets
};

}  // namespace lamina
