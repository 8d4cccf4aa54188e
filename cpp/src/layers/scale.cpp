// A learned diagonal.
#include "layers/scale.h"

#include "base/json.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
Scale<T>::Scale(const ScaleOptions& options) : LearnedRowLayer<T>(options.learning), options_(options) {
  check_options(options_);
  weight_ = this->add_row("weight", options_.initial_scale);
  if (options_.shift) bias_ = this->add_row("bias", 0.0);
}

template <class T>
Json Scale<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> Scale<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void Scale<T>::forward(const RowPass<T>& pass) const noexcept {
  if (!passes_codes()) return scale_features(pass);
  copy_rows(pass.rows, coded_columns_, pass.input_values(), pass.input.row_stride, pass.output_values(),
            pass.output.row_stride);
}

template <class T>
void Scale<T>::scale_features(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  pass.kernels.affine_rows(pass.rows, this->padded(), this->row(weight_, pass.parameters),
                           this->row(bias_, pass.parameters), pass.output_values(), pass.output.row_stride);
}

template <class T>
void Scale<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  copy_backward(pass);
  pass.kernels.affine_rows(pass.rows, this->padded(), this->row(weight_, pass.parameters), nullptr,
                           pass.input_delta(), pass.input.row_stride);
}

template <class T>
int Scale<T>::gradient_task_count(int64_t inputs_per_task) const noexcept {
  return passes_codes() ? 0 : LearnedRowLayer<T>::gradient_task_count(inputs_per_task);
}

template <class T>
void Scale<T>::sum_gradient(int index, const GradientPass<T>& pass, int64_t first, int64_t count,
                            T* out) const noexcept {
  const Slot<T>& output = pass.output;
  if (index == bias_) {
    pass.kernels.column_sums(pass.batch_rows, count, output.delta + first, output.row_stride, out);
  } else {
    pass.kernels.scale_sums({pass.batch_rows, count, pass.input.values + first, pass.input.row_stride,
                             nullptr, 0, output.delta + first, output.row_stride, out});
  }
}

template class Scale<float>;
template class Scale<double>;

}  // namespace lamina
