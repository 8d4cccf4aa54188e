// Activation as a layer of its own.
#include "layers/activation_layer.h"

#include "base/json.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
ActivationLayer<T>::ActivationLayer(const ActivationOptions& options) : options_(options) {
  check_options(options_);
}

template <class T>
Json ActivationLayer<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> ActivationLayer<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void ActivationLayer<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  if (!pass.skips_activation)
    apply_activation(pass.kernels, options_.activation, pass.rows, pass.input.columns, pass.output_values(),
                     pass.output.row_stride, pass.output_aux(), pass.output.row_stride);
}

template <class T>
void ActivationLayer<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.derivative_applied)
    apply_activation_backward(pass.kernels, options_.activation, pass.rows, pass.input.columns,
                              pass.output_values(), pass.output_aux(), pass.output.row_stride,
                              pass.output_delta(), pass.output.row_stride);
  if (pass.input_delta_wanted) copy_backward(pass);
}

template class ActivationLayer<float>;
template class ActivationLayer<double>;

}  // namespace lamina
