// Parametric ReLU.
#include "layers/prelu.h"

#include <algorithm>

#include "base/json.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
PRelu<T>::PRelu(const PReluOptions& options) : LearnedRowLayer<T>(options.learning), options_(options) {
  check_options(options_);
  this->add_row("weight", options_.initial_slope, options_.shared ? 1 : 0);
}

template <class T>
Json PRelu<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> PRelu<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void PRelu<T>::forward(const RowPass<T>& pass) const noexcept {
  T* values = pass.output_values();
  const int64_t stride = pass.output.row_stride;
  copy_forward(pass);
  pass.kernels.prelu_forward(pass.rows, this->padded(), values, stride, this->row(0, pass.parameters),
                             options_.shared, values, stride);
}

template <class T>
void PRelu<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  pass.kernels.prelu_backward(pass.rows, this->padded(), pass.input_values(), pass.input.row_stride,
                              this->row(0, pass.parameters), options_.shared, pass.output_delta(),
                              pass.output.row_stride, pass.input_delta(), pass.input.row_stride);
}

template <class T>
void PRelu<T>::sum_gradient(int, const GradientPass<T>& pass, int64_t first, int64_t count,
                            T* out) const noexcept {
  T* sums = options_.shared ? pass.scratch : out;
  pass.kernels.prelu_slope_sums(pass.batch_rows, count, pass.input.values + first, pass.input.row_stride,
                                pass.output.delta + first, pass.output.row_stride, sums);
  if (!options_.shared) return;
  const T total = static_cast<T>(pass.kernels.sum(this->columns(), sums));
  std::fill_n(out, padded_columns<T>(1), T(0));
  out[0] = total;
}

template class PRelu<float>;
template class PRelu<double>;

}  // namespace lamina
