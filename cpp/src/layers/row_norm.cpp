// Layer normalisation and root-mean-square normalisation.
#include "layers/row_norm.h"

#include "base/json.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
RowNorm<T>::RowNorm(const LayerNormOptions& options)
    : LearnedRowLayer<T>(options.learning), centered_(true), epsilon_(options.epsilon) {
  check_options(options);
  if (options.scale) weight_ = this->add_row("weight", 1.0);
  if (options.shift) bias_ = this->add_row("bias", 0.0);
}

template <class T>
RowNorm<T>::RowNorm(const RmsNormOptions& options)
    : LearnedRowLayer<T>(options.learning), centered_(false), epsilon_(options.epsilon) {
  check_options(options);
  if (options.scale) weight_ = this->add_row("weight", 1.0);
}

template <class T>
Json RowNorm<T>::spec() const {
  return centered_ ? options_to_json(layer_norm_options()) : options_to_json(rms_norm_options());
}

template <class T>
std::unique_ptr<Layer<T>> RowNorm<T>::unbuilt_copy() const {
  if (centered_) return make_layer<T>(layer_norm_options());
  return make_layer<T>(rms_norm_options());
}

template <class T>
void RowNorm<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  pass.kernels.normalize_rows({pass.rows, this->columns(), centered_, static_cast<T>(epsilon_),
                               this->row(weight_, pass.parameters), this->row(bias_, pass.parameters),
                               pass.output_values(), pass.output.row_stride, pass.output_aux(),
                               pass.output.row_stride});
}

template <class T>
void RowNorm<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  pass.kernels.normalize_backward_rows(
      {pass.rows, this->columns(), centered_, this->row(weight_, pass.parameters), pass.input_values(),
       pass.input.row_stride, pass.output_aux(), pass.output.row_stride, pass.output_delta(),
       pass.output.row_stride, pass.input_delta(), pass.input.row_stride});
}

template <class T>
void RowNorm<T>::sum_gradient(int index, const GradientPass<T>& pass, int64_t first, int64_t count,
                              T* out) const noexcept {
  const Slot<T>& output = pass.output;
  if (index == bias_) {
    pass.kernels.column_sums(pass.batch_rows, count, output.delta + first, output.row_stride, out);
  } else {
    pass.kernels.scale_sums({pass.batch_rows, count, pass.input.values + first, pass.input.row_stride,
                             output.aux, output.row_stride, output.delta + first, output.row_stride, out});
  }
}

template class RowNorm<float>;
template class RowNorm<double>;

}  // namespace lamina
