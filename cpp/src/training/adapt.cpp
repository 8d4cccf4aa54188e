// Means and deviations of columns, and what layers keep of them.
#include "training/adapt.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/text.h"
#include "kernels/dispatch.h"

namespace lamina {
namespace {

// A spread below this share of the mean is rounding, not data.
constexpr double kConstant = 1e-13;
// Numbers looked at together, so that no copy of a large array is made.
constexpr int64_t kChunk = int64_t{1} << 16;

struct Moments {
  std::vector<double> mean, deviation, least, most;  // least and most of rows with a weight above 0
};

// Reads rows in chunks, in double.
class Chunks {
 public:
  explicit Chunks(const ArraySource& source)
      : source_(source),
        stride_(padded_columns<double>(source.columns)),
        rows_(std::max<int64_t>(kChunk / std::max<int64_t>(stride_, 1), 1)),
        values_(rows_ * stride_) {}

  template <class Use>
  void each(Use use) {
    for (int64_t first = 0; first < source_.rows; first += rows_) {
      const int64_t rows = std::min(rows_, source_.rows - first);
      gather_inputs<double>(kernels::kernels<double>(), {}, source_, nullptr, first, rows, values_.data(),
                            stride_);
      use(first, rows);
    }
  }
  const double* row(int64_t index) const noexcept { return values_.data() + index * stride_; }

 private:
  const ArraySource& source_;
  int64_t stride_, rows_;
  AlignedBuffer<double> values_;
};

// Weighted, with chunks joined as Chan, Golub & LeVeque (1979) do. Constant columns have deviation 0.
Moments moments(const ArraySource& x, const double* weights) {
  const auto columns = static_cast<std::size_t>(x.columns);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Moments found{std::vector<double>(columns), std::vector<double>(columns),
                std::vector<double>(columns, kInfinity), std::vector<double>(columns, -kInfinity)};
  std::vector<double> own(columns), lost(columns), spread(columns), squares(columns);
  double total = 0.0;
  Chunks chunks(x);
  chunks.each([&](int64_t first, int64_t rows) {
    const auto weight_of = [&](int64_t i) { return weights == nullptr ? 1.0 : weights[first + i]; };
    double weight = 0.0;
    for (auto* sums : {&own, &lost, &spread}) std::fill(sums->begin(), sums->end(), 0.0);
    for (int64_t i = 0; i < rows; ++i) {
      const double share = weight_of(i), *row = chunks.row(i);
      weight += share;
      if (share == 0.0) continue;
      for (std::size_t j = 0; j < columns; ++j) {
        own[j] += share * row[j];
        found.least[j] = std::min(found.least[j], row[j]);
        found.most[j] = std::max(found.most[j], row[j]);
      }
    }
    if (weight == 0.0) return;
    for (double& value : own) value /= weight;
    // What the first sums lost to rounding.
    for (int64_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) lost[j] += weight_of(i) * (chunks.row(i)[j] - own[j]);
    for (std::size_t j = 0; j < columns; ++j) own[j] += lost[j] / weight;
    for (int64_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) {
        const double distance = chunks.row(i)[j] - own[j];
        spread[j] += weight_of(i) * (distance * distance);
      }
    for (std::size_t j = 0; j < columns; ++j) {
      const double apart = own[j] - found.mean[j];
      squares[j] += spread[j] + apart * apart * (total * weight / (total + weight));
      found.mean[j] += apart * (weight / (total + weight));
    }
    total += weight;
  });
  for (std::size_t j = 0; j < columns; ++j) {
    found.deviation[j] = std::sqrt(squares[j] / total);
    if (found.deviation[j] <= kConstant * std::abs(found.mean[j])) found.deviation[j] = 0.0;
  }
  return found;
}

template <class T>
void check_range(const std::vector<double>& figures, const char* name) {
  for (std::size_t j = 0; j < figures.size(); ++j)
    if (!(std::abs(figures[j]) <= static_cast<double>(std::numeric_limits<T>::max())))
      throw_error(Error::Kind::kValue, {"adapt: the ", name, " of column ", j, " is beyond ",
                                        (sizeof(T) == 4 ? "float32" : "float64"), "'s range"});
}

template <class T>
std::vector<double> rounded(std::vector<double> values) {
  for (double& value : values) value = static_cast<double>(static_cast<T>(value));
  return values;
}

// The place of a parameter of the network by its whole name; -1 where there is none.
template <class T>
int64_t place_of(const Network<T>& network, const std::string& name) {
  const std::vector<Parameter>& parameters = network.parameters();
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == name; });
  return found == parameters.end() ? -1 : found - parameters.begin();
}

