// Activation as a layer of its own: y = f(x).
#pragma once

#include "layers/layer.h"

namespace lamina {

template <class T>
class ActivationLayer final : public Layer<T> {
 public:
  explicit ActivationLayer(const Json& spec);

  const char* kind() const noexcept override { return "activation"; }
  Json spec() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  const ActivationSpec* output_activation() const noexcept override { return &activation_; }

 private:
  ActivationSpec activation_;
};

}  // namespace lamina
