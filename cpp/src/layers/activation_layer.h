// Activation as a layer of its own: y = f(x).
#pragma once

#include "layers/layer.h"

namespace lamina {

template <class T>
class ActivationLayer final : public Layer<T> {
 public:
  explicit ActivationLayer(const ActivationOptions& options);

  LayerKind kind() const noexcept override { return ActivationOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  const ActivationSpec* output_activation() const noexcept override { return &options_.activation; }

 private:
  ActivationOptions options_;
};

}  // namespace lamina
