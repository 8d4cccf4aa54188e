// Parametric ReLU (He et al. 2015): y = z, or weight * z below 0, with learned slopes.
#pragma once

#include "layers/learned_row.h"

namespace lamina {

template <class T>
class PRelu final : public LearnedRowLayer<T> {
 public:
  explicit PRelu(const PReluOptions& options);
  LayerKind kind() const noexcept override { return PReluOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;

 protected:
  void sum_gradient(int index, const GradientPass<T>& pass, int64_t first, int64_t count,
                    T* out) const noexcept override;

 private:
  PReluOptions options_;
};

}  // namespace lamina