template <class T>
std::string last_layer(const Network<T>& network) {
  return concat({"layers.", network.layers().size() - 1});
}

// Whether a layer's figures are those it began with: 0 to subtract, and 1 to divide by.
template <class T>
bool is_new(const Model<T>& model, const std::string& layer, const char* offset, const char* divisor) {
  bool is_new = true;
  model.read([&](const Network<T>& network, const T* weights) {
    const auto all = [&](const std::string& name, T value) {
      const auto index = place_of(network, concat({layer, ".", name}));
      const Parameter& parameter = network.parameters()[static_cast<std::size_t>(index)];
      std::vector<T> values(static_cast<std::size_t>(parameter.element_count()));
      unpack_parameter(parameter, weights, values.data());
      return std::all_of(values.begin(), values.end(), [&](T found) { return found == value; });
    };
    is_new = all("rows", T{0}) && all(offset, T{0}) && all(divisor, T{1});
  });
  return is_new;
}

// Targets as they lie in memory.
template <class T>
ArraySource source_of(const Targets<T>& targets, int64_t rows) {
  if (targets.classes != nullptr)
    return {targets.classes, kernels::SourceType::kI32, rows, 1, sizeof(int32_t), sizeof(int32_t)};
  return {targets.values,
          sizeof(T) == 4 ? kernels::SourceType::kF32 : kernels::SourceType::kF64,
          rows,
          targets.columns,
          targets.row_stride * static_cast<int64_t>(sizeof(T)),
          static_cast<int64_t>(sizeof(T))};
}

template <class T>
void set_figures(Model<T>& model, const AdaptedFigures& figures) {
  std::vector<std::vector<T>> values;
  for (const auto& [name, numbers] : figures) values.emplace_back(numbers.begin(), numbers.end());
  std::vector<std::pair<std::size_t, const T*>> changes;
  for (std::size_t i = 0; i < figures.size(); ++i)
    changes.emplace_back(static_cast<std::size_t>(place_of(model.network(), figures[i].first)),
                         values[i].data());
  if (!changes.empty()) model.set_parameters(changes);
}

}  // namespace

template <class T>
AdaptedFigures normalization_figures(const std::string& layer, const ArraySource& x, const double* weights) {
  const Moments found = moments(x, weights);
  check_range<T>(found.mean, "mean");
  check_range<T>(found.deviation, "deviation");
  const std::vector<double> high = rounded<T>(found.mean);
  std::vector<double> low = found.mean;
  for (std::size_t j = 0; j < low.size(); ++j) low[j] -= high[j];
  return {{concat({layer, ".mean"}), high},
          {concat({layer, ".mean_low"}), rounded<T>(std::move(low))},
          {concat({layer, ".deviation"}), rounded<T>(found.deviation)},
          {concat({layer, ".rows"}), rounded<T>({static_cast<double>(x.rows)})}};
}

