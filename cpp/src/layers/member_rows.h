// What each member of an ensemble does to its own rows: y = f(x * scale + bias), by column.
#pragma once

#include <optional>
#include <vector>

#include "layers/layer.h"

namespace lamina {

struct MemberRowsOptions {
  int64_t members = 1;
  // Each row of the input becomes `members` rows; else there are that many already.
  bool expands = false;
  const char* scale_name = "input_scales";
  LearningOptions learning = {};  // the scales'
  // First scales, and the widths of columns that share one; none: all are 1.
  std::optional<FirstScales> first_scales = {};
  std::vector<int64_t> chunks = {};
  // Drawn once for all members, as for a dense layer of so many inputs.
  struct Bias {
    InitializerSpec initializer;
    int64_t inputs;
    LearningOptions learning;
  };
  std::optional<Bias> bias = {};
  ActivationSpec activation = {};
};

// Rows of an ensemble: row i of member j is row i * members + j. Passes begin and end between rows i.
template <class T>
class MemberRows final : public Layer<T> {
 public:
  explicit MemberRows(MemberRowsOptions options) : options_(std::move(options)) {}

  LayerKind kind() const noexcept override { return LayerKind::kEnsemble; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  int64_t members() const noexcept override { return options_.members; }
  int64_t build(int64_t inputs, ParameterAllocator& allocator) override;
  std::vector<Parameter> parameters() const override;
  bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  const ActivationSpec* output_activation() const noexcept override { return &options_.activation; }
  int gradient_task_count(int64_t inputs_per_task) const noexcept override;
  void run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                         const GradientPass<T>& pass) const noexcept override;

 private:
  int64_t padded() const noexcept { return padded_columns<T>(columns_); }
  // Of one member; null: none.
  const T* scale(const T* parameters, int64_t member) const noexcept {
    return parameters + scale_offset_ + member * padded();
  }
  const T* bias(const T* parameters, int64_t member) const noexcept {
    return options_.bias ? parameters + bias_offset_ + member * padded() : nullptr;
  }
  // Rows of the input that the first row of a pass, counted in rows of the output, begins with.
  int64_t input_row(int64_t row) const noexcept { return options_.expands ? row / options_.members : row; }

  MemberRowsOptions options_;
  int64_t columns_ = 0;
  int64_t scale_offset_ = 0, bias_offset_ = 0;
};

}  // namespace lamina
