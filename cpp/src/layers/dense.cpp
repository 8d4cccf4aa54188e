// Dense layer: rows forward and backward, and weight gradients by tile.
#include "layers/dense.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

// A limit of norms needs all weights of a unit in one task.
template <class T>
int64_t Dense<T>::task_inputs(int64_t inputs_per_task) const noexcept {
  return options_.max_norm > 0.0 ? inputs_ : std::min(inputs_, inputs_per_task);
}

template <class T>
int Dense<T>::gradient_task_count(int64_t inputs_per_task) const noexcept {
  if (!options_.learning.trainable) return 0;
  const int64_t panels = output_panels_;
  if (reads_codes()) return static_cast<int>(panels * std::ssize(blocks_));
  const int64_t inputs = task_inputs(inputs_per_task);
  return static_cast<int>(panels * ((inputs_ + inputs - 1) / inputs));
}

template <class T>
int64_t Dense<T>::gradient_scratch_size(int64_t inputs_per_task) const noexcept {
  if (reads_codes()) return coded_scratch_size();
  // The last row is for flags of sparse rows: a byte an input.
  const int64_t inputs = task_inputs(inputs_per_task);
  return (inputs + 1) * panel_columns_ +
         padded_columns<T>((inputs + 1) / static_cast<int64_t>(sizeof(T)) + 1);
}

template <class T>
typename Dense<T>::Tile Dense<T>::tile(int task, int64_t inputs_per_task) const noexcept {
  // Neighbouring tasks share their block of inputs, which so stays in cache.
  // (A division would show in short steps.)
  const int64_t place = output_panels_ == 1 ? task : task / output_panels_;
  const int64_t panel = task - place * output_panels_;
  if (!reads_codes())
    return tile_of(panel, place * inputs_per_task,
                   std::min(inputs_per_task, inputs_ - place * inputs_per_task));
  const CodedBlock& block = blocks_[static_cast<size_t>(place)];
  Tile tile = tile_of(panel, block.first_input, block.inputs);
  tile.block = &block;
  return tile;
}

template <class T>
typename Dense<T>::Tile Dense<T>::tile_of(int64_t panel, int64_t first_input, int64_t inputs) const noexcept {
  Tile tile{};
  tile.first_column = panel * panel_columns_;
  tile.width = std::min(panel_columns_, padded_columns<T>(outputs_) - tile.first_column);
  tile.first_input = first_input;
  tile.inputs = inputs;
  tile.last_inputs = tile.first_input + tile.inputs == inputs_;
  tile.offset = offset_ + tile.first_column * panel_rows() + tile.first_input * tile.width;
  return tile;
}

// The tile's inputs of all rows side by side, for the tasks of all panels; null where they are better read
// where they lie.
template <class T>
const T* Dense<T>::pack_inputs(const Tile& tile, const GradientPass<T>& pass) const noexcept {
  constexpr int64_t kLeastRows = 256, kLeastPanels = 4;  // which repay the copying
  PackedInputs<T>* packed = pass.packed;
  if (packed == nullptr || pass.batch_rows < kLeastRows || output_panels_ < kLeastPanels ||
      pass.batch_rows * tile.inputs > packed->size)
    return nullptr;
  const T* from = pass.input.values + tile.first_input;
  if (packed->from != from) {
    packed->from = from;
    for (int64_t row = 0; row < pass.batch_rows; ++row)
      std::copy_n(from + row * pass.input.row_stride, tile.inputs, packed->values + row * tile.inputs);
  }
  return packed->values;
}

// dW tile [inputs, width] = x^T [inputs, batch] dz [batch, width]
template <class T>
void Dense<T>::compute_dense_gradient(const Tile& tile, const GradientPass<T>& pass,
                                      T* weight) const noexcept {
  Product<T> product{};
  product.rows = tile.inputs;
  product.columns = tile.width;
  product.true_columns = std::min(tile.width, outputs_ - tile.first_column);
  product.depth = pass.batch_rows;
  const T* packed = pack_inputs(tile, pass);
  product.a = packed != nullptr ? packed : pass.input.values + tile.first_input;
  product.a_row_stride = 1;
  product.a_depth_stride = packed != nullptr ? tile.inputs : pass.input.row_stride;
  product.b = pass.output.delta + tile.first_column;
  product.b_row_stride = pass.output.row_stride;
  product.c = weight;
  product.c_row_stride = tile.width;
  if (pass.fetch_ahead) product.next_count = pass.updater->places(tile.offset, product.next);
  product.next_bytes = tile.inputs * tile.width * static_cast<int64_t>(sizeof(T));
  product.blocking = &kernels::blocking();
  pass.kernels.product(product);
}

