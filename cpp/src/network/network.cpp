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

namespace {

// Of the layer that reads sparse rows: a tile of them is searched for in each row of the batch, so there are
// few, as large as the second-level cache takes.
constexpr int64_t kSparseInputsPerTask = 1024;

int64_t inputs_of_node(int node, int64_t inputs_per_task, bool sparse) noexcept {
  return sparse && node == 0 ? kSparseInputsPerTask : inputs_per_task;
}

}  // namespace

template <class T>
bool Network<T>::takes_sparse_rows() const noexcept {
  const auto reads_input = [&](const Node<T>& node) { return slot_root(node.input_slot) == 0; };
  return nodes_.front().layer->kind() == LayerKind::kDense && slot_rows(nodes_.front().output_slot) == 1 &&
         std::count_if(nodes_.begin(), nodes_.end(), reads_input) == 1;
}

template <class T>
int Network<T>::gradient_task_count(int node, int64_t inputs_per_task, bool sparse) const noexcept {
  const Layer<T>& layer = *nodes_[static_cast<size_t>(node)].layer;
  return layer.gradient_task_count(inputs_of_node(node, inputs_per_task, sparse));
}

template <class T>
int64_t Network<T>::tile_rows() const noexcept {
  constexpr auto kSize = static_cast<int64_t>(sizeof(T));
  const int64_t rows = row_tile(flat_size() * kSize, row_stride_for<T>(widest_slot_) * kSize);
  return members_ == 1 ? rows : (rows + members_ - 1) / members_;
}

template <class T>
std::vector<GradientTask> Network<T>::gradient_tasks(int64_t inputs_per_task, bool sparse) const {
  std::vector<GradientTask> tasks;
  for (int node = 0; node < static_cast<int>(nodes_.size()); ++node) {
    const int count = gradient_task_count(node, inputs_per_task, sparse);
    for (int task = 0; task < count; ++task) tasks.push_back({node, task});
  }
  return tasks;
}

template <class T>
void Network<T>::run_gradient_task(const GradientTask& task, int64_t inputs_per_task,
                                   const GradientRequest<T>& request) noexcept {
  const Node<T>& node = nodes_[static_cast<size_t>(task.node)];
  const bool sparse = request.workspace.input().sparse != nullptr;
  node.layer->run_gradient_task(task.task, inputs_of_node(task.node, inputs_per_task, sparse),
                                node.first_parameter,
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
                                 .fetch_ahead = request.fetch_ahead,
                                 .packed = request.packed});
}

template <class T>
int64_t Network<T>::gradient_scratch_size(int64_t inputs_per_task, bool sparse) const noexcept {
  const auto first = slot_columns_.begin() + (sparse ? 1 : 0);
  int64_t size = 4 * padded_columns<T>(*std::max_element(first, slot_columns_.end()));
  for (int node = 0; node < static_cast<int>(nodes_.size()); ++node) {
    const int64_t inputs = inputs_of_node(node, inputs_per_task, sparse);
    size = std::max(size, nodes_[static_cast<size_t>(node)].layer->gradient_scratch_size(inputs));
  }
  return size;
}

template class Network<float>;
template class Network<double>;

}  // namespace lamina
