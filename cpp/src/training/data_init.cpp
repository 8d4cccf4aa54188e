// First weights from data.
#include "training/data_init.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/function_ref.h"
#include "base/poll.h"
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
std::vector<int64_t> drawn_rows(int64_t rows, int64_t most, const DataInitOptions& options) {
  std::vector<int64_t> drawn;
  if (rows <= most) return drawn;
  RandomSequence sequence(stream_of(options, 0, kChosen));
  for (int64_t i = 0; i < most; ++i)
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
  // 0 where the products differ by no more than their rounding.
  double deviation() const {
    const double first = (*this)[0], count = static_cast<double>(rows_);
    double mean = 0.0, squares = 0.0;
    for (int64_t r = 0; r < rows_; ++r) mean += (*this)[r] - first;
    mean /= count;
    for (int64_t r = 0; r < rows_; ++r) squares += ((*this)[r] - first - mean) * ((*this)[r] - first - mean);
    const double found = std::sqrt(squares / count);
    constexpr double kRounding = 8.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
    return found > kRounding * std::abs(first + mean) ? found : 0.0;
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

// The network's weights in a copy, which dense layers change one after the other.
template <class T>
class FirstWeights {
 public:
  FirstWeights(const Network<T>& network, const ArraySource& inputs, const DataInitOptions& options,
               Poll poll)
      : network_(network),
        options_(options),
        most_(std::max<int64_t>(1, kMostRows / network.members())),
        drawn_(drawn_rows(inputs.rows, most_, options)),
        rows_(drawn_.empty() ? inputs.rows : most_),
        weights_(network.flat_size()),
        workspace_(network, rows_, WorkspaceUse::kInference),
        ask_(poll),
        poll_(poll, false) {
    std::copy_n(network.weights(), network.flat_size(), weights_.data());
    const Slot<T>& input = workspace_.input();
    gather_inputs(network.kernels(), network.row_offset(weights_.data()), inputs,
                  drawn_.empty() ? nullptr : drawn_.data(), 0, rows_, input.values, input.row_stride);
  }

  // False where the poll has stopped it.
  bool fit() {
    const NetworkPass<T> pass{.workspace = workspace_, .parameters = weights_.data()};
    for (size_t i = 0; i < network_.nodes().size(); ++i) {
      if (ask_(static_cast<int64_t>(i))) return false;
      const Node<T>& node = network_.nodes()[i];
      if (node.layer->kind() == LayerKind::kDense && node.learns && !fit_layer(node)) return false;
      const auto forward = [&](int64_t first, int64_t rows) {
        NetworkPass<T> tile = pass;
        tile.first_row = first;
        tile.rows = rows;
        network_.forward_part(tile, i, 0, 1);
      };
      if (!each_tile(forward)) return false;
    }
    return true;
  }
  const T* weights() const noexcept { return weights_.data(); }

 private:
  bool each_tile(FunctionRef<void(int64_t, int64_t)> run) {
    constexpr int64_t kTile = 256;
    for (int64_t first = 0; first < rows_; first += kTile) {
      if (poll_(first)) return false;
      run(first, std::min(kTile, rows_ - first));
    }
    return true;
  }

  // The layer's products with the rows, before its bias and activation, into its output slot.
  bool multiply(const Node<T>& node) {
    const int64_t times = network_.slot_rows(node.output_slot);
    return each_tile([&](int64_t first, int64_t rows) {
      node.layer->forward({.kernels = network_.kernels(),
                           .parameters = weights_.data(),
                           .input = workspace_.slot(node.input_slot),
                           .output = workspace_.slot(node.output_slot),
                           .first_row = first * times,
                           .rows = rows * times,
                           .layer_index = node.layer_index,
                           .skips_activation = true});
    });
  }

  bool fit_layer(const Node<T>& node) {
    const Parameter& weight = network_.parameters()[static_cast<size_t>(node.first_parameter)];
    const Parameter* bias = node.parameter_count > 1 ? &weight + 1 : nullptr;
    std::vector<T> matrix(static_cast<size_t>(weight.element_count()));
    std::vector<T> offsets(static_cast<size_t>(weight.outputs)), zeros(offsets.size(), T(0));
    unpack_parameter(weight, weights_.data(), matrix.data());
    if (bias != nullptr) {
      unpack_parameter(*bias, weights_.data(), offsets.data());
      pack_parameter(*bias, zeros.data(), weights_.data());
    }
    if (!multiply(node)) return false;
    RandomSequence chosen(stream_of(options_, node.layer_index, kRows));
    for (int64_t unit = 0; unit < weight.outputs; ++unit) {
      if (poll_(unit)) return false;
      fit_unit(node, unit, weight.shape[1], matrix.data(), chosen, offsets[static_cast<size_t>(unit)]);
    }
    pack_parameter(weight, matrix.data(), weights_.data());
    if (bias != nullptr) pack_parameter(*bias, offsets.data(), weights_.data());
    return true;
  }

  void fit_unit(const Node<T>& node, int64_t unit, int64_t inputs, T* matrix, RandomSequence& chosen,
                T& offset) const {
    const int64_t rows = rows_ * network_.slot_rows(node.output_slot);
    const UnitRows<T> product(workspace_.slot(node.output_slot), rows, unit);
    const double deviation = product.deviation();
    if (!(deviation > 0.0) || !std::isfinite(deviation)) return;
    const double factor = options_.scale ? 1.0 / deviation : 1.0;
    const auto scaled = [&](T element) { return static_cast<T>(static_cast<double>(element) * factor); };
    T *first = matrix + unit * inputs, *last = first + inputs;
    if (!std::all_of(first, last, [&](T element) { return std::isfinite(scaled(element)); })) return;
    std::transform(first, last, first, scaled);
    if (options_.bias_rows == 0) return;
    const RandomStream shares = stream_of(options_, node.layer_index, kShares);
    offset = static_cast<T>(-factor * product.random_mean(options_.bias_rows, chosen, shares));
  }

  const Network<T>& network_;
  const DataInitOptions& options_;
  int64_t most_;  // rows to look at: layers of an ensemble see one once for each member
  std::vector<int64_t> drawn_;
  int64_t rows_;
  AlignedBuffer<T> weights_;
  Workspace<T> workspace_;
  Poll ask_;        // at each layer
  TimedPoll poll_;  // within one
};

}  // namespace

template <class T>
bool initialize_from_data(Model<T>& model, const ArraySource& inputs, const DataInitOptions& options,
                          Poll poll) {
  if (inputs.rows < 1)
    throw_error(Error::Kind::kValue, {"adapt_weights: expected at least one row, got none"});
  if (options.bias_rows < 0)
    throw_error(Error::Kind::kValue,
                {"adapt_weights: expected bias_rows of at least 0, got ", options.bias_rows});
  const auto training = model.hold_training();
  FirstWeights<T> first(model.network(), inputs, options, poll);
  if (!first.fit()) return false;
  model.set_weights(first.weights());
  return true;
}

template bool initialize_from_data(Model<float>&, const ArraySource&, const DataInitOptions&, Poll);
template bool initialize_from_data(Model<double>&, const ArraySource&, const DataInitOptions&, Poll);

}  // namespace lamina
