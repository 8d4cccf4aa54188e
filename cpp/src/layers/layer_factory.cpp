// Makes layers from their options, or from the JSON of those.
#include <utility>

#include "base/json_reader.h"
#include "base/text.h"
#include "layers/activation_layer.h"
#include "layers/batch_norm.h"
#include "layers/column_encoding.h"
#include "layers/dense.h"
#include "layers/dropout.h"
#include "layers/embedding.h"
#include "layers/ensemble.h"
#include "layers/fixed_rows.h"
#include "layers/noise.h"
#include "layers/parametric_activation.h"
#include "layers/periodic.h"
#include "layers/piecewise_linear.h"
#include "layers/prelu.h"
#include "layers/residual.h"
#include "layers/row_norm.h"
#include "layers/scale.h"
#include "layers/target_scaling.h"

namespace lamina {

// One line adds a layer.
#define LAMINA_LAYERS(ENTRY)                               \
  ENTRY(DenseOptions, Dense)                               \
  ENTRY(ActivationOptions, ActivationLayer)                \
  ENTRY(DropoutOptions, Dropout)                           \
  ENTRY(BatchNormOptions, BatchNormLayer)                  \
  ENTRY(AlphaDropoutOptions, AlphaDropout)                 \
  ENTRY(GaussianNoiseOptions, GaussianNoise)               \
  ENTRY(PReluOptions, PRelu)                               \
  ENTRY(ParametricActivationOptions, ParametricActivation) \
  ENTRY(LayerNormOptions, RowNorm)                         \
  ENTRY(RmsNormOptions, RowNorm)                           \
  ENTRY(ScaleOptions, Scale)                               \
  ENTRY(NormalizationOptions, Normalization)               \
  ENTRY(AffineOptions, Affine)                             \
  ENTRY(ClipOptions, Clip)                                 \
  ENTRY(TargetScalingOptions, TargetScaling)               \
  ENTRY(ColumnEncodingOptions, ColumnEncoding)             \
  ENTRY(EmbeddingOptions, Embedding)                       \
  ENTRY(PiecewiseLinearOptions, PiecewiseLinear)           \
  ENTRY(PeriodicOptions, Periodic)

namespace {

template <class T, class Options>
struct LayerOf;
#define LAMINA_ENTRY(Options, Class) \
  template <class T>                 \
  struct LayerOf<T, Options> {       \
    using Type = Class<T>;           \
  };
LAMINA_LAYERS(LAMINA_ENTRY)
#undef LAMINA_ENTRY

template <class T>
std::vector<std::unique_ptr<Layer<T>>> layers_from_json(const Json& json, LayerKind block) {
  std::vector<std::unique_ptr<Layer<T>>> layers;
  for (const Json& layer : JsonReader(json, class_name(block)).list("layers", "layer"))
    layers.push_back(make_layer<T>(layer));
  return layers;
}

}  // namespace

template <class T, class Options>
std::unique_ptr<Layer<T>> make_layer(const Options& options) {
  return std::make_unique<typename LayerOf<T, Options>::Type>(options);
}

template <class T>
std::unique_ptr<Layer<T>> make_residual(std::vector<std::unique_ptr<Layer<T>>> layers,
                                        const ResidualOptions& options) {
  return std::make_unique<Residual<T>>(std::move(layers), options);
}

template <class T>
std::unique_ptr<Layer<T>> make_ensemble(std::vector<std::unique_ptr<Layer<T>>> layers,
                                        const EnsembleOptions& options) {
  return std::make_unique<Ensemble<T>>(std::move(layers), options);
}

template <class T>
std::unique_ptr<Layer<T>> make_layer(const Json& json) {
  const JsonReader spec(json, "layer");
  const std::string kind = spec.text("kind");
  if (kind == kind_name(LayerKind::kResidual)) {
    const auto options = options_from_json<ResidualOptions>(json);
    return make_residual<T>(layers_from_json<T>(json, LayerKind::kResidual), options);
  }
  if (kind == kind_name(LayerKind::kEnsemble)) {
    const auto options = options_from_json<EnsembleOptions>(json);
    return make_ensemble<T>(layers_from_json<T>(json, LayerKind::kEnsemble), options);
  }
#define LAMINA_ENTRY(Options, Class) \
  if (kind == kind_name(Options::kKind)) return make_layer<T>(options_from_json<Options>(json));
  LAMINA_LAYERS(LAMINA_ENTRY)
#undef LAMINA_ENTRY
  spec.fail({"unknown kind '", kind, "'; expected one of ", join(layer_kinds())});
}

#define LAMINA_INSTANTIATE(T)                                                              \
  template std::unique_ptr<Layer<T>> make_layer(const Json&);                              \
  template std::unique_ptr<Layer<T>> make_residual(std::vector<std::unique_ptr<Layer<T>>>, \
                                                   const ResidualOptions&);                \
  template std::unique_ptr<Layer<T>> make_ensemble(std::vector<std::unique_ptr<Layer<T>>>, \
                                                   const EnsembleOptions&);
LAMINA_INSTANTIATE(float)
LAMINA_INSTANTIATE(double)
#undef LAMINA_INSTANTIATE
#define LAMINA_ENTRY(Options, Class)                                        \
  template std::unique_ptr<Layer<float>> make_layer<float>(const Options&); \
  template std::unique_ptr<Layer<double>> make_layer<double>(const Options&);
LAMINA_LAYERS(LAMINA_ENTRY)
#undef LAMINA_ENTRY

}  // namespace lamina
