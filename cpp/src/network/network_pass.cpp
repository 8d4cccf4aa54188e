// Runs rows through the nodes, in one go or phase by phase.
#include "network/network.h"

#include <algorithm>

#include "layers/column_encoding.h"
#include "layers/fixed_rows.h"
#include "layers/scale.h"
#include "network/workspace.h"

namespace lamina {

template <class T>
RowPass<T> Network<T>::row_pass(const NetworkPass<T>& pass, const Node<T>& node) const noexcept {
  const int64_t rows = slot_rows(node.output_slot);
  return {.kernels = kernels_,
          .parameters = pass.parameters,
          .transposed = pass.transposed,
          .input = pass.workspace.slot(node.input_slot),
          .output = pass.workspace.slot(node.output_slot),
          .first_row = pass.first_row * rows,
          .rows = pass.rows * rows,
          .training = pass.training,
          .seed = pass.seed,
          .step = pass.step,
          .layer_index = node.layer_index,
          .noise_factor = pass.noise_factor};
}

template <class T>
RowPass<T> Network<T>::forward_pass(const NetworkPass<T>& pass, size_t node) const noexcept {
  RowPass<T> rows = row_pass(pass, nodes_[node]);
  rows.skips_activation = pass.ends_at_logits && node + 1 == node_count(pass);
  return rows;
}

template <class T>
RowPass<T> Network<T>::backward_pass(const NetworkPass<T>& pass, size_t node,
                                     bool input_delta_wanted) const noexcept {
  const Node<T>& at = nodes_[node];
  RowPass<T> rows = row_pass(pass, at);
  rows.derivative_applied =
      node + 1 == node_count(pass) ? pass.ends_at_logits : at.derivative_applied_by_next;
  rows.input_delta_wanted = input_delta_wanted || at.reads_learned;
  rows.input_activation = at.input_activation;
  return rows;
}

template <class T>
void Network<T>::forward_nodes(const NetworkPass<T>& pass, size_t first, size_t last) const noexcept {
  for (size_t i = first; i < last; ++i) nodes_[i].layer->forward(forward_pass(pass, i));
}

template <class T>
void Network<T>::forward(const NetworkPass<T>& pass) const noexcept {
  const bool summarises = pass.workspace.use() == WorkspaceUse::kTraining;
  for (int phase = 0; phase < phases(); ++phase) {
    if (phase > 0 && summarises) summarize_forward(pass, phase, 0, coupled_columns(phase));
    forward(pass, phase);
  }
}

template <class T>
void Network<T>::backward(const NetworkPass<T>& pass, bool input_delta_wanted) const noexcept {
  for (int phase = phases() - 1; phase >= 0; --phase) {
    if (phase + 1 < phases()) summarize_backward(pass, phase + 1, 0, coupled_columns(phase + 1));
    backward(pass, input_delta_wanted, phase);
  }
}

template <class T>
void Network<T>::forward(const NetworkPass<T>& pass, int phase) const noexcept {
  const auto at = static_cast<size_t>(phase);
  forward_nodes(pass, at == 0 ? 0 : coupled_[at - 1],
                at == coupled_.size() ? node_count(pass) : coupled_[at]);
}

template <class T>
void Network<T>::write_features(const NetworkPass<T>& pass) const noexcept {
  for (const Node<T>& node : nodes_) {
    if (node.layer->kind() == LayerKind::kColumnEncoding) {
      const auto& encoding = static_cast<const ColumnEncoding<T>&>(*node.layer);
      if (encoding.writes_codes()) encoding.write_features(row_pass(pass, node));
    } else if (node.layer->kind() == LayerKind::kAffine) {
      const auto& mask = static_cast<const Affine<T>&>(*node.layer);
      if (mask.passes_codes()) mask.scale_features(row_pass(pass, node));
    } else if (node.layer->kind() == LayerKind::kScale) {
      const auto& scale = static_cast<const Scale<T>&>(*node.layer);
      if (scale.passes_codes()) scale.scale_features(row_pass(pass, node));
    }
  }
}

template <class T>
void Network<T>::finish_forward(const NetworkPass<T>& pass) const noexcept {
  if (pass.ends_at_logits) {
    const RowPass<T> rows = row_pass(pass, nodes_[node_count(pass) - 1]);
    apply_activation(kernels_, output_activation(), rows.rows, rows.output.columns, rows.output_values(),
                     rows.output.row_stride, static_cast<T*>(nullptr), 0);
  }
  NetworkPass<T> rest = pass;
  rest.of_members = rest.ends_at_logits = rest.training = false;
  forward_nodes(rest, node_count(pass), nodes_.size());
}

template <class T>
void Network<T>::backward(const NetworkPass<T>& pass, bool input_delta_wanted, int phase) const noexcept {
  const auto at = static_cast<size_t>(phase);
  const size_t first = at == 0 ? 0 : coupled_[at - 1] + 1;
  for (size_t i = at == coupled_.size() ? node_count(pass) : coupled_[at] + 1; i-- > first;) {
    if (input_delta_wanted || nodes_[i].needs_delta())
      nodes_[i].layer->backward(backward_pass(pass, i, input_delta_wanted));
  }
}

namespace {

template <class T>
void take_rows(RowPass<T>& pass, int part, int parts) noexcept {
  const int64_t first = pass.rows * part / parts, last = pass.rows * (part + 1) / parts;
  pass.first_row += first;
  pass.rows = last - first;
}

template <class T>
void take_part(bool splits, RowPass<T>& pass, int part, int parts) noexcept {
  if (!splits) return take_rows(pass, part, parts);
  pass.part = part;
  pass.parts = parts;
}

}  // namespace

template <class T>
bool Network<T>::splits_columns(int parts) const noexcept {
  if (parts == 1 || couples_rows() || members_ > 1) return false;
  int64_t split = 0;
  for (const Node<T>& node : nodes_)
    if (node.layer->splits_forward(parts))
      split += slot_columns_[static_cast<size_t>(node.input_slot)] *
               slot_columns_[static_cast<size_t>(node.output_slot)];
  return 2 * split > forward_multiply_adds_;
}

template <class T>
void Network<T>::forward_part(const NetworkPass<T>& batch, size_t node, int part, int parts) const noexcept {
  RowPass<T> pass = forward_pass(batch, node);
  take_part(nodes_[node].layer->splits_forward(parts), pass, part, parts);
  if (pass.rows > 0) nodes_[node].layer->forward(pass);
}

template <class T>
bool Network<T>::backward_activation_part(const NetworkPass<T>& batch, size_t node, int part,
                                          int parts) const noexcept {
  RowPass<T> pass = backward_pass(batch, node, false);
  if (pass.derivative_applied || !nodes_[node].needs_delta() || !nodes_[node].layer->splits_backward(parts))
    return false;
  take_rows(pass, part, parts);
  pass.input_delta_wanted = false;
  if (pass.rows > 0) nodes_[node].layer->backward(pass);
  return true;
}

template <class T>
void Network<T>::backward_part(const NetworkPass<T>& batch, size_t node, int part, int parts) const noexcept {
  if (!nodes_[node].needs_delta()) return;
  const Layer<T>& layer = *nodes_[node].layer;
  RowPass<T> pass = backward_pass(batch, node, false);
  const bool splits = layer.splits_backward(parts);
  if (splits) pass.derivative_applied = true;
  take_part(splits, pass, part, parts);
  if (pass.rows > 0) layer.backward(pass);
}

template <class T>
void Network<T>::summarize_forward(const NetworkPass<T>& batch, int phase, int64_t first,
                                   int64_t last) const noexcept {
  if (first < last)
    coupled_node(phase).layer->summarize_forward(row_pass(batch, coupled_node(phase)), first, last);
}

template <class T>
void Network<T>::summarize_backward(const NetworkPass<T>& batch, int phase, int64_t first,
                                    int64_t last) const noexcept {
  if (first < last)
    coupled_node(phase).layer->summarize_backward(row_pass(batch, coupled_node(phase)), first, last);
}

template <class T>
int64_t Network<T>::coupled_columns(int phase) const noexcept {
  return padded_columns<T>(slot_columns_[static_cast<size_t>(coupled_node(phase).output_slot)]);
}

template <class T>
int64_t Network<T>::running_size() const noexcept {
  int64_t size = 0;
  for (const size_t i : coupled_) size += nodes_[i].layer->running_size();
  return size;
}

template <class T>
void Network<T>::keep_statistics(const Workspace<T>& workspace, T* kept) const noexcept {
  for (const size_t i : coupled_)
    kept =
        std::copy_n(workspace.slot(nodes_[i].output_slot).statistics, nodes_[i].layer->running_size(), kept);
}

template <class T>
void Network<T>::update_running(const T* kept, ParameterUpdater<T>& updater) const noexcept {
  for (const size_t i : coupled_) {
    nodes_[i].layer->update_running(kept, updater);
    kept += nodes_[i].layer->running_size();
  }
}

template <class T>
void Network<T>::update_running(const Workspace<T>& workspace, ParameterUpdater<T>& updater) const noexcept {
  for (const size_t i : coupled_)
    nodes_[i].layer->update_running(workspace.slot(nodes_[i].output_slot).statistics, updater);
}

template class Network<float>;
template class Network<double>;

}  // namespace lamina
