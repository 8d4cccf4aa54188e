// Activation as a layer of its own.
#include "layers/activation_layer.h"

#include "base/json_reader.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
ActivationLayer<T>::ActivationLayer(const Json& json) {
  const JsonReader spec(json, "Activation");
  spec.allow_only({"kind", "activation"});
  activation_ = activation_from_json(spec.at("activation"));
}

template <class T>
Json ActivationLayer<T>::spec() const {
  return {{"kind", kind()}, {"activation", activation_to_json(activation_)}};
}

template <class T>
void ActivationLayer<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  if (!pass.skips_activation)
    apply_activation(pass.kernels, activation_, pass.rows, pass.input.columns, pass.output_values(),
                     pass.output.row_stride, pass.output_aux(), pass.output.row_stride);
}

template <class T>
void ActivationLayer<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.derivative_applied)
    apply_activation_backward(pass.kernels, activation_, pass.rows, pass.input.columns, pass.output_values(),
                              pass.output_aux(), pass.output.row_stride, pass.output_delta(),
                              pass.output.row_stride);
  if (pass.input_delta_wanted) copy_backward(pass);
}

template class ActivationLayer<float>;
template class ActivationLayer<double>;

}  // namespace lamina
