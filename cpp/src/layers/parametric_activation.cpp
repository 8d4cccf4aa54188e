// Parametric activations.
#include "layers/parametric_activation.h"

#include "base/json.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
ParametricActivation<T>::ParametricActivation(const ParametricActivationOptions& options)
    : LearnedRowLayer<T>(options.learning), options_(options) {
  check_options(options_);
  this->add_row("weight", options_.initial_weight);
}

template <class T>
Json ParametricActivation<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> ParametricActivation<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void ParametricActivation<T>::forward(const RowPass<T>& pass) const noexcept {
  const int64_t stride = pass.output.row_stride;
  T *values = pass.output_values(), *aux = pass.output_aux();
  copy_forward(pass);
  apply_activation(pass.kernels, options_.activation, pass.rows, pass.input.columns, values, stride, aux,
                   stride);
  T* kept = options_.activation.stores_derivative() ? nullptr : aux;
  pass.kernels.blend_rows({pass.rows, pass.input.columns, pass.input_values(), pass.input.row_stride,
                           this->row(0, pass.parameters), values, stride, kept, stride});
}

template <class T>
void ParametricActivation<T>::backward(const RowPass<T>& pass) const noexcept {
  const int64_t stride = pass.output.row_stride, input_stride = pass.input.row_stride;
  const int64_t columns = pass.input.columns;
  T *dz = pass.input_delta(), *aux = pass.output_aux();
  kernels::BlendRowsBackward<T> job{.rows = pass.rows,
                                    .columns = columns,
                                    .z = pass.input_values(),
                                    .z_row_stride = input_stride,
                                    .weight = this->row(0, pass.parameters),
                                    .f = aux,
                                    .f_row_stride = stride,
                                    .delta = pass.output_delta(),
                                    .delta_row_stride = stride,
                                    .dz = pass.input_delta_wanted ? dz : nullptr,
                                    .dz_row_stride = input_stride};
  if (options_.activation.stores_derivative()) {
    // dz is the place for f(z), also where nobody asks for it.
    copy_rows(pass.rows, columns, pass.input_values(), input_stride, dz, input_stride);
    apply_activation(pass.kernels, options_.activation, pass.rows, columns, dz, input_stride,
                     static_cast<T*>(nullptr), 0);
    job.f = dz;
    job.f_row_stride = input_stride;
    job.slopes = aux;
    job.slopes_row_stride = stride;
  } else if (pass.input_delta_wanted) {
    copy_backward(pass);
    pass.kernels.affine_rows(pass.rows, this->padded(), job.weight, nullptr, dz, input_stride);
    apply_activation_backward(pass.kernels, options_.activation, pass.rows, columns, aux, aux, stride, dz,
                              input_stride);
  }
  pass.kernels.blend_backward_rows(job);
}

template <class T>
void ParametricActivation<T>::sum_gradient(int, const GradientPass<T>& pass, int64_t first, int64_t count,
                                           T* out) const noexcept {
  pass.kernels.column_sums(pass.batch_rows, count, pass.output.delta + first, pass.output.row_stride, out);
}

template class ParametricActivation<float>;
template class ParametricActivation<double>;

}  // namespace lamina
