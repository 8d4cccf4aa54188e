// A learned factor for each column, and a learned offset where wanted: y = x * weight + bias.
#pragma once

#include "kernels/coded_rows.h"

#include "layers/learned_row.h"

namespace lamina {

template <class T>
class Scale final : public LearnedRowLayer<T> {
 public:
  explicit Scale(const ScaleOptions& options);
  LayerKind kind() const noexcept override { return ScaleOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  int gradient_task_count(int64_t inputs_per_task) const noexcept override;

  // Whether the dense layer that alone reads the outputs may scale coded rows in its place; from pass_codes
  // on `forward` hands them on as they are, and that layer's tasks make the gradient.
  bool may_pass_codes() const noexcept { return !options_.shift; }
  void pass_codes(const kernels::FeatureCodes& codes) noexcept {
    coded_columns_ = codes.plain_count + codes.run_count;
  }
  bool passes_codes() const noexcept { return coded_columns_ > 0; }
  // The outputs as they are, of features as they are.
  void scale_features(const RowPass<T>& pass) const noexcept;

 protected:
  void sum_gradient(int index, const GradientPass<T>& pass, int64_t first, int64_t count,
                    T* out) const noexcept override;

 private:
  ScaleOptions options_;
  int weight_, bias_ = -1;  // rows; -1: none
  int64_t coded_columns_ = 0;
};

}  // namespace lamina
