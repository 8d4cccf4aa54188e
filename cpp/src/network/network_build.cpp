// Builds the nodes of a network from the description of its layers.
#include <algorithm>
#include <utility>

#include "base/json_reader.h"
#include "base/text.h"
#include "kernels/dispatch.h"
#include "layers/column_encoding.h"
#include "layers/dense.h"
#include "layers/ensemble.h"
#include "layers/fixed_rows.h"
#include "layers/residual.h"
#include "layers/scale.h"
#include "network/network.h"

namespace lamina {

namespace {

constexpr int kDeepestBlock = 16;
// Layers within blocks and all parts of a block counted: what a file asks for is cheap to write down.
constexpr size_t kMostNodes = size_t{1} << 16;

// Far beyond what ever runs, so that sums and products of it do not overflow.
constexpr int64_t kMostMultiplyAdds = int64_t{1} << 60;

int64_t inputs_of(const Json& json) {
  const JsonReader spec(json, "network");
  spec.allow_only({"inputs", "layers"});
  return spec.integer("inputs", std::nullopt, 1, kMostColumns);
}

template <class T>
std::vector<std::unique_ptr<Layer<T>>> layers_of(const Json& json) {
  std::vector<std::unique_ptr<Layer<T>>> layers;
  const Json::Array& described = JsonReader(json, "network").list("layers", "layer");
  if (described.size() > kMostNodes)
    throw_error(Error::Kind::kValue,
                {"network: expected at most ", kMostNodes, " layers, got ", described.size()});
  for (const Json& layer : described) layers.push_back(make_layer<T>(layer));
  return layers;
}

}  // namespace

template <class T>
Network<T>::Network(const Json& json, std::nullopt_t) : Network(json) {
  weights_ = AlignedBuffer<T>(allocator_.size());
  transposed_ = AlignedBuffer<T>(allocator_.transposed_size());
}

template <class T>
Network<T>::Network(const Json& json, uint64_t seed) : Network(json, std::nullopt) {
  initialize(seed, [](int64_t) { return false; });
}

template <class T>
Network<T>::Network(int64_t inputs, Layers layers, uint64_t seed) : Network(inputs, std::move(layers)) {
  weights_ = AlignedBuffer<T>(allocator_.size());
  transposed_ = AlignedBuffer<T>(allocator_.transposed_size());
  initialize(seed, [](int64_t) { return false; });
}

template <class T>
Network<T>::Network(int64_t inputs, Layers layers, const T* weights) : Network(inputs, std::move(layers)) {
  weights_ = AlignedBuffer<T>(allocator_.size());
  if (weights != nullptr) std::copy_n(weights, flat_size(), weights_.data());
}

template <class T>
Network<T>::Network(const Json& json) : Network(inputs_of(json), layers_of<T>(json)) {}

template <class T>
Network<T>::Network(int64_t inputs, Layers layers)
    : kernels_(kernels::kernels<T>()),
      inputs_(inputs),
      layers_(std::move(layers)),
      allocator_(kernels_.panel_columns) {
  if (inputs_ < 1 || inputs_ > kMostColumns)
    fail_outside("network", "inputs", 1.0, static_cast<double>(kMostColumns), static_cast<double>(inputs_));
  if (layers_.empty()) throw_error(Error::Kind::kValue, {"network: expected at least one layer, got none"});
  layer_slots_.push_back(add_slot(inputs_, 1));
  for (size_t i = 0; i < layers_.size(); ++i)
    layer_slots_.push_back(add_layer(*layers_[i], concat({"layers.", i}), layer_slots_.back(), 0));
  if (members_ == 1 && member_nodes_ == 0) member_nodes_ = nodes_.size();
  check_order();
  takes_offset_rows_ = layers_.front()->take_offset_rows();
  link_activations();
  link_codes();
}

template <class T>
void Network<T>::check_order() const {
  for (const Node<T>& node : nodes_)
    if (node.layer->as_target_scaling() != nullptr && &node != &nodes_.back())
      throw_error(Error::Kind::kValue,
                  {"TargetScaling: expected as the last layer of the network, got ", node.name});
  // Behind the mean of the members a layer would see it in prediction alone.
  for (size_t i = 0; i + 1 < layers_.size(); ++i)
    if (layers_[i]->as_ensemble() != nullptr && layers_[i + 1]->as_target_scaling() == nullptr)
      throw_error(Error::Kind::kValue, {"Ensemble: expected as the last layer of the network, got layers.", i,
                                        " before a ", class_name(layers_[i + 1]->kind())});
}

template <class T>
int Network<T>::add_slot(int64_t columns, int64_t rows) {
  const int slot = static_cast<int>(slot_columns_.size());
  slot_columns_.push_back(columns);
  widest_slot_ = std::max(widest_slot_, columns);
  slot_rows_.push_back(rows);
  slot_roots_.push_back(slot);
  slot_learned_.push_back(false);
  slot_stores_aux_.push_back(false);
  slot_statistics_.push_back(0);
  return slot;
}

template <class T>
int Network<T>::add_layer(Layer<T>& layer, const std::string& name, int input_slot, int depth) {
  if (Residual<T>* block = layer.as_residual()) return add_block(*block, name, input_slot, depth);
  if (Ensemble<T>* ensemble = layer.as_ensemble()) {
    if (depth > 0)
      throw_error(Error::Kind::kValue,
                  {"Ensemble: expected as the last layer of the network, got it within a block as ", name});
    return add_ensemble(*ensemble, name, input_slot);
  }
  if (adapting_ == nullptr || layer.kind() != LayerKind::kDense) return add_plain(layer, name, input_slot);
  // What vanishes in inference may stand between, so that predictors can leave it out.
  auto last = nodes_.rbegin();
  while (last->layer->vanishes_in_inference()) ++last;
  const bool expanded = last->layer == &adapting_->expand();
  const int64_t inputs = slot_columns_[static_cast<size_t>(input_slot)];
  for (Layer<T>* part : adapting_->adapt(static_cast<const Dense<T>&>(layer), inputs, expanded))
    input_slot = add_plain(*part, name, input_slot);
  return input_slot;
}

template <class T>
int Network<T>::add_plain(Layer<T>& layer, const std::string& name, int input_slot) {
  const auto input = static_cast<size_t>(input_slot);
  const int output_slot = add_slot(layer.build(slot_columns_[input], allocator_), slot_rows_[input]);
  add_node(layer, name, input_slot, output_slot);
  return output_slot;
}

template <class T>
int Network<T>::add_ensemble(Ensemble<T>& ensemble, const std::string& name, int input_slot) {
  const auto columns = [&](int slot) { return slot_columns_[static_cast<size_t>(slot)]; };
  members_ = ensemble.options().k;
  int slot = add_slot(ensemble.expand().build(columns(input_slot), allocator_), members_);
  add_node(ensemble.expand(), name, input_slot, slot);
  adapting_ = ensemble.adapts_all() ? &ensemble : nullptr;
  const auto inner = [&](size_t i) { return concat({name, ".layers.", i}); };
  for (size_t i = 0; i < ensemble.layers().size(); ++i)
    slot = add_layer(*ensemble.layers()[i], inner(i), slot, 1);
  adapting_ = nullptr;
  slot = add_plain(ensemble.heads(), inner(ensemble.layers().size()), slot);
  member_nodes_ = nodes_.size();
  const int output_slot = add_slot(columns(slot), 1);
  add_node(ensemble, name, slot, output_slot);
  return output_slot;
}

template <class T>
int Network<T>::add_block(Residual<T>& block, const std::string& name, int input_slot, int depth) {
  if (depth == kDeepestBlock)
    throw_error(Error::Kind::kValue, {"Residual: expected blocks nested at most ", kDeepestBlock, " deep"});
  const auto columns = [&](int slot) { return slot_columns_[static_cast<size_t>(slot)]; };
  const int64_t rows = slot_rows(input_slot);
  int slot = add_slot(columns(input_slot), rows);
  slot_roots_.back() = slot_root(input_slot);
  add_node(block.fork(), name, input_slot, slot);
  for (size_t i = 0; i < block.layers().size(); ++i)
    slot = add_layer(*block.layers()[i], concat({name, ".layers.", i}), slot, depth + 1);
  const int output_slot = add_slot(columns(slot), rows);
  Layer<T>& skip = block.make_skip(columns(input_slot), columns(slot));
  skip.build(columns(input_slot), allocator_);
  add_node(skip, block.projects() ? concat({name, ".projection"}) : name, input_slot, output_slot);
  add_node(block, name, slot, output_slot);
  return output_slot;
}

template <class T>
void Network<T>::add_node(Layer<T>& layer, const std::string& name, int input_slot, int output_slot) {
  if (nodes_.size() == kMostNodes)
    throw_error(Error::Kind::kValue,
                {"network: expected at most ", kMostNodes,
                 " layers, those within blocks and the parts of blocks counted, got more"});
  Node<T> node{.layer = &layer,
               .layer_index = static_cast<uint32_t>(nodes_.size()),
               .name = name,
               .input_slot = input_slot,
               .output_slot = output_slot,
               .first_parameter = static_cast<int>(parameters_.size()),
               .parameter_count = 0,
               .learns = false,
               .reads_learned = slot_learned_[static_cast<size_t>(input_slot)]};
  for (Parameter parameter : layer.parameters()) {
    parameter.name = concat({name, ".", parameter.name});
    node.learns = node.learns || parameter.trainable;
    parameters_.push_back(std::move(parameter));
  }
  const int products = 1 + (node.learns ? 1 : 0) + (node.reads_learned ? 1 : 0);
  const int64_t multiply_adds = layer.multiply_adds() * (slot_rows(output_slot) / layer.members());
  forward_multiply_adds_ = std::min(forward_multiply_adds_ + multiply_adds, kMostMultiplyAdds);
  training_multiply_adds_ = std::min(training_multiply_adds_ + multiply_adds * products, kMostMultiplyAdds);
  const auto slot = static_cast<size_t>(output_slot);
  if (node.needs_delta()) slot_learned_[slot] = true;
  if (layer.stores_aux()) slot_stores_aux_[slot] = true;
  slot_statistics_[slot] = std::max(slot_statistics_[slot], layer.statistics_size());
  node.parameter_count = static_cast<int>(parameters_.size()) - node.first_parameter;
  if (layer.statistics_size() > 0) coupled_.push_back(nodes_.size());
  nodes_.push_back(std::move(node));
}

// An activation's derivative joins the backward pass of the only node that reads it, where that can do it.
template <class T>
void Network<T>::link_activations() {
  std::vector<int> readers(slot_columns_.size(), 0);
  std::vector<Node<T>*> last_reader(slot_columns_.size(), nullptr);
  for (Node<T>& node : nodes_) {
    const auto slot = static_cast<size_t>(node.input_slot);
    ++readers[slot];
    last_reader[slot] = &node;
  }
  for (Node<T>& node : nodes_) {
    const ActivationSpec* activation = node.layer->output_activation();
    if (activation == nullptr || !activation->is_elementwise() || activation->is_identity()) continue;
    const auto slot = static_cast<size_t>(node.output_slot);
    if (readers[slot] != 1 || !last_reader[slot]->layer->applies_input_activation()) continue;
    node.derivative_applied_by_next = true;
    last_reader[slot]->input_activation = activation;
  }
}

namespace {

// Whether sums of weights are looked up in less time than all features are multiplied: measured with 16 to
// 256 units and batches of 32 and 256 rows on AVX-512.
bool repays_codes(const kernels::FeatureCodes& codes, int64_t features, int64_t units) noexcept {
  constexpr int64_t kFewestUnits = 16, kFeaturesOfSteps = 16, kFeaturesOfCategory = 8;
  int64_t coded = codes.plain_count, least = 2 * codes.plain_count + 1;
  for (int64_t i = 0; i < codes.run_count; ++i) {
    coded += codes.runs[i].count;
    least += codes.runs[i].steps ? kFeaturesOfSteps : kFeaturesOfCategory;
  }
  // Beside plain features that are multiplied in any case, where none is left out.
  if (coded == features) least -= 2 * codes.plain_count;
  return coded > 0 && features > codes.plain_count && units >= kFewestUnits && features >= least;
}

}  // namespace

// Null where none or several read the slot.
template <class T>
Node<T>* Network<T>::only_reader(int slot) noexcept {
  const auto reads = [&](const Node<T>& node) { return node.input_slot == slot; };
  if (std::count_if(nodes_.begin(), nodes_.end(), reads) != 1) return nullptr;
  return &*std::find_if(nodes_.begin(), nodes_.end(), reads);
}

// A dense layer that alone reads a table's features gets them coded, also where a mask or a scale stands
// between.
template <class T>
void Network<T>::link_codes() {
  for (const Node<T>& node : nodes_) {
    if (node.layer->kind() != LayerKind::kColumnEncoding) continue;
    auto& encoding = static_cast<ColumnEncoding<T>&>(*node.layer);
    const kernels::FeatureCodes* codes = &encoding.feature_codes();
    Node<T>* reader = only_reader(node.output_slot);
    Affine<T>* mask = nullptr;
    if (reader != nullptr && reader->layer->kind() == LayerKind::kAffine) {
      mask = static_cast<Affine<T>*>(reader->layer);
      codes = mask->keep_codes(*codes);
      reader = only_reader(reader->output_slot);
    }
    Node<T>* scale = nullptr;
    if (reader != nullptr && reader->layer->kind() == LayerKind::kScale &&
        static_cast<const Scale<T>&>(*reader->layer).may_pass_codes()) {
      scale = reader;
      reader = only_reader(scale->output_slot);
    }
    if (codes == nullptr || reader == nullptr || reader->layer->kind() != LayerKind::kDense ||
        slot_rows(reader->output_slot) > 1)
      continue;
    const int64_t features = slot_columns_[static_cast<size_t>(node.output_slot)];
    const int64_t units = slot_columns_[static_cast<size_t>(reader->output_slot)];
    if (!repays_codes(*codes, features, units)) continue;
    encoding.write_codes();
    if (mask != nullptr) mask->pass_codes();
    if (scale != nullptr)
      link_scale(*scale, *reader, *codes);
    else
      static_cast<Dense<T>&>(*reader->layer).read_codes(*codes);
  }
}

// The scale learns from the dense layer's gradient tasks, which need no delta of their input.
template <class T>
void Network<T>::link_scale(Node<T>& scale, Node<T>& dense, const kernels::FeatureCodes& codes) {
  const Parameter& factors = parameters_[static_cast<size_t>(scale.first_parameter)];
  static_cast<Scale<T>&>(*scale.layer).pass_codes(codes);
  static_cast<Dense<T>&>(*dense.layer)
      .read_codes(codes, typename Dense<T>::InputScale{factors.offset, factors.trainable});
  scale.gradient_by_next = true;
  if (!dense.learns || !dense.reads_learned || scale.reads_learned) return;
  dense.reads_learned = false;
  training_multiply_adds_ -= dense.layer->multiply_adds();
}

template <class T>
bool Network<T>::sums_codes() const noexcept {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const Node<T>& node) {
    return node.layer->kind() == LayerKind::kColumnEncoding &&
           static_cast<const ColumnEncoding<T>&>(*node.layer).writes_codes();
  });
}

