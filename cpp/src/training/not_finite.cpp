// Looks for the first number that is not finite.
#include "training/not_finite.h"

#include "base/text.h"

#include <cmath>

namespace lamina {

template <class T>
std::string not_finite_after_update(const Network<T>& network) {
  const bool weights_are = network.kernels().all_finite(network.flat_size(), network.weights());
  return weights_are ? "the optimizer's running means after the update" : "the weights after the update";
}

template <class T>
std::string first_not_finite_place(const Network<T>& network, const Workspace<T>& workspace, int64_t rows,
                                   const LossSpec& loss) {
  const auto finite = [&](int slot_index) {
    const Slot<T>& slot = workspace.slot(slot_index);
    for (int64_t row = 0; row < rows * network.slot_rows(slot_index); ++row)
      for (int64_t column = 0; column < slot.columns; ++column)
        if (!std::isfinite(slot.values[row * slot.row_stride + column])) return false;
    return true;
  };
  for (const Node<T>& node : network.nodes())
    // Behind the members nothing ran.
    if (node.output_slot <= network.member_slot() && !finite(node.output_slot))
      return concat({"the output of ", node.name, " (", kind_name(node.layer->kind()), ")"});
  return concat({"the loss itself (", loss.name, ")"});
}

#define LAMINA_INSTANTIATE(T)                                                                  \
  template std::string not_finite_after_update(const Network<T>&);                             \
  template std::string first_not_finite_place(const Network<T>&, const Workspace<T>&, int64_t, \
                                              const LossSpec&);
LAMINA_INSTANTIATE(float)
LAMINA_INSTANTIATE(double)
#undef LAMINA_INSTANTIATE

}  // namespace lamina
