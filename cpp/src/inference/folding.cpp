// Leaves out, joins and folds layers.
#include "inference/folding.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "layers/batch_norm.h"
#include "layers/dense.h"
#include "layers/ensemble.h"
#include "layers/residual.h"

namespace lamina {

namespace {

using Values = std::vector<double>;

// A layer to be, and its parameters as users see them, in the network's order.
template <class T>
struct Part {
  LayerKind kind;
  std::unique_ptr<Layer<T>> layer = {};  // but for the two below, which folding changes
  DenseOptions dense = {};
  BatchNormOptions batch_norm = {};
  std::vector<Values> parameters = {};

  bool is_linear() const { return kind == LayerKind::kDense && dense.activation.is_identity(); }
};

// y = scale x + shift
struct Affine {
  Values scale, shift;
};

Affine affine_of(const BatchNormOptions& options, const std::vector<Values>& parameters) {
  const Values &mean = parameters[parameters.size() - 2], &variance = parameters.back();
  Affine affine;
  for (size_t i = 0; i < mean.size(); ++i) {
    const double scale = (options.scale ? parameters[0][i] : 1.0) / std::sqrt(variance[i] + options.epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back((options.shift ? parameters[options.scale ? 1 : 0][i] : 0.0) - mean[i] * scale);
  }
  return affine;
}

// Its weight [outputs, inputs] and its bias, which it has from now on.
template <class T>
std::pair<Values&, Values&> weight_and_bias(Part<T>& dense) {
  if (dense.parameters.size() == 1)
    dense.parameters.emplace_back(static_cast<size_t>(dense.dense.units), 0.0);
  dense.dense.bias = true;
  return {dense.parameters[0], dense.parameters[1]};
}

template <class T>
void fold_after(Part<T>& dense, const Affine& affine) {
  auto [weight, bias] = weight_and_bias(dense);
  const size_t inputs = weight.size() / bias.size();
  for (size_t i = 0; i < weight.size(); ++i) weight[i] *= affine.scale[i / inputs];
  for (size_t o = 0; o < bias.size(); ++o) bias[o] = bias[o] * affine.scale[o] + affine.shift[o];
}

template <class T>
void fold_before(const Affine& affine, Part<T>& dense) {
  auto [weight, bias] = weight_and_bias(dense);
  const size_t inputs = weight.size() / bias.size();
  for (size_t i = 0; i < weight.size(); ++i) {
    bias[i / inputs] += weight[i] * affine.shift[i % inputs];
    weight[i] *= affine.scale[i % inputs];
  }
}

// Weights of NTK parametrisation to those of the product alone.
template <class T>
void fold_gain(Part<T>& dense) {
  if (dense.dense.parametrization == Parametrization::kStandard) return;
  Values& weight = dense.parameters[0];
  const double inputs = static_cast<double>(weight.size()) / static_cast<double>(dense.dense.units);
  for (double& value : weight) value /= std::sqrt(inputs);
  dense.dense.parametrization = Parametrization::kStandard;
}

template <class T>
void append(std::vector<Part<T>>& kept, Part<T> part) {
  const bool after_linear = !kept.empty() && kept.back().is_linear();
  const bool after_batch_norm = !kept.empty() && kept.back().kind == LayerKind::kBatchNorm;
  if (part.kind == LayerKind::kDense) fold_gain(part);
  if (part.kind == LayerKind::kActivation && after_linear) {
    kept.back().dense.activation = *part.layer->output_activation();
  } else if (part.kind == LayerKind::kBatchNorm && after_linear) {
    fold_after(kept.back(), affine_of(part.batch_norm, part.parameters));
  } else if (part.kind == LayerKind::kDense && after_batch_norm) {
    fold_before(affine_of(kept.back().batch_norm, kept.back().parameters), part);
    kept.back() = std::move(part);
  } else {
    kept.push_back(std::move(part));
  }
}

template <class T>
std::unique_ptr<Layer<T>> layer_of(Part<T>& part) {
  if (part.kind == LayerKind::kDense) return make_layer<T>(part.dense);
  if (part.kind == LayerKind::kBatchNorm) return make_layer<T>(part.batch_norm);
  return std::move(part.layer);
}

// Whether parameters change where these layers are folded.
template <class T>
bool changes_parameters(const std::vector<std::unique_ptr<Layer<T>>>& layers) {
  return std::any_of(layers.begin(), layers.end(), [](const auto& layer) {
    if (const Residual<T>* block = layer->as_residual()) return changes_parameters(block->layers());
    if (const Ensemble<T>* ensemble = layer->as_ensemble()) return changes_parameters(ensemble->layers());
    if (layer->kind() != LayerKind::kDense) return layer->kind() == LayerKind::kBatchNorm;
    return static_cast<const Dense<T>&>(*layer).options().parametrization != Parametrization::kStandard;
  });
}

template <class T>
class Folder {
 public:
  // Parameters are read only where something is folded into them.
  Folder(const Network<T>& network, const T* weights, bool reads)
      : network_(network), weights_(weights), reads_(reads) {}

  std::vector<Part<T>> fold(const std::vector<std::unique_ptr<Layer<T>>>& layers) const {
    std::vector<Part<T>> kept;
    for (const auto& layer : layers)
      if (!layer->vanishes_in_inference()) append(kept, part_of(*layer));
    if (kept.empty() && !layers.empty()) {
      Part<T> identity{.kind = LayerKind::kActivation};
      identity.layer = make_layer<T>(ActivationOptions{});
      kept.push_back(std::move(identity));
    }
    return kept;
  }

 private:
  Part<T> part_of(Layer<T>& layer) const {
    if (Ensemble<T>* ensemble = layer.as_ensemble()) return ensemble_of(*ensemble);
    Part<T> part{.kind = layer.kind()};
    if (Residual<T>* block = layer.as_residual()) {
      std::vector<std::unique_ptr<Layer<T>>> layers = fold_into(part, block->layers());
      part.layer = make_residual<T>(std::move(layers), block->options());
      read(block->skip(), part.parameters);
      return part;
    }
    read(layer, part.parameters);
    if (part.kind == LayerKind::kDense) {
      part.dense = static_cast<const Dense<T>&>(layer).options();
    } else if (part.kind == LayerKind::kBatchNorm) {
      part.batch_norm = static_cast<const BatchNormLayer<T>&>(layer).options();
    } else {
      part.layer = layer.unbuilt_copy();
    }
    return part;
  }

  // The folded inner layers of a block, whose parameters become the block's.
  std::vector<std::unique_ptr<Layer<T>>> fold_into(
      Part<T>& block, const std::vector<std::unique_ptr<Layer<T>>>& inner) const {
    std::vector<std::unique_ptr<Layer<T>>> layers;
    for (Part<T>& part : fold(inner)) {
      layers.push_back(layer_of(part));
      for (Values& values : part.parameters) block.parameters.push_back(std::move(values));
    }
    return layers;
  }

  // Dense layers with adapters take in no batch normalisation.
  Part<T> ensemble_of(Ensemble<T>& ensemble) const {
    Part<T> part{.kind = ensemble.kind()};
    std::vector<std::unique_ptr<Layer<T>>> layers;
    if (ensemble.adapts_all()) {
      for (const auto& layer : ensemble.layers())
        if (!layer->vanishes_in_inference()) layers.push_back(layer->unbuilt_copy());
      read_under(ensemble, part.parameters);
    } else {
      read(ensemble.expand(), part.parameters);
      layers = fold_into(part, ensemble.layers());
      read(ensemble.heads(), part.parameters);
    }
    layers.push_back(make_layer<T>(ensemble.head()));
    part.layer = make_ensemble<T>(std::move(layers), ensemble.options());
    return part;
  }

  void read(const Parameter& parameter, std::vector<Values>& out) const {
    std::vector<T> dense(static_cast<size_t>(parameter.element_count()));
    unpack_parameter(parameter, weights_, dense.data());
    out.emplace_back(dense.begin(), dense.end());
  }
  void read(const Layer<T>& layer, std::vector<Values>& out) const {
    if (!reads_) return;
    for (const Parameter& parameter : layer.parameters()) read(parameter, out);
  }
  // All parameters of one of the network's layers.
  void read_under(const Layer<T>& layer, std::vector<Values>& out) const {
    if (!reads_) return;
    const auto& layers = network_.layers();
    const auto found = std::ranges::find_if(layers, [&](const auto& own) { return own.get() == &layer; });
    const std::string name = concat({"layers.", found - layers.begin(), "."});
    for (const Parameter& parameter : network_.parameters())
      if (parameter.name.starts_with(name)) read(parameter, out);
  }

  const Network<T>& network_;
  const T* weights_;
  bool reads_;
};

}  // namespace

template <class T>
Network<T> inference_network(const Network<T>& network, const T* weights) {
  const bool folds = changes_parameters(network.layers());
  std::vector<Part<T>> parts = Folder<T>(network, weights, folds).fold(network.layers());
  std::vector<std::unique_ptr<Layer<T>>> layers;
  for (Part<T>& part : parts) layers.push_back(layer_of(part));
  // Without folding, parameters and their order stay as they are.
  Network<T> folded(network.inputs(), std::move(layers), folds ? nullptr : weights);
  size_t index = 0;
  for (const Part<T>& part : parts)
    for (const Values& values : part.parameters) {
      const std::vector<T> dense(values.begin(), values.end());
      folded.set_parameter(index++, dense.data());
    }
  return folded;
}

template Network<float> inference_network(const Network<float>&, const float*);
template Network<double> inference_network(const Network<double>&, const double*);

}  // namespace lamina
