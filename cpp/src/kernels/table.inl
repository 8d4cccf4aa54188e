// Gathers the functions of one instruction set into its table; included by each kernels_<isa>_<type>.cpp
// after its simd_<isa>.h.
#include "kernels/activations.inl"
#include "kernels/batch_norm.inl"
#include "kernels/column_encoding.inl"
#include "kernels/losses.inl"
#include "kernels/panel_dots.inl"
#include "kernels/parameters.inl"
#include "kernels/product.inl"
#include "kernels/random_rows.inl"
#include "kernels/row_layers.inl"
#include "kernels/rows.inl"
#include "kernels/single_row.inl"
#include "kernels/updates.inl"

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
  return table;
}

}  // namespace
}  // namespace lamina::kernels
