// Dropout: the mask is recomputed from its counter in backward, so nothing is stored.
#include "layers/dropout.h"

#include "base/json_reader.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
Dropout<T>::Dropout(const Json& json) {
  const JsonReader spec(json, "Dropout");
  spec.allow_only({"kind", "rate"});
  rate_ = spec.number("rate", std::nullopt, 0.0, 1.0);
  if (rate_ >= 1.0) spec.fail("expected a 'rate' below 1, got 1: nothing would be kept");
}

template <class T>
Json Dropout<T>::spec() const {
  return {{"kind", kind()}, {"rate", rate_}};
}

template <class T>
void Dropout<T>::drop(const RowPass<T>& pass, T* values, int64_t row_stride) const noexcept {
  if (pass.training && rate_ > 0.0)
    pass.kernels.dropout_rows(pass.first_row, pass.rows, pass.input.columns, values, row_stride, pass.seed,
                              pass.step, pass.layer_index, static_cast<T>(rate_));
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
