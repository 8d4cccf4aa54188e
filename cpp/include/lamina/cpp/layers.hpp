// The layers that a network is made of, each a struct of options with Python's names and defaults.
#pragma once

#include <lamina/cpp/activations.hpp>
#include <lamina/cpp/encodings.hpp>

#include <map>

namespace lamina {
inline namespace v1 {

// Any of the layers below, as a value.
class Layer {
 public:
  template <detail::Describes<detail::LayerRole> T>
  Layer(const T& layer) : description_(detail::description_of(layer)) {  // NOLINT: a list of layers is plain
    if constexpr (requires { layer.layers; }) {
      within_ = layer.layers;
      is_block_ = true;
    }
  }
  [[nodiscard]] const detail::Description& description() const noexcept { return description_; }
  // Whether it holds layers, and those.
  [[nodiscard]] bool is_block() const noexcept { return is_block_; }
  [[nodiscard]] const std::vector<Layer>& within() const noexcept { return within_; }

 private:
  detail::Description description_;
  std::vector<Layer> within_ = {};
  bool is_block_ = false;
};

// Fully connected: f(x W' + b), [rows, inputs] -> [rows, units].
struct Dense {
  static constexpr detail::KindOf<detail::LayerRole> kind{"dense"};
  detail::Integer units = 0;
  std::optional<ActivationFunction> activation = {};
  detail::Flag bias = {};
  std::optional<Initializer> initializer = {}, bias_initializer = {};
  detail::Flag trainable = {};
  detail::Number l1 = {}, l2 = {}, max_norm = {};
  detail::Flag non_negative = {};
  detail::Number rate_factor = {}, decay_factor = {}, bias_rate_factor = {}, bias_decay_factor = {};
  detail::Text parametrization = {};  // "standard" or "ntk"

  void describe(detail::Collector& to) const {
    to("units", units)("activation", activation)("bias", bias)("initializer", initializer)(
        "bias_initializer", bias_initializer)("trainable", trainable)("l1", l1)("l2", l2)(
        "max_norm", max_norm)("non_negative", non_negative)("rate_factor", rate_factor)(
        "decay_factor", decay_factor)("bias_rate_factor", bias_rate_factor)(
        "bias_decay_factor", bias_decay_factor)("parametrization", parametrization);
  }
};

// An activation as a layer of its own.
struct Activation {
  static constexpr detail::KindOf<detail::LayerRole> kind{"activation"};
  ActivationFunction activation = "identity";
  void describe(detail::Collector& to) const { to("activation", activation); }
};

struct Dropout {
  static constexpr detail::KindOf<detail::LayerRole> kind{"dropout"};
  double rate = 0.0;
  void describe(detail::Collector& to) const { to("rate", rate); }
};

// Dropout for selu networks (Klambauer et al. 2017).
struct AlphaDropout {
  static constexpr detail::KindOf<detail::LayerRole> kind{"alpha_dropout"};
  double rate = 0.0;
  void describe(detail::Collector& to) const { to("rate", rate); }
};

struct GaussianNoise {
  static constexpr detail::KindOf<detail::LayerRole> kind{"gaussian_noise"};
  double deviation = 0.0;
  void describe(detail::Collector& to) const { to("deviation", deviation); }
};

struct BatchNorm {
  static constexpr detail::KindOf<detail::LayerRole> kind{"batch_norm"};
  detail::Number momentum = {}, epsilon = {};
  detail::Flag scale = {}, shift = {}, trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    to("momentum", momentum)("epsilon", epsilon)("scale", scale)("shift", shift)("trainable", trainable)(
        "rate_factor", rate_factor)("decay_factor", decay_factor);
  }
};

struct LayerNorm {
  static constexpr detail::KindOf<detail::LayerRole> kind{"layer_norm"};
  detail::Number epsilon = {};
  detail::Flag scale = {}, shift = {}, trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    to("epsilon", epsilon)("scale", scale)("shift", shift)("trainable", trainable)(
        "rate_factor", rate_factor)("decay_factor", decay_factor);
  }
};

struct RMSNorm {
  static constexpr detail::KindOf<detail::LayerRole> kind{"rms_norm"};
  detail::Number epsilon = {};
  detail::Flag scale = {}, trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    to("epsilon", epsilon)("scale", scale)("trainable", trainable)("rate_factor", rate_factor)("decay_factor",
                                                                                               decay_factor);
  }
};

// Parametric ReLU, with learned slopes (He et al. 2015).
struct PReLU {
  static constexpr detail::KindOf<detail::LayerRole> kind{"prelu"};
  detail::Number initial_slope = {};
  detail::Flag shared = {}, trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    to("initial_slope", initial_slope)("shared", shared)("trainable", trainable)("rate_factor", rate_factor)(
        "decay_factor", decay_factor);
  }
};

// z + (f(z) - z) weight, with a learned weight a unit (Holzmueller et al. 2024).
struct ParametricActivation {
  static constexpr detail::KindOf<detail::LayerRole> kind{"parametric_activation"};
  ActivationFunction activation = "relu";
  detail::Number initial_weight = {};
  detail::Flag trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    to("activation", activation)("initial_weight", initial_weight)("trainable", trainable)(
        "rate_factor", rate_factor)("decay_factor", decay_factor);
  }
};

