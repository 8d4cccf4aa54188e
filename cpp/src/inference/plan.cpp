// Lists the operations of a folded network.
#include "inference/plan.h"

#include "inference/folding.h"

namespace lamina {

template <class T>
Plan<T>::Plan(const Network<T>& network, const T* weights) : network_(inference_network(network, weights)) {
  const auto columns = [&](int slot) { return network_.slot_columns()[static_cast<size_t>(slot)]; };
  for (const Node<T>& node : network_.nodes()) {
    if (network_.slot_root(node.output_slot) != node.output_slot) continue;  // a fork: a view of its input
    const int input = network_.slot_root(node.input_slot);
    operations_.push_back({.layer = node.layer,
                           .name = node.name,
                           .input = input,
                           .output = node.output_slot,
                           .inputs = columns(input),
                           .outputs = columns(node.output_slot),
                           .input_rows = network_.slot_rows(input),
                           .rows = network_.slot_rows(node.output_slot),
                           .parameters = node.layer->parameters()});
  }
}

template class Plan<float>;
template class Plan<double>;

}  // namespace lamina
