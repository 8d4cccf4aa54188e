// The gradient of a dense layer, and what follows its update, in tiles of its weights.
#include <algorithm>
#include <limits>

#include "layers/dense.h"

namespace lamina {

using kernels::Product;

// A limit of norms needs all weights of a unit in one task.
template <class T>
int64_t Dense<T>::task_inputs(int64_t inputs_per_task) const noexcept {
  return options_.max_norm > 0.0 ? inputs_ : std::min(inputs_, inputs_per_task);
}

template <class T>
int Dense<T>::gradient_task_count(int64_t inputs_per_task) const noexcept {
  if (reads_codes()) return coded_task_count();
  if (!options_.learning.trainable) return 0;
  const int64_t inputs = task_inputs(inputs_per_task);
  return static_cast<int>(output_panels_ * ((inputs_ + inputs - 1) / inputs));
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
  if (packed->from != from || packed->inputs != tile.inputs) {
    packed->from = from;
    packed->inputs = tile.inputs;
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
  if (input_scale_) return run_scaled_task(task, first_parameter, pass);
  run_tile(tile(task, task_inputs(inputs_per_task)), first_parameter, pass);
}

template <class T>
void Dense<T>::run_tile(const Tile& t, int first_parameter, const GradientPass<T>& pass) const noexcept {
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
