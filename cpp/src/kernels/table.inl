// Gathers the functions of one instruction set into its table; included by each kernels_<isa>_<type>.cpp
// after its simd_<isa>.h.
#include "kernels/product.inl"

namespace lamina::kernels {
namespace {

template <class T>
LAMINA_INLINE BlockFunction<T> activation_function(Activation, bool) {
  return nullptr;
}

template <class T>
constexpr KernelTable<T> make_table() {
  KernelTable<T> table{};
  table.name = kInstructionSet;
  table.lanes = Vec<T>::kLanes;
  table.panel_columns = kPanelColumns<T>;
  table.product = &product<T>;
  table.column_sums = &column_sums<T>;
  table.transpose = &transpose<T>;
  return table;
}

}  // namespace
}  // namespace lamina::kernels
