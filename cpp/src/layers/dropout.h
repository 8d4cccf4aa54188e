// Dropout (Srivastava et al. 2014), inverted: kept values are scaled up in training, prediction is untouched.
#pragma once

#include "layers/layer.h"

namespace lamina {

template <class T>
class Dropout final : public Layer<T> {
 public:
  explicit Dropout(const DropoutOptions& options);

  LayerKind kind() const noexcept override { return DropoutOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  bool vanishes_in_inference() const noexcept override { return true; }
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;

 private:
  void drop(const RowPass<T>& pass, T* values, int64_t row_stride) const noexcept;

  DropoutOptions options_;
};

}  // namespace lamina
