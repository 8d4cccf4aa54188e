// Dense layer: options, first weights, rows forward and backward.
#include "layers/dense.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace lamina {

using kernels::Product;
using kernels::ProductEpilogue;
using kernels::ProductInit;

template <class T>
Dense<T>::Dense(const DenseOptions& options) : options_(options), outputs_(options.units) {
  check_options(options_);
  if (!options_.initializer) options_.initializer = default_initializer(options_);
}

template <class T>
Json Dense<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> Dense<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
int64_t Dense<T>::build(int64_t inputs, ParameterAllocator& allocator) {
  inputs_ = inputs;
  panel_columns_ = allocator.panel_columns();
  output_panels_ = panel_count(outputs_);
  offset_ = allocator.take(padded_columns<T>(outputs_) * panel_rows());
  transposed_offset_ = allocator.take_transposed(padded_columns<T>(inputs_) * padded_columns<T>(outputs_));
  if (options_.parametrization == Parametrization::kNtk)
    gain_ = 1.0 / std::sqrt(static_cast<double>(inputs_));
  if (is_scaled()) {
    gain_row_ = AlignedBuffer<T>(panel_columns_);
    std::fill(gain_row_.begin(), gain_row_.end(), static_cast<T>(gain_));
  }
  return outputs_;
}

template <class T>
std::vector<Parameter> Dense<T>::parameters() const {
  Parameter weight{"weight",     {outputs_, inputs_}, ParameterLayout::kPanelWeight, offset_, outputs_,
                   panel_rows(), panel_columns_};
  options_.learning.apply(weight);
  Parameter bias = weight;
  bias.name = "bias";
  bias.shape = {outputs_};
  bias.layout = ParameterLayout::kPanelBias;
  bias.decays = false;
  bias.rate_factor *= options_.bias_rate_factor;
  bias.decay_factor *= options_.bias_decay_factor;
  weight.l1 = options_.l1;
  weight.l2 = options_.l2;
  // No list in each branch of a conditional: GCC 12 destroys its copies after their scope if one throws.
  std::vector<Parameter> parameters{weight};
  if (options_.bias) parameters.push_back(bias);
  return parameters;
}

template <class T>
bool Dense<T>::initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const {
  const auto fill = [&](const Parameter& parameter, const InitializerSpec& spec, uint32_t tensor) {
    const std::vector<double> values =
        initial_values(spec, inputs_, outputs_, parameter.element_count(), seed, layer_index, tensor, poll);
    if (values.empty()) return false;
    const std::vector<T> dense(values.begin(), values.end());
    pack_parameter(parameter, dense.data(), flat);
    return true;
  };
  const std::vector<Parameter> own = parameters();
  return fill(own[0], *options_.initializer, 0) &&
         (!options_.bias || fill(own[1], options_.bias_initializer, 1));
}

template <class T>
int64_t Dense<T>::panel_count(int64_t columns) const noexcept {
  return (padded_columns<T>(columns) + panel_columns_ - 1) / panel_columns_;
}

// The first column of a part, where padded `columns` are cut between panels.
template <class T>
int64_t Dense<T>::part_begin(int64_t columns, int part, int parts) const noexcept {
  return std::min(columns, (panel_count(columns) * part + parts / 2) / parts * panel_columns_);
}

template <class T>
bool Dense<T>::splits(int64_t columns, int parts) const noexcept {
  int64_t widest = 0;
  for (int part = 0; part < parts; ++part)
    widest = std::max(widest, part_begin(columns, part + 1, parts) - part_begin(columns, part, parts));
  return static_cast<double>(widest * parts) < 1.15 * static_cast<double>(columns);
}

template <class T>
bool Dense<T>::splits_forward(int parts) const noexcept {
  return !reads_codes() && options_.activation.is_elementwise() && splits(padded_columns<T>(outputs_), parts);
}

template <class T>
bool Dense<T>::splits_backward(int parts) const noexcept {
  return !is_scaled() && splits(padded_columns<T>(inputs_), parts);
}

template <class T>
int Dense<T>::gradient_task_part(int task, int parts) const noexcept {
  const int64_t columns = padded_columns<T>(outputs_);
  const int64_t first = task % output_panels_ * panel_columns_;
  int part = 0;
  while (part_begin(columns, part + 1, parts) <= first) ++part;
  return part;
}

// Narrows a product to one part of its columns.
template <class T>
void Dense<T>::take_part(const RowPass<T>& pass, Product<T>& product) const noexcept {
  if (pass.parts == 1) return;
  const int64_t first = part_begin(product.columns, pass.part, pass.parts);
  const int64_t last = part_begin(product.columns, pass.part + 1, pass.parts);
  if (product.true_columns > 0) product.true_columns = std::min(product.true_columns, last) - first;
  product.columns = last - first;
  product.b += first * product.panel_rows;
  product.c += first;
  if (product.aux != nullptr) product.aux += first;
}

