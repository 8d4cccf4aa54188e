// Runs rows and gradient tasks through the nodes.
#include "network/network.h"

#include <algorithm>

#include "network/work_sizes.h"
#include "network/workspace.h"

namespace lamina {

template <class T>
bool Network<T>::initialize(uint64_t seed, Poll poll) {
  AlignedBuffer<T> drawn(flat_size());
  for (const Node<T>& node : nodes_)
    if (!node.layer->initialize(seed, node.layer_index, drawn.data(), poll)) return false;
  std::copy_n(drawn.data(), flat_size(), weights_.data());
  mark_weights_changed();
  return true;
}

template <class T>
void Network<T>::set_parameter(size_t index, const T* dense) noexcept {
  pack_parameter(parameters_[index], dense, weights_.data());
  mark_weights_changed();
}

template <class T>
void Network<T>::refresh_transposed(bool input_delta_wanted) {
  for (const Node<T>& node : nodes_) {
    const bool stale = node.reads_learned ? transposed_stale_ : first_transposed_stale_ && input_delta_wanted;
    if (stale) node.layer->refresh_transposed(kernels_, weights_.data(), transposed_.data());
  }
  transposed_stale_ = false;
  if (input_delta_wanted) first_transposed_stale_ = false;
}

template <class T>
int64_t Network<T>::tile_rows() const noexcept {
  const int64_t rows = row_tile(flat_size() * static_cast<int64_t>(sizeof(T)));
  return (rows + members_ - 1) / members_;
}

template <class T>
std::vector<GradientTask> Network<T>::gradient_tasks(int64_t inputs_per_task) const {
  std::vector<GradientTask> tasks;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const int count = nodes_[i].layer->gradient_task_count(inputs_per_task);
    for (int task = 0; task < count; ++task) tasks.push_back({static_cast<int>(i), task});
  }
  return tasks;
}

template <class T>
void Network<T>::run_gradient_task(const GradientTask& task, int64_t inputs_per_task,
                                   const GradientRequest<T>& request) noexcept {
  const Node<T>& node = nodes_[static_cast<size_t>(task.node)];
  node.layer->run_gradient_task(task.task, inputs_per_task, node.first_parameter,
                                {.kernels = kernels_,
                                 .input = request.workspace.slot(node.input_slot),
                                 .output = request.workspace.slot(node.output_slot),
                                 .batch_rows = request.batch_rows * slot_rows(node.output_slot),
                                 .parameters = weights_.data(),
                                 .transposed = transposed_.data(),
                                 .transposed_wanted = request.keep_transposed && node.reads_learned,
                                 .gradients = request.gradients,
                                 .compute = request.compute,
                                 .penalty_factor = request.penalty_factor,
                                 .updater = request.updater,
                                 .scratch = request.scratch,
                                 .fetch_ahead = request.fetch_ahead});
}

template <class T>
int64_t Network<T>::gradient_scratch_size(int64_t inputs_per_task) const noexcept {
  const int64_t widest = *std::max_element(slot_columns_.begin(), slot_columns_.end());
  int64_t size = 4 * padded_columns<T>(widest);
  for (const Node<T>& node : nodes_)
    size = std::max(size, node.layer->gradient_scratch_size(inputs_per_task));
  return size;
}

template class Network<float>;
template class Network<double>;

}  // namespace lamina
