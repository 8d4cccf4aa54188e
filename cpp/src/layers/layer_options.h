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
// Of one column: the codes that float holds.
inline constexpr int64_t kMostCategories = int64_t{1} << 24;

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
  kEmbedding,
  kPiecewiseLinear,
  kPeriodic,
  kEnsemble,
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

// Layers that turn chosen columns of their input into `units` columns each, in their place, and pass the
// others on. Columns rise.
struct EmbeddingOptions {
  static constexpr LayerKind kKind = LayerKind::kEmbedding;
  std::vector<int64_t> columns, categories;  // of each column its codes 0, 1, ..., categories - 1
  int64_t units = 0;
  double deviation = 1.0;  // of the first weights
  bool sparse = false;     // rows without a gradient rest, whatever the optimizer
  LearningOptions learning = {};
};

// kA: a linear map of the encoding; kB: of the number and of the encoding, the latter zero at first.
enum class PiecewiseVersion { kA, kB };

struct PiecewiseLinearOptions {
  static constexpr LayerKind kKind = LayerKind::kPiecewiseLinear;
  std::vector<int64_t> columns;
  std::vector<std::vector<double>> edges;  // of each column, rising
  int64_t units = 0;
  PiecewiseVersion version = PiecewiseVersion::kB;
  ActivationSpec activation = {};  // identity, or relu after version A
  LearningOptions learning = {};
};

inline constexpr int64_t kMostFrequencies = 128, kMostWaveUnits = 128;

// kPlr: a linear map of cosines and sines; kPbld: the number, then a linear map of cosines with phases.
enum class PeriodicForm { kPlr, kPbld };

struct PeriodicOptions {
  static constexpr LayerKind kKind = LayerKind::kPeriodic;
  // With the defaults of that form's paper.
  static PeriodicOptions of(PeriodicForm form) {
    PeriodicOptions options;
    options.form = form;
    if (form == PeriodicForm::kPlr) options.units = 24, options.frequencies = 48, options.sigma = 0.01;
    return options;
  }
  std::vector<int64_t> columns;
  PeriodicForm form = PeriodicForm::kPbld;
  int64_t units = 4;  // the number among them, where it is kept
  int64_t frequencies = 16;
  double sigma = 0.1;                             // deviation of the first frequencies
  bool shared = false;                            // one linear map for all columns
  std::optional<ActivationSpec> activation = {};  // identity or relu; none: relu after kPlr
  LearningOptions learning = {};
};

// Which layers have factors of each member's own: the first alone (TabM-mini), or all dense ones (TabM).
enum class Adapters { kFirst, kAll };
// First values of the factors of the inputs: 1 or -1, or normal numbers.
enum class FirstScales { kSigns, kNormal };

// Beside the layers of the stack.
struct EnsembleOptions {
  static constexpr LayerKind kKind = LayerKind::kEnsemble;
  int64_t k = 32;
  Adapters adapters = Adapters::kFirst;
  FirstScales first_scales = FirstScales::kSigns;
  std::vector<int64_t> chunks = {};  // widths of inputs that share a first value; none: each has its own
  LearningOptions learning = {};     // the factors'
};

// The one reader, writer and check of each of these structs but those of blocks, whose layers stand in the
// same JSON (layer_factory.cpp). Checks raise kValue and name the layer.
template <class Options>
Options options_from_json(const Json& json);
template <class Options>
Json options_to_json(const Options& options);
template <class Options>
void check_options(const Options& options);

}  // namespace lamina
