// Builds the stack, and runs rows and gradient tasks through it.
#include "network/network.h"

#include <algorithm>

#include "base/json.h"
#include "kernels/dispatch.h"
#include "network/workspace.h"

namespace lamina {

template <class T>
Network<T>::Network(const nlohmann::json& json, uint64_t seed) : Network(json) {
  weights_ = AlignedBuffer<T>(allocator_.size());
  transposed_ = AlignedBuffer<T>(allocator_.transposed_size());
  initialize(seed);
}

template <class T>
Network<T>::Network(const nlohmann::json& json, const T* weights) : Network(json) {
  weights_ = AlignedBuffer<T>(allocator_.size());
  std::copy_n(weights, flat_size(), weights_.data());
}

template <class T>
Network<T>::Network(const nlohmann::json& json)
    : kernels_(kernels::kernels<T>()), allocator_(kernels_.panel_columns) {
  const JsonReader spec(json, "network");
  spec.allow_only({"inputs", "layers"});
  inputs_ = spec.integer("inputs", std::nullopt, 1, int64_t{1} << 24);
  if (!spec.at("layers").is_array() || spec.at("layers").empty())
    spec.fail("expected a list of at least one layer, got " + spec.at("layers").dump());
  build(spec.at("layers"));
}

template <class T>
void Network<T>::build(const nlohmann::json& layers) {
  slot_columns_.push_back(inputs_);
  for (const nlohmann::json& layer_spec : layers) {
    const auto index = static_cast<uint32_t>(layers_.size());
    layers_.push_back(make_layer<T>(layer_spec));
    Layer<T>* layer = layers_.back().get();
    const int input_slot = static_cast<int>(slot_columns_.size()) - 1;
    slot_columns_.push_back(layer->build(slot_columns_.back(), allocator_));
    Node<T> node{layer, index, input_slot, input_slot + 1, static_cast<int>(parameters_.size()), 0};
    for (Parameter parameter : layer->parameters()) {
      parameter.name = "layers." + std::to_string(index) + "." + parameter.name;
      if (parameter.shape.size() == 2) {
        forward_multiply_adds_ += parameter.element_count();
        training_multiply_adds_ += parameter.element_count() * (index == 0 ? 2 : 3);
      }
      parameters_.push_back(std::move(parameter));
    }
    node.parameter_count = static_cast<int>(parameters_.size()) - node.first_parameter;
    if (!nodes_.empty()) {
      const ActivationSpec* before = nodes_.back().layer->output_activation();
      nodes_.back().derivative_applied_by_next = before != nullptr && before->is_elementwise() &&
                                                 !before->is_identity() && layer->applies_input_activation();
    }
    nodes_.push_back(node);
  }
}

template <class T>
nlohmann::json Network<T>::spec() const {
  nlohmann::json layers = nlohmann::json::array();
  for (const auto& layer : layers_) layers.push_back(layer->spec());
  return {{"inputs", inputs_}, {"layers", layers}};
}

template <class T>
const ActivationSpec& Network<T>::output_activation() const noexcept {
  static const ActivationSpec identity{};
  const ActivationSpec* last = nodes_.back().layer->output_activation();
  return last ? *last : identity;
}

template <class T>
void Network<T>::check_trainable() const {
  for (const Node<T>& node : nodes_) {
    const ActivationSpec* activation = node.layer->output_activation();
    if (activation != nullptr && !activation->is_trainable())
      throw Error(Error::Kind::kValue,
                  "layers." + std::to_string(node.layer_index) + ": '" + activation->name +
                      "' has no derivative to train through; use 'sigmoid' in its place, or "
                      "Perceptron for a single unit");
  }
}

template <class T>
bool Network<T>::slot_stores_derivative(int slot) const noexcept {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const Node<T>& node) {
    const ActivationSpec* activation = node.layer->output_activation();
    return node.output_slot == slot && activation != nullptr && activation->stores_derivative();
  });
}

template <class T>
void Network<T>::initialize(uint64_t seed) {
  for (const Node<T>& node : nodes_) node.layer->initialize(seed, node.layer_index, weights_.data());
  mark_weights_changed();
}

template <class T>
void Network<T>::get_parameter(size_t index, T* dense) const noexcept {
  unpack_parameter(parameters_[index], weights_.data(), dense);
}

template <class T>
void Network<T>::set_parameter(size_t index, const T* dense) noexcept {
  pack_parameter(parameters_[index], dense, weights_.data());
  mark_weights_changed();
}

template <class T>
void Network<T>::refresh_transposed(bool first_node) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const bool stale = i == 0 ? first_transposed_stale_ && first_node : transposed_stale_;
    if (stale) nodes_[i].layer->refresh_transposed(kernels_, weights_.data(), transposed_.data());
  }
  transposed_stale_ = false;
  if (first_node) first_transposed_stale_ = false;
}

template <class T>
void Network<T>::forward(const NetworkPass<T>& pass) const noexcept {
  for (const Node<T>& node : nodes_) {
    const bool last = &node == &nodes_.back();
    node.layer->forward({kernels_, pass.parameters, nullptr, pass.workspace.slot(node.input_slot),
                         pass.workspace.slot(node.output_slot), pass.first_row, pass.rows, pass.training,
                         pass.seed, pass.step, node.layer_index, last && pass.raw_output, false, nullptr});
  }
}

template <class T>
void Network<T>::backward(const NetworkPass<T>& pass, bool input_delta_wanted) const noexcept {
  for (size_t i = nodes_.size(); i-- > 0;) {
    const Node<T>& node = nodes_[i];
    const bool last = i + 1 == nodes_.size();
    const bool raw = last ? pass.raw_output : node.derivative_applied_by_next;
    const ActivationSpec* before = i > 0 && nodes_[i - 1].derivative_applied_by_next
                                       ? nodes_[i - 1].layer->output_activation()
                                       : nullptr;
    node.layer->backward({kernels_, pass.parameters, pass.transposed, pass.workspace.slot(node.input_slot),
                          pass.workspace.slot(node.output_slot), pass.first_row, pass.rows, pass.training,
                          pass.seed, pass.step, node.layer_index, raw, i > 0 || input_delta_wanted, before});
  }
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
void Network<T>::run_gradient_task(const GradientTask& task, int64_t inputs_per_task, Workspace<T>& workspace,
                                   int64_t batch_rows, T* gradients, bool compute,
                                   ParameterUpdater<T>* updater, T* scratch, bool fetch_ahead) noexcept {
  const Node<T>& node = nodes_[static_cast<size_t>(task.node)];
  node.layer->run_gradient_task(task.task, inputs_per_task, node.first_parameter,
                                {kernels_, workspace.slot(node.input_slot), workspace.slot(node.output_slot),
                                 batch_rows, weights_.data(), transposed_.data(), task.node > 0, gradients,
                                 compute, updater, scratch, fetch_ahead});
}

template <class T>
int64_t Network<T>::gradient_scratch_size(int64_t inputs_per_task) const noexcept {
  const int64_t widest = *std::max_element(slot_columns_.begin(), slot_columns_.end());
  return std::max((inputs_per_task + 1) * kernels_.panel_columns, 4 * padded_columns<T>(widest));
}

template class Network<float>;
template class Network<double>;

}  // namespace lamina
