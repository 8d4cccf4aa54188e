// Gathers the functions of one instruction set into its table; included by kernels.cpp after simd/<set>.h.
#include "kernels/elementwise/activations.inl"
#include "kernels/elementwise/parameters.inl"
#include "kernels/elementwise/updates.inl"
#include "kernels/product/coded.inl"
#include "kernels/product/panel_dots.inl"
#include "kernels/product/product.inl"
#include "kernels/product/single_row.inl"
#include "kernels/product/sparse.inl"
#include "kernels/rows/batch_norm.inl"
#include "kernels/rows/column_encoding.inl"
#include "kernels/rows/embeddings.inl"
#include "kernels/rows/losses.inl"
#include "kernels/rows/random_rows.inl"
#include "kernels/rows/row_layers.inl"
#include "kernels/rows/rows.inl"

namespace lamina::kernels {
namespace {

template <class T>
LAMINA_INLINE BlockFunction<T> activation_function(Activation activation, bool backward) {
  const int index = static_cast<int>(activation);
  return backward ? kActivationFunctions<T>.backward[index] : kActivationFunctions<T>.forward[index];
}

template <class T>
constexpr KernelTable<T> make_table() {
  KernelTable<T> table{};
  table.name = kInstructionSet;
  table.lanes = Vec<T>::kLanes;
  table.panel_columns = kPanelColumns<T>;
  table.product = &product<T>;
  table.sparse_product = &sparse_product<T>;
  table.sparse_gradient = &sparse_gradient<T>;
  table.keep_nonzero = &keep_nonzero<T>;
  table.coded_product = &coded_product<T>;
  table.coded_gradient = &coded_gradient<T>;
  table.split_scaled_gradient = &split_scaled_gradient<T>;
  table.single_row_columns = kRowGroup<T>;
  table.single_row = &single_row<T>;
  table.panel_dots = &panel_dots<T>;
  table.column_sums = &column_sums<T>;
  table.transpose = &transpose<T>;
  enter_activations(table);
  enter_losses(table);
  enter_updates(table);
  enter_row_functions(table);
  enter_random_functions(table);
  enter_row_layers(table);
  enter_parameter_functions(table);
  enter_batch_norm(table);
  enter_column_encoding(table);
  enter_embeddings(table);
  return table;
}

}  // namespace
}  // namespace lamina::kernels
