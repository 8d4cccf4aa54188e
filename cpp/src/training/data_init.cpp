// First weights from data.
#include "training/data_init.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "network/workspace.h"

namespace lamina {

namespace {

constexpr int64_t kMostRows = 4096;
// Kinds of random numbers beside those of first weights and biases.
constexpr uint32_t kRows = 5, kShares = 6, kChosen = 7;

RandomStream stream_of(const DataInitOptions& options, uint32_t layer_index, uint32_t kind) {
  return {options.seed, StreamTag::kInitialise, layer_index * 8 + kind};
}

// Rows to look at; empty: all of them.
std::vector<int64_t> drawn_rows(int64_t rows, const DataInitOptions& options) {
  std::vector<int64_t> drawn;
  if (rows <= kMostRows) return drawn;
  RandomSequence sequence(stream_of(options, 0, kChosen));
  for (int64_t i = 0; i < kMostRows; ++i)
    drawn.push_back(static_cast<int64_t>(sequence.bounded(static_cast<uint64_t>(rows))));
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

// Of one unit's product z with each of the rows.
template <class T>
class UnitRows {
 public:
  UnitRows(const Slot<T>& slot, int64_t rows, int64_t unit) : slot_(slot), rows_(rows), unit_(unit) {}

  double operator[](int64_t row) const {
    return static_cast<double>(slot_.values[row * slot_.row_stride + unit_]);
  }
  // Of equal products exactly 0.
  double deviation() const {
    const double first = (*this)[0], count = static_cast<double>(rows_);
    double mean = 0.0, squares = 0.0;
    for (int64_t r = 0; r < rows_; ++r) mean += (*this)[r] - first;
    mean /= count;
    for (int64_t r = 0; r < rows_; ++r) squares += ((*this)[r] - first - mean) * ((*this)[r] - first - mean);
    return std::sqrt(squares / count);
  }
  // Of `count` rows with shares that are uniform on the simplex.
  double random_mean(int64_t count, RandomSequence& chosen, const RandomStream& shares) const {
    double sum = 0.0, total = 0.0;
    for (int64_t i = 0; i < count; ++i) {
      const double share = -std::log1p(-shares.uniform_double(static_cast<uint64_t>(unit_ * count + i)));
      sum += share * (*this)[static_cast<int64_t>(chosen.bounded(static_cast<uint64_t>(rows_)))];
      total += share;
    }
    return total > 0.0 ? sum / total : 0.0;
  }

 private:
  const Slot<T>& slot_;
  int64_t rows_, unit_;
};

// One dense layer whose inputs are in the workspace.
template <class T>
void fit_layer(const Network<T>& network, const Node<T>& node, const Workspace<T>& workspace, int64_t rows,
               const DataInitOptions& options, T* weights) {
  const Parameter& weight = network.parameters()[static_cast<size_t>(node.first_parameter)];
  const Parameter* bias = node.parameter_count > 1 ? &weight + 1 : nullptr;
  std::vector<T> matrix(static_cast<size_t>(weight.element_count()));
  std::vector<T> offsets(static_cast<size_t>(weight.outputs)), zeros(offsets.size(), T(0));
  unpack_parameter(weight, weights, matrix.data());
  if (bias != nullptr) {
    unpack_parameter(*bias, weights, offsets.data());
    pack_parameter(*bias, zeros.data(), weights);
  }
  const Slot<T>& output = workspace.slot(node.output_slot);
  node.layer->forward({.kernels = network.kernels(),
                       .parameters = weights,
                       .input = workspace.slot(node.input_slot),
                       .output = output,
                       .rows = rows,
                       .layer_index = node.layer_index,
                       .skips_activation = true});
  RandomSequence chosen(stream_of(options, node.layer_index, kRows));
  const RandomStream shares = stream_of(options, node.layer_index, kShares);
  const int64_t inputs = weight.shape[1];
  for (int64_t unit = 0; unit < weight.outputs; ++unit) {
    const UnitRows<T> product(output, rows, unit);
    const double deviation = product.deviation();
    if (!(deviation > 0.0) || !std::isfinite(deviation)) continue;
    const double factor = options.scale ? 1.0 / deviation : 1.0;
    T* own = matrix.data() + unit * inputs;
    const auto scaled = [&](T element) { return static_cast<T>(static_cast<double>(element) * factor); };
    if (!std::all_of(own, own + inputs, [&](T element) { return std::isfinite(scaled(element)); })) continue;
    std::transform(own, own + inputs, own, scaled);
    if (options.bias_rows > 0)
      offsets[static_cast<size_t>(unit)] =
          static_cast<T>(-factor * product.random_mean(options.bias_rows, chosen, shares));
  }
  pack_parameter(weight, matrix.data(), weights);
  if (bias != nullptr) pack_parameter(*bias, offsets.data(), weights);
}

}  // namespace

template <class T>
bool initialize_from_data(Model<T>& model, const ArraySource& inputs, const DataInitOptions& options,
                          Poll poll) {
  if (inputs.rows < 1) throw Error(Error::Kind::kValue, "adapt_weights: expected at least one row, got none");
  if (options.bias_rows < 0)
    throw Error(Error::Kind::kValue,
                "adapt_weights: expected bias_rows of at least 0, got " + std::to_string(options.bias_rows));
  const auto training = model.hold_training();
  const Network<T>& network = model.network();
  AlignedBuffer<T> weights(network.flat_size());
  std::copy_n(network.weights(), network.flat_size(), weights.data());
  const std::vector<int64_t> drawn = drawn_rows(inputs.rows, options);
  const int64_t rows = drawn.empty() ? inputs.rows : kMostRows;
  Workspace<T> workspace(network, rows, WorkspaceUse::kInference);
  gather_inputs(network.kernels(), network.row_offset(weights.data()), inputs,
                drawn.empty() ? nullptr : drawn.data(), 0, rows, workspace.input().values,
                workspace.input().row_stride);
  const NetworkPass<T> pass{.workspace = workspace, .parameters = weights.data(), .rows = rows};
  for (size_t i = 0; i < network.nodes().size(); ++i) {
    if (poll(static_cast<int64_t>(i))) return false;
    const Node<T>& node = network.nodes()[i];
    if (node.layer->kind() == LayerKind::kDense && node.learns)
      fit_layer(network, node, workspace, rows, options, weights.data());
    network.forward_part(pass, i, 0, 1);
  }
  model.set_weights(weights.data());
  return true;
}

template bool initialize_from_data(Model<float>&, const ArraySource&, const DataInitOptions&, Poll);
template bool initialize_from_data(Model<double>&, const ArraySource&, const DataInitOptions&, Poll);

}  // namespace lamina
