// The options of every layer by name, with their defaults: what a layer is made from, in C++ or from JSON.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "layers/activation_spec.h"
#include "layers/initializer.h"
#include "layers/learning.h"

namespace lamina {

class Json;

// Columns that a network or a layer takes or gives.
inline constexpr int64_t kMostColumns = int64_t{1} << 24;

enum class LayerKind {
  kDense,
  kActivation,
  kDropout,
  kBatchNorm,
  kResidual,
  kAlphaDropout,
  kGaussianNoise,
  kPRelu,
  kLayerNorm,
  kRmsNorm,
  kScale,
  kNormalization,
  kAffine,
  kClip,
  kTargetScaling,
  kColumnEncoding,
  kParametricActivation,
};

// The name in JSON, such as "layer_norm"; and the one in errors, as Python has it: "LayerNorm".
const char* kind_name(LayerKind kind) noexcept;
const char* class_name(LayerKind kind) noexcept;
// The names in JSON of all layers.
std::vector<std::string> layer_kinds();

// kNtk: the product is divided by sqrt(inputs), so that weights of variance 1 keep the variance of what goes
// in (Jacot et al. 2018).
enum class Parametrization { kStandard, kNtk };

struct DenseOptions {
  static constexpr LayerKind kKind = LayerKind::kDense;
  int64_t units = 0;
  ActivationSpec activation = {};
  bool bias = true;
  std::optional<InitializerSpec> initializer = {};  // none: default_initializer(options)
  InitializerSpec bias_initializer{"zeros"};
  double l1 = 0.0, l2 = 0.0;
  double max_norm = 0.0;  // of each unit's incoming weights; 0: no limit
  bool non_negative = false;
  LearningOptions learning = {};
  double bias_rate_factor = 1.0, bias_decay_factor = 1.0;  // of the biases, beside those of the layer
  Parametrization parametrization = Parametrization::kStandard;
};
// "normal" with NTK parametrisation, else that of the activation.
InitializerSpec default_initializer(const DenseOptions& options);

struct ActivationOptions {
  static constexpr LayerKind kKind = LayerKind::kActivation;
  ActivationSpec activation = {};
};

struct DropoutOptions {
  static constexpr LayerKind kKind = LayerKind::kDropout;
  double rate = 0.0;
};

struct BatchNormOptions {
  static constexpr LayerKind kKind = LayerKind::kBatchNorm;
  double momentum = 0.1, epsilon = 1e-5;
  bool scale = true, shift = true;
  LearningOptions learning = {};
};

enum class Projection { kAuto, kAlways, kNever };

// Beside the layers inside the block.
struct ResidualOptions {
  static constexpr LayerKind kKind = LayerKind::kResidual;
  Projection projection = Projection::kAuto;
  LearningOptions learning = {};  // the projection's
};

struct AlphaDropoutOptions {
  static constexpr LayerKind kKind = LayerKind::kAlphaDropout;
  double rate = 0.0;
};

struct GaussianNoiseOptions {
  static constexpr LayerKind kKind = LayerKind::kGaussianNoise;
  double deviation = 0.0;
};

struct PReluOptions {
  static constexpr LayerKind kKind = LayerKind::kPRelu;
  double initial_slope = 0.25;
  bool shared = false;
  LearningOptions learning = {};
};

struct ParametricActivationOptions {
  static constexpr LayerKind kKind = LayerKind::kParametricActivation;
  ActivationSpec activation = {};  // elementwise
  double initial_weight = 1.0;
  LearningOptions learning = {};
};

struct LayerNormOptions {
  static constexpr LayerKind kKind = LayerKind::kLayerNorm;
  double epsilon = 1e-5;
  bool scale = true, shift = true;
  LearningOptions learning = {};
};

struct RmsNormOptions {
  static constexpr LayerKind kKind = LayerKind::kRmsNorm;
  double epsilon = 1e-6;
  bool scale = true;
  LearningOptions learning = {};
};

struct ScaleOptions {
  static constexpr LayerKind kKind = LayerKind::kScale;
  double initial_scale = 1.0;
  bool shift = false;
  LearningOptions learning = {};
};

struct NormalizationOptions {
  static constexpr LayerKind kKind = LayerKind::kNormalization;
};

struct AffineOptions {
  static constexpr LayerKind kKind = LayerKind::kAffine;
  std::vector<double> scale{1.0}, offset{0.0};  // one number, or one a column
};

struct ClipOptions {
  static constexpr LayerKind kKind = LayerKind::kClip;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

struct TargetScalingOptions {
  static constexpr LayerKind kKind = LayerKind::kTargetScaling;
  bool clip = false;  // predictions to the range of the targets that scale and shift were taken from
};

// One column of a table in compact form; kernels::ColumnCode says what becomes of it.
struct ColumnOptions {
  kernels::ColumnKind kind = kernels::ColumnKind::kNumber;
  bool indicator = false;
  int64_t count = 0;          // categories
  std::vector<double> edges;  // numbers: none, or at least two, rising
  double limit = 0.0, fill = 0.0;
  double center = 0.0, scale = 1.0;  // dates
};

struct ColumnEncodingOptions {
  static constexpr LayerKind kKind = LayerKind::kColumnEncoding;
  std::vector<ColumnOptions> columns;
};

// The one reader, writer and check of each of these structs but ResidualOptions, whose layers stand in the
// same JSON (layer_factory.cpp). Checks raise kValue and name the layer.
template <class Options>
Options options_from_json(const Json& json);
template <class Options>
Json options_to_json(const Options& options);
template <class Options>
void check_options(const Options& options);

}  // namespace lamina
