// Dense layer on sparse rows: sums of weight rows forward, gradients of the rows that were read.
#include <algorithm>

#include "layers/dense.h"

namespace lamina {

template <class T>
void Dense<T>::forward_sparse(const RowPass<T>& pass) const noexcept {
  const kernels::SparseRows<T>& rows = *pass.input.sparse;
  pass.kernels.sparse_product(
      {.rows = pass.rows,
       .columns = padded_columns<T>(outputs_),
       .depth = inputs_,
       .a = {rows.starts + pass.first_row, rows.ends + pass.first_row, rows.columns, rows.values},
       .b = pass.parameters + offset_,
       .panel_rows = panel_rows(),
       .has_bias = options_.bias && !is_scaled(),
       .c = pass.output_values(),
       .c_row_stride = pass.output.row_stride});
  finish_sums(pass);
}

template <class T>
void Dense<T>::finish_sums(const RowPass<T>& pass) const noexcept {
  T* out = pass.output_values();
  const bool elementwise = options_.activation.is_elementwise();
  if (is_scaled()) {
    kernels::Product<T> product{};
    product.rows = pass.rows;
    product.columns = padded_columns<T>(outputs_);
    product.b = pass.parameters + offset_;
    product.c = out;
    product.c_row_stride = product.aux_row_stride = pass.output.row_stride;
    if (options_.activation.stores_derivative()) product.aux = pass.output_aux();
    finish_scaled(pass, product);
  }
  if (!pass.skips_activation && !(is_scaled() && elementwise))
    apply_activation(pass.kernels, options_.activation, pass.rows, outputs_, out, pass.output.row_stride,
                     pass.output_aux(), pass.output.row_stride, static_cast<const T*>(nullptr));
}

template <class T>
uint8_t* Dense<T>::read_flags(const Tile& tile, const GradientPass<T>& pass) const noexcept {
  return reinterpret_cast<uint8_t*>(pass.scratch + (tile.inputs + 1) * tile.width);
}

// dW tile [inputs, width]; where updates skip rows that no element of the batch reads, those stay as they
// are.
template <class T>
void Dense<T>::compute_sparse_gradient(const Tile& tile, const GradientPass<T>& pass, bool skips,
                                       T* weight) const noexcept {
  uint8_t* read = read_flags(tile, pass);
  std::fill_n(read, tile.inputs, uint8_t{0});
  pass.kernels.sparse_gradient({.rows = pass.batch_rows,
                                .a = *pass.input.sparse,
                                .first_column = tile.first_input,
                                .column_count = tile.inputs,
                                .delta = pass.output.delta + tile.first_column,
                                .delta_row_stride = pass.output.row_stride,
                                .width = tile.width,
                                .out = weight,
                                .read = read});
  if (skips) return;
  for (int64_t i = 0; i < tile.inputs; ++i)
    if (read[i] == 0) std::fill_n(weight + i * tile.width, tile.width, T(0));
}

// The updates may pass over weights that no element of the batch reads.
template <class T>
bool Dense<T>::skips_unread_rows(int parameter, const GradientPass<T>& pass) const noexcept {
  const bool penalised = pass.penalty_factor != 0.0 && has_penalty();
  return pass.input.sparse != nullptr && pass.gradients == nullptr && pass.updater != nullptr && !penalised &&
         !options_.non_negative && options_.max_norm == 0.0 && pass.updater->rests_at_zero(parameter);
}

// Runs of rows that were read.
template <class T>
void Dense<T>::update_read_rows(const Tile& tile, int parameter, const GradientPass<T>& pass,
                                const T* gradient) const noexcept {
  const uint8_t* read = read_flags(tile, pass);
  pass.updater->begin_part(tile.offset, tile.inputs * tile.width);
  for (int64_t first = 0, last = 0; first < tile.inputs; first = last) {
    while (last < tile.inputs && read[last] == read[first]) ++last;
    const int64_t offset = first * tile.width, n = (last - first) * tile.width;
    if (read[first] != 0) pass.updater->update(parameter, tile.offset + offset, n, {gradient + offset});
  }
}

template class Dense<float>;
template class Dense<double>;

}  // namespace lamina
