// An activation with a learned weight for each unit (Holzmueller et al. 2024): y = z + (f(z) - z) * weight.
#pragma once

#include "layers/learned_row.h"

namespace lamina {

template <class T>
class ParametricActivation final : public LearnedRowLayer<T> {
 public:
  explicit ParametricActivation(const ParametricActivationOptions& options);
  LayerKind kind() const noexcept override { return ParametricActivationOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  // f(z), or f'(z) where the activation stores it.
  bool stores_aux() const noexcept override { return true; }
  void forward(const RowPass<T>& pass) const noexcept override;
  // Leaves dL/dy * (f(z) - z), whose sums are the weights' gradient, in output.delta.
  void backward(const RowPass<T>& pass) const noexcept override;

 protected:
  void sum_gradient(int index, const GradientPass<T>& pass, int64_t first, int64_t count,
                    T* out) const noexcept override;

 private:
  ParametricActivationOptions options_;
};

}  // namespace lamina