template <class T>
std::vector<int64_t> Network<T>::layer_widths() const {
  std::vector<int64_t> widths;
  widths.reserve(layer_slots_.size());
  for (const int slot : layer_slots_) widths.push_back(slot_columns_[static_cast<size_t>(slot)]);
  return widths;
}

template <class T>
Json Network<T>::spec() const {
  Json::Array layers;
  for (const auto& layer : layers_) layers.push_back(layer->spec());
  return {{"inputs", inputs_}, {"layers", std::move(layers)}};
}

template <class T>
const ActivationSpec& Network<T>::output_activation() const noexcept {
  static const ActivationSpec identity{};
  const ActivationSpec* last = nodes_[member_nodes_ - 1].layer->output_activation();
  return last ? *last : identity;
}

template <class T>
void Network<T>::check_trainable() const {
  for (const Node<T>& node : nodes_) {
    const ActivationSpec* activation = node.layer->output_activation();
    if (activation != nullptr && !activation->is_trainable())
      throw_error(Error::Kind::kValue,
                  {node.name, ": '", activation->name,
                   "' has no derivative to train through; use 'sigmoid' in its place, or "
                   "Perceptron for a single unit"});
  }
}

template <class T>
void Network<T>::check_batch_rows(int64_t rows, const char* where) const {
  if (couples_rows() && rows * members_ < 2)
    throw_error(Error::Kind::kValue,
                {where, ": expected batches of at least 2 rows, since ", nodes_[coupled_.front()].name,
                 " takes mean and variance over the batch, got ", rows});
}

template class Network<float>;
template class Network<double>;

}  // namespace lamina