// rows: x[rows, inputs] -> y[rows, outputs]
template <class T>
void Dense<T>::forward(const RowPass<T>& pass) const noexcept {
  if (pass.input.sparse != nullptr) return forward_sparse(pass);
  if (reads_codes()) return forward_coded(pass);
  Product<T> product{};
  product.rows = pass.rows;
  product.columns = padded_columns<T>(outputs_);
  if (pass.input.padded) product.true_columns = outputs_;
  product.depth = inputs_;
  product.a = pass.input_values();
  product.a_row_stride = pass.input.row_stride;
  product.a_depth_stride = 1;
  product.b = pass.parameters + offset_;
  product.panel_rows = panel_rows();
  product.c = pass.output_values();
  product.c_row_stride = pass.output.row_stride;
  product.init = options_.bias && !is_scaled() ? ProductInit::kBias : ProductInit::kZero;
  product.blocking = &kernels::blocking();
  const bool activate =
      !pass.skips_activation && options_.activation.is_elementwise() && !options_.activation.is_identity();
  if (activate) {
    if (!is_scaled()) product.epilogue = ProductEpilogue::kActivation;
    product.activation = options_.activation.function;
    product.parameter = static_cast<T>(options_.activation.parameter);
    if (options_.activation.stores_derivative()) product.aux = pass.output_aux();
    product.aux_row_stride = pass.output.row_stride;
  }
  take_part(pass, product);
  pass.kernels.product(product);
  if (is_scaled()) finish_scaled(pass, product);
  if (!pass.skips_activation && !options_.activation.is_elementwise())
    apply_activation(pass.kernels, options_.activation, pass.rows, outputs_, product.c, product.c_row_stride,
                     static_cast<T*>(nullptr), 0);
}

template <class T>
void Dense<T>::finish_scaled(const RowPass<T>& pass, const Product<T>& product) const noexcept {
  for (int64_t first = 0; first < product.columns; first += panel_columns_) {
    const int64_t width = std::min(panel_columns_, product.columns - first);
    const T* bias = options_.bias ? product.b + first * panel_rows() + inputs_ * width : nullptr;
    pass.kernels.affine_rows(product.rows, width, gain_row_.data(), bias, product.c + first,
                             product.c_row_stride);
  }
  if (!pass.skips_activation && options_.activation.is_elementwise())
    apply_activation(pass.kernels, options_.activation, product.rows, product.columns, product.c,
                     product.c_row_stride, product.aux, product.aux_row_stride);
}

// A scaled layer leaves dL/dz times the gain, of which both products are made; the bias divides by it.
template <class T>
void Dense<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.derivative_applied)
    apply_activation_backward(pass.kernels, options_.activation, pass.rows, outputs_, pass.output_values(),
                              pass.output_aux(), pass.output.row_stride, pass.output_delta(),
                              pass.output.row_stride);
  for (int64_t row = 0; is_scaled() && row < pass.rows; ++row)
    pass.kernels.scale_values(padded_columns<T>(outputs_), static_cast<T>(gain_),
                              pass.output_delta() + row * pass.output.row_stride);
  if (!pass.input_delta_wanted) return;
  if (pass.transposed == nullptr) return backward_row(pass);
  // dx[rows, inputs] = dz[rows, outputs] W[outputs, inputs]
  Product<T> product{};
  product.rows = pass.rows;
  product.columns = padded_columns<T>(inputs_);
  product.depth = outputs_;
  product.a = pass.output_delta();
  product.a_row_stride = pass.output.row_stride;
  product.a_depth_stride = 1;
  product.b = pass.transposed + transposed_offset_;
  product.panel_rows = padded_columns<T>(outputs_);
  product.c = pass.input_delta();
  product.c_row_stride = pass.input.row_stride;
  product.init = ProductInit::kZero;
  product.blocking = &kernels::blocking();
  if (const ActivationSpec* activation = pass.input_activation) {
    product.epilogue = ProductEpilogue::kDerivative;
    product.activation = activation->function;
    product.parameter = static_cast<T>(activation->parameter);
    T* source = activation->stores_derivative() ? pass.input.aux : pass.input.values;
    product.aux = source + pass.first_row * pass.input.row_stride;
    product.aux_row_stride = pass.input.row_stride;
  }
  take_part(pass, product);
  pass.kernels.product(product);
}

template <class T>
void Dense<T>::backward_row(const RowPass<T>& pass) const noexcept {
  const int64_t padded = padded_columns<T>(inputs_);
  const int64_t first = pass.parts == 1 ? 0 : part_begin(padded, pass.part, pass.parts);
  const int64_t last = pass.parts == 1 ? padded : part_begin(padded, pass.part + 1, pass.parts);
  T* delta = pass.input_delta();
  pass.kernels.panel_dots({first, std::min(last, inputs_), padded_columns<T>(outputs_),
                           pass.parameters + offset_, panel_rows(), pass.output_delta(), delta});
  if (last > inputs_) std::fill(delta + inputs_, delta + last, T(0));
  if (pass.input_activation == nullptr) return;
  const T* aux = pass.input_aux();
  apply_activation_backward(pass.kernels, *pass.input_activation, 1, last - first,
                            pass.input_values() + first, aux == nullptr ? nullptr : aux + first,
                            pass.input.row_stride, delta + first, pass.input.row_stride);
}

template class Dense<float>;
template class Dense<double>;

}  // namespace lamina