template <class T>
AdaptedFigures target_scaling_figures(const Network<T>& network, const ArraySource& targets,
                                      const double* weights, bool gaussian) {
  const auto outputs = static_cast<std::size_t>(network.outputs()),
             columns = static_cast<std::size_t>(targets.columns);
  if (columns == 0 || (!gaussian && columns != 1 && columns != outputs))
    throw_error(Error::Kind::kValue,
                {"fit: expected ", outputs, " columns of targets to scale, one an output, got ", columns});
  Moments found = moments(targets, weights);
  check_range<T>(found.mean, "targets' mean");
  check_range<T>(found.deviation, "targets' deviation");
  for (double& value : found.deviation)
    if (value == 0.0) value = 1.0;
  // Further outputs are log variances: of targets k times as large they are 2 log k more, without limits.
  const double limit = static_cast<double>(std::numeric_limits<T>::max()) / 2.0;
  std::vector<double> scale(outputs, 1.0), shift(outputs), low(outputs, -limit), high(outputs, limit);
  for (std::size_t i = 0; i < outputs; ++i) {
    const std::size_t j = columns == 1 && !gaussian ? 0 : i % columns;
    if (gaussian && i >= columns) {
      shift[i] = 2.0 * std::log(found.deviation[j]);
      continue;
    }
    scale[i] = found.deviation[j];
    shift[i] = found.mean[j];
    low[i] = found.least[j];
    high[i] = found.most[j];
  }
  const std::string layer = last_layer(network);
  AdaptedFigures figures{{concat({layer, ".scale"}), rounded<T>(std::move(scale))},
                         {concat({layer, ".shift"}), rounded<T>(std::move(shift))},
                         {concat({layer, ".rows"}), rounded<T>({static_cast<double>(targets.rows)})}};
  if (place_of(network, concat({layer, ".low"})) < 0) return figures;
  figures.emplace_back(concat({layer, ".low"}), rounded<T>(std::move(low)));
  figures.emplace_back(concat({layer, ".high"}), rounded<T>(std::move(high)));
  return figures;
}

template <class T>
bool wants_normalization(const Model<T>& model) {
  return model.network().layers().front()->kind() == LayerKind::kNormalization &&
         is_new(model, "layers.0", "mean", "deviation");
}

template <class T>
bool wants_target_scaling(const Model<T>& model) {
  return model.network().target_scaling() != nullptr &&
         is_new(model, last_layer(model.network()), "shift", "scale");
}

template <class T>
void adapt_ends(Model<T>& model, const DataSet<T>& data, const LossSpec* loss) {
  AdaptedFigures figures;
  if (wants_normalization(model) && data.inputs.sparse != nullptr)
    throw Error(
        Error::Kind::kValue,
        "fit: expected dense rows for a Normalization without means of its own, got sparse ones, which "
        "subtracting a mean fills; leave Normalization out and scale the columns");
  if (wants_normalization(model))
    figures = normalization_figures<T>("layers.0", data.inputs, data.sample_weights);
  if (wants_target_scaling(model)) {
    const bool gaussian = loss != nullptr && loss->name == "gaussian_negative_log_likelihood";
    AdaptedFigures last = target_scaling_figures(model.network(), source_of(data.targets, data.inputs.rows),
                                                 data.sample_weights, gaussian);
    figures.insert(figures.end(), std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()));
  }
  set_figures(model, figures);
}

template AdaptedFigures normalization_figures<float>(const std::string&, const ArraySource&, const double*);
template AdaptedFigures normalization_figures<double>(const std::string&, const ArraySource&, const double*);
template AdaptedFigures target_scaling_figures(const Network<float>&, const ArraySource&, const double*,
                                               bool);
template AdaptedFigures target_scaling_figures(const Network<double>&, const ArraySource&, const double*,
                                               bool);
template bool wants_normalization(const Model<float>&);
template bool wants_normalization(const Model<double>&);
template bool wants_target_scaling(const Model<float>&);
template bool wants_target_scaling(const Model<double>&);
template void adapt_ends(Model<float>&, const DataSet<float>&, const LossSpec*);
template void adapt_ends(Model<double>&, const DataSet<double>&, const LossSpec*);

}  // namespace lamina