// A learned factor for each column, and with `shift` an offset.
struct Scale {
  static constexpr detail::KindOf<detail::LayerRole> kind{"scale"};
  detail::Number initial_scale = {};
  detail::Flag shift = {}, trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    to("initial_scale", initial_scale)("shift", shift)("trainable", trainable)("rate_factor", rate_factor)(
        "decay_factor", decay_factor);
  }
};

// (x - mean) / deviation of each input; as the first layer it takes both from the first rows of `fit`.
struct Normalization {
  static constexpr detail::KindOf<detail::LayerRole> kind{"normalization"};
  void describe(detail::Collector&) const {}
};

// The last layer of a network that scales its targets, as {.scale_targets = true} adds it.
struct TargetScaling {
  static constexpr detail::KindOf<detail::LayerRole> kind{"target_scaling"};
  detail::Flag clip = {};
  void describe(detail::Collector& to) const { to("clip", clip); }
};

// Fixed: x scale + offset, numbers for all columns or for each.
struct Affine {
  static constexpr detail::KindOf<detail::LayerRole> kind{"affine"};
  std::optional<detail::Numbers> scale = {}, offset = {};
  void describe(detail::Collector& to) const { to("scale", scale)("offset", offset); }
};

struct Clip {
  static constexpr detail::KindOf<detail::LayerRole> kind{"clip"};
  detail::Number low = {}, high = {};
  void describe(detail::Collector& to) const { to("low", low)("high", high); }
};

// A table's columns into features; the first layer. A missing value is NaN.
struct ColumnEncoding {
  static constexpr detail::KindOf<detail::LayerRole> kind{"column_encoding"};
  std::vector<Encoding> columns = {};
  void describe(detail::Collector& to) const { to("columns", columns); }
};

// Codes of categories as rows of a learned table; `columns` tells the categories of each: {{3, 12}, {5, 40}}.
struct Embedding {
  static constexpr detail::KindOf<detail::LayerRole> kind{"embedding"};
  std::map<std::int64_t, std::int64_t> columns = {};
  detail::Integer units = 0;
  detail::Flag sparse = {};
  detail::Number deviation = {};
  detail::Flag trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    std::vector<std::int64_t> numbers, categories;
    for (const auto& [column, count] : columns) {
      numbers.push_back(column);
      categories.push_back(count);
    }
    to("columns", numbers)("categories", categories)("units", units)("sparse", sparse)(
        "deviation", deviation)("trainable", trainable)("rate_factor", rate_factor)("decay_factor",
                                                                                    decay_factor);
  }
};

// Numbers by where they lie among the edges of their column: {{0, {-1.0, 0.0, 1.0}}}.
struct PiecewiseLinear {
  static constexpr detail::KindOf<detail::LayerRole> kind{"piecewise_linear"};
  std::map<std::int64_t, std::vector<double>> edges = {};
  detail::Integer units = 0;
  detail::Text version = {};  // "A" or "B"
  std::optional<ActivationFunction> activation = {};
  detail::Flag trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    std::vector<std::int64_t> numbers;
    std::vector<std::vector<double>> lists;
    for (const auto& [column, list] : edges) {
      numbers.push_back(column);
      lists.push_back(list);
    }
    to("columns", numbers)("edges", lists)("units", units)("version", version)("activation", activation)(
        "trainable", trainable)("rate_factor", rate_factor)("decay_factor", decay_factor);
  }
};

// Numbers as waves of learned frequencies.
struct Periodic {
  static constexpr detail::KindOf<detail::LayerRole> kind{"periodic"};
  std::vector<std::int64_t> columns = {};
  detail::Text form = {};  // "pbld" or "plr"
  detail::Whole units = {}, frequencies = {};
  detail::Number sigma = {};
  detail::Flag shared = {};
  std::optional<ActivationFunction> activation = {};
  detail::Flag trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    to("columns", columns)("form", form)("units", units)("frequencies", frequencies)("sigma", sigma)(
        "shared", shared)("activation", activation)("trainable", trainable)("rate_factor", rate_factor)(
        "decay_factor", decay_factor);
  }
};

// inner(x) + x, or a learned projection of x where the widths differ (He et al. 2016).
struct Residual {
  static constexpr detail::KindOf<detail::LayerRole> kind{"residual"};
  std::vector<Layer> layers = {};
  std::optional<std::variant<bool, std::string>> projection = {};  // "auto", true or false
  detail::Flag trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    to("projection", projection)("trainable", trainable)("rate_factor", rate_factor)("decay_factor",
                                                                                     decay_factor);
  }
};

// `k` networks that share all layers but the last (TabM, Gorishniy et al. 2025); the last layer of a network.
struct Ensemble {
  static constexpr detail::KindOf<detail::LayerRole> kind{"ensemble"};
  std::vector<Layer> layers = {};
  detail::Whole k = {};
  detail::Text adapters = {};      // "first" or "all"
  detail::Text first_scales = {};  // "signs" or "normal"
  std::optional<std::vector<std::int64_t>> chunks = {};
  detail::Flag trainable = {};
  detail::Number rate_factor = {}, decay_factor = {};

  void describe(detail::Collector& to) const {
    to("k", k)("adapters", adapters)("first_scales", first_scales)("chunks", chunks)("trainable", trainable)(
        "rate_factor", rate_factor)("decay_factor", decay_factor);
  }
};

}  // namespace v1
}  // namespace lamina
