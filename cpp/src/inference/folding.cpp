// Leaves out, joins and folds layers.
#include "inference/folding.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "layers/residual.h"

namespace lamina {

namespace {

using Values = std::vector<double>;

// A layer's description and its parameters as users see them, in the network's order.
struct Part {
  Json spec;
  std::vector<Values> parameters;
  bool is(const char* kind) const { return spec.at("kind").is(kind); }
  bool is_linear() const { return is("dense") && spec.at("activation").is("identity"); }
};

// y = scale x + shift
struct Affine {
  Values scale, shift;
};

Affine affine_of(const Part& batch_norm) {
  const double epsilon = batch_norm.spec.at("epsilon").number();
  const bool scales = batch_norm.spec.at("scale").boolean(), shifts = batch_norm.spec.at("shift").boolean();
  const std::vector<Values>& parameters = batch_norm.parameters;
  const Values &mean = parameters[parameters.size() - 2], &variance = parameters.back();
  Affine affine;
  for (size_t i = 0; i < mean.size(); ++i) {
    const double scale = (scales ? parameters[0][i] : 1.0) / std::sqrt(variance[i] + epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back((shifts ? parameters[scales ? 1 : 0][i] : 0.0) - mean[i] * scale);
  }
  return affine;
}

// Its weight [outputs, inputs] and its bias, which it has from now on.
std::pair<Values&, Values&> weight_and_bias(Part& dense) {
  if (dense.parameters.size() == 1)
    dense.parameters.emplace_back(static_cast<size_t>(dense.spec.at("units").integer()), 0.0);
  dense.spec["bias"] = true;
  return {dense.parameters[0], dense.parameters[1]};
}

void fold_after(Part& dense, const Affine& affine) {
  auto [weight, bias] = weight_and_bias(dense);
  const size_t inputs = weight.size() / bias.size();
  for (size_t i = 0; i < weight.size(); ++i) weight[i] *= affine.scale[i / inputs];
  for (size_t o = 0; o < bias.size(); ++o) bias[o] = bias[o] * affine.scale[o] + affine.shift[o];
}

void fold_before(const Affine& affine, Part& dense) {
  auto [weight, bias] = weight_and_bias(dense);
  const size_t inputs = weight.size() / bias.size();
  for (size_t i = 0; i < weight.size(); ++i) {
    bias[i / inputs] += weight[i] * affine.shift[i % inputs];
    weight[i] *= affine.scale[i % inputs];
  }
}

void append(std::vector<Part>& kept, Part part) {
  const bool after_linear = !kept.empty() && kept.back().is_linear();
  const bool after_batch_norm = !kept.empty() && kept.back().is("batch_norm");
  if (part.is("activation") && after_linear) {
    kept.back().spec["activation"] = part.spec.at("activation");
  } else if (part.is("batch_norm") && after_linear) {
    fold_after(kept.back(), affine_of(part));
  } else if (part.is("dense") && after_batch_norm) {
    fold_before(affine_of(kept.back()), part);
    kept.back() = std::move(part);
  } else {
    kept.push_back(std::move(part));
  }
}

template <class T>
bool has_batch_norm(const std::vector<std::unique_ptr<Layer<T>>>& layers) {
  return std::any_of(layers.begin(), layers.end(), [](const auto& layer) {
    const Residual<T>* block = layer->as_residual();
    return block != nullptr ? has_batch_norm(block->layers())
                            : layer->kind() == std::string_view("batch_norm");
  });
}

template <class T>
class Folder {
 public:
  // Parameters are read only where something is folded into them.
  Folder(const T* weights, bool reads) : weights_(weights), reads_(reads) {}

  std::vector<Part> fold(const std::vector<std::unique_ptr<Layer<T>>>& layers) const {
    std::vector<Part> kept;
    for (const auto& layer : layers)
      if (!layer->vanishes_in_inference()) append(kept, part_of(*layer));
    if (kept.empty()) kept.push_back({Json{{"kind", "activation"}, {"activation", "identity"}}, {}});
    return kept;
  }

 private:
  Part part_of(Layer<T>& layer) const {
    Part part{layer.spec(), {}};
    if (Residual<T>* block = layer.as_residual()) {
      Json::Array layers;
      for (Part& inner : fold(block->layers())) {
        layers.push_back(std::move(inner.spec));
        for (Values& values : inner.parameters) part.parameters.push_back(std::move(values));
      }
      part.spec["layers"] = std::move(layers);
      read(block->skip(), part.parameters);
    } else {
      read(layer, part.parameters);
    }
    return part;
  }

  void read(const Layer<T>& layer, std::vector<Values>& out) const {
    if (!reads_) return;
    for (const Parameter& parameter : layer.parameters()) {
      std::vector<T> dense(static_cast<size_t>(parameter.element_count()));
      unpack_parameter(parameter, weights_, dense.data());
      out.emplace_back(dense.begin(), dense.end());
    }
  }

  const T* weights_;
  bool reads_;
};

}  // namespace

template <class T>
Network<T> inference_network(const Network<T>& network, const T* weights) {
  const bool folds = has_batch_norm(network.layers());
  std::vector<Part> parts = Folder<T>(weights, folds).fold(network.layers());
  Json::Array layers;
  for (Part& part : parts) layers.push_back(std::move(part.spec));
  const Json spec = {{"inputs", network.inputs()}, {"layers", std::move(layers)}};
  // Without folding, parameters and their order stay as they are.
  if (!folds) return Network<T>(spec, weights);
  Network<T> folded(spec, nullptr);
  size_t index = 0;
  for (const Part& part : parts)
    for (const Values& values : part.parameters) {
      const std::vector<T> dense(values.begin(), values.end());
      folded.set_parameter(index++, dense.data());
    }
  return folded;
}

template Network<float> inference_network(const Network<float>&, const float*);
template Network<double> inference_network(const Network<double>&, const double*);

}  // namespace lamina
