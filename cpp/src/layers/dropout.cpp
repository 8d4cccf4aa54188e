// Dropout: the mask is recomputed from its counter in backward, so nothing is stored.
#include "layers/dropout.h"

#include "base/json.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
Dropout<T>::Dropout(const DropoutOptions& options) : options_(options) {
  check_options(options_);
}

template <class T>
Json Dropout<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> Dropout<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void Dropout<T>::drop(const RowPass<T>& pass, T* values, int64_t row_stride) const noexcept {
  const double rate = options_.rate * pass.noise_factor;
  if (pass.training && rate > 0.0)
    pass.kernels.dropout_rows(pass.first_row, pass.rows, pass.input.columns, values, row_stride, pass.seed,
                              pass.step, pass.layer_index, static_cast<T>(rate));
}

template <class T>
void Dropout<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  drop(pass, pass.output_values(), pass.output.row_stride);
}

template <class T>
void Dropout<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  copy_backward(pass);
  drop(pass, pass.input_delta(), pass.input.row_stride);
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace lamina
