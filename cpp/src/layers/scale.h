// A learned factor for each column, and a learned offset where wanted: y = x * weight + bias.
#pragma once

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

 protected:
  void sum_gradient(int index, const GradientPass<T>& pass, int64_t first, int64_t count,
                    T* out) const noexcept override;

 private:
  ScaleOptions options_;
  int weight_, bias_ = -1;  // rows; -1: none
};

}  // namespace lamina
