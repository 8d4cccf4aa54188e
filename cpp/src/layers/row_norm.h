// Layer normalisation and root-mean-square normalisation: each row on its own, the same in training and
// after.
#pragma once

#include "layers/learned_row.h"

namespace lamina {

template <class T>
class RowNorm final : public LearnedRowLayer<T> {
 public:
  explicit RowNorm(const LayerNormOptions& options);
  explicit RowNorm(const RmsNormOptions& options);
  LayerKind kind() const noexcept override { return centered_ ? LayerKind::kLayerNorm : LayerKind::kRmsNorm; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  // Each row's moments, in the first two elements of its row.
  bool stores_aux() const noexcept override { return true; }

 protected:
  void sum_gradient(int index, const GradientPass<T>& pass, int64_t first, int64_t count,
                    T* out) const noexcept override;

 private:
  LayerNormOptions layer_norm_options() const {
    return {.epsilon = epsilon_, .scale = weight_ >= 0, .shift = bias_ >= 0, .learning = this->learning_};
  }
  RmsNormOptions rms_norm_options() const {
    return {.epsilon = epsilon_, .scale = weight_ >= 0, .learning = this->learning_};
  }

  bool centered_;
  double epsilon_;
  int weight_ = -1, bias_ = -1;  // rows; -1: none
};

}  // namespace lamina