// And db = column sums of dz.
template <class T>
void Dense<T>::compute_gradient(const Tile& tile, const GradientPass<T>& pass, bool skips, T* weight,
                                T* bias) const noexcept {
  if (pass.input.sparse != nullptr)
    compute_sparse_gradient(tile, pass, skips, weight);
  else if (reads_codes())
    compute_coded_gradient(tile, pass, weight);
  else
    compute_dense_gradient(tile, pass, weight);
  if (bias != nullptr) {
    pass.kernels.column_sums(pass.batch_rows, tile.width, pass.output.delta + tile.first_column,
                             pass.output.row_stride, bias);
    if (is_scaled()) pass.kernels.scale_values(tile.width, static_cast<T>(1.0 / gain_), bias);
  }
  if (pass.penalty_factor != 0.0 && has_penalty())
    pass.kernels.add_penalty(tile.inputs * tile.width, static_cast<T>(options_.l1 * pass.penalty_factor),
                             static_cast<T>(options_.l2 * pass.penalty_factor), pass.parameters + tile.offset,
                             weight);
}

template <class T>
void Dense<T>::constrain(const Tile& t, const GradientPass<T>& pass) const noexcept {
  T* weights = pass.parameters + t.offset;
  if (options_.non_negative)
    pass.kernels.clamp_values(t.inputs * t.width, T(0), std::numeric_limits<T>::infinity(), weights);
  if (options_.max_norm > 0.0)
    pass.kernels.limit_column_norms(t.inputs, t.width, static_cast<T>(options_.max_norm), weights, t.width);
}

// The updates of a batch of one row multiply its factors themselves: the gradient need not be written.
template <class T>
bool Dense<T>::is_outer_product(const GradientPass<T>& pass) const noexcept {
  const bool penalised = pass.penalty_factor != 0.0 && has_penalty();
  return pass.batch_rows == 1 && pass.gradients == nullptr && !penalised && !is_scaled() &&
         pass.input.sparse == nullptr && !reads_codes();
}

template <class T>
void Dense<T>::run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                                 const GradientPass<T>& pass) const noexcept {
  const Tile t = tile(task, task_inputs(inputs_per_task));
  const int64_t weights = t.inputs * t.width;
  const bool has_bias = options_.bias && t.last_inputs;
  T* weight = pass.gradients ? pass.gradients + t.offset : pass.scratch;
  const bool skips = skips_unread_rows(first_parameter, pass);
  GradientPiece<T> weight_gradient{weight}, bias_gradient{weight + weights};
  if (is_outer_product(pass)) {
    bias_gradient = {pass.output.delta + t.first_column};
    weight_gradient = {bias_gradient.values, pass.input.values + t.first_input, t.width};
  } else if (pass.compute) {
    compute_gradient(t, pass, skips, weight, has_bias ? weight + weights : nullptr);
  }
  if (pass.updater == nullptr) return;
  // The bias lies behind the weights: in small layers a call of its own would show.
  const bool together = has_bias && !skips && weight_gradient.factors == nullptr &&
                        bias_gradient.values == weight_gradient.values + weights &&
                        pass.updater->updates_alike();
  if (skips)
    update_read_rows(t, first_parameter, pass, weight);
  else
    pass.updater->update(first_parameter, t.offset, weights + (together ? t.width : 0), weight_gradient);
  if (has_bias && !together)
    pass.updater->update(first_parameter + 1, t.offset + weights, t.width, bias_gradient);
  constrain(t, pass);
  if (pass.transposed_wanted) transpose_tile(pass.kernels, t, pass.parameters, pass.transposed);
}

template <class T>
void Dense<T>::transpose_tile(const kernels::KernelTable<T>& table, const Tile& t, const T* parameters,
                              T* transposed) const noexcept {
  // A tile may straddle panels of the transposed weights, whose columns are inputs.
  for (int64_t done = 0; done < t.inputs;) {
    const int64_t input = t.first_input + done;
    const int64_t first = input < panel_columns_ ? 0 : input / panel_columns_ * panel_columns_;
    const int64_t count = std::min(t.inputs - done, first + panel_columns_ - input);
    const int64_t width = std::min(panel_columns_, padded_columns<T>(inputs_) - first);
    T* out = transposed + transposed_offset_ + first * padded_columns<T>(outputs_) + t.first_column * width +
             (input - first);
    table.transpose(count, std::min(t.width, outputs_ - t.first_column),
                    parameters + t.offset + done * t.width, t.width, out, width);
    done += count;
  }
}

template <class T>
void Dense<T>::refresh_transposed(const kernels::KernelTable<T>& table, const T* parameters,
                                  T* transposed) const noexcept {
  const int64_t panels = output_panels_;
  for (int panel = 0; panel < panels; ++panel)
    transpose_tile(table, tile_of(panel, 0, inputs_), parameters, transposed);
}

template class Dense<float>;
template class Dense<double>;

}  // namespace lamina
