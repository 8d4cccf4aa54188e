// Layer normalisation and root-mean-square normalisation.
#include "layers/row_norm.h"

#include <utility>

#include "base/json_reader.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
RowNorm<T>::RowNorm(const Json& json) : centered_(json.at("kind").is("layer_norm")) {
  const JsonReader spec(json, centered_ ? "LayerNorm" : "RMSNorm");
  std::vector<std::string> own = {"epsilon", "scale"};
  if (centered_) own.emplace_back("shift");
  this->read_common_options(spec, std::move(own));
  epsilon_ = spec.number("epsilon", centered_ ? 1e-5 : 1e-6, 1e-12, 1.0);
  if (spec.boolean("scale", true)) weight_ = this->add_row("weight", 1.0);
  if (centered_ && spec.boolean("shift", true)) bias_ = this->add_row("bias", 0.0);
}

template <class T>
Json RowNorm<T>::spec() const {
  Json json = {{"kind", kind()}, {"epsilon", epsilon_}, {"scale", weight_ >= 0}};
  if (centered_) json["shift"] = bias_ >= 0;
  this->learning_.write(json);
  return json;
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
