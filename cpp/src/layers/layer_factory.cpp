// Builds layers from their descriptions; one line adds a kind.
#include <array>

#include "base/json_reader.h"
#include "layers/activation_layer.h"
#include "layers/batch_norm.h"
#include "layers/column_encoding.h"
#include "layers/dense.h"
#include "layers/dropout.h"
#include "layers/fixed_rows.h"
#include "layers/noise.h"
#include "layers/prelu.h"
#include "layers/residual.h"
#include "layers/row_norm.h"
#include "layers/scale.h"
#include "layers/target_scaling.h"

namespace lamina {

namespace {

template <class T, class L>
std::unique_ptr<Layer<T>> construct(const Json& spec) {
  return std::make_unique<L>(spec);
}

template <class T>
struct Entry {
  const char* kind;
  std::unique_ptr<Layer<T>> (*make)(const Json&);
};

template <class T>
constexpr std::array kEntries = {
    Entry<T>{"dense", construct<T, Dense<T>>},
    Entry<T>{"activation", construct<T, ActivationLayer<T>>},
    Entry<T>{"dropout", construct<T, Dropout<T>>},
    Entry<T>{"batch_norm", construct<T, BatchNormLayer<T>>},
    Entry<T>{"residual", construct<T, Residual<T>>},
    Entry<T>{"alpha_dropout", construct<T, AlphaDropout<T>>},
    Entry<T>{"gaussian_noise", construct<T, GaussianNoise<T>>},
    Entry<T>{"prelu", construct<T, PRelu<T>>},
    Entry<T>{"layer_norm", construct<T, RowNorm<T>>},
    Entry<T>{"rms_norm", construct<T, RowNorm<T>>},
    Entry<T>{"scale", construct<T, Scale<T>>},
    Entry<T>{"normalization", construct<T, Normalization<T>>},
    Entry<T>{"affine", construct<T, Affine<T>>},
    Entry<T>{"clip", construct<T, Clip<T>>},
    Entry<T>{"target_scaling", construct<T, TargetScaling<T>>},
    Entry<T>{"column_encoding", construct<T, ColumnEncoding<T>>},
};

}  // namespace

template <class T>
std::unique_ptr<Layer<T>> make_layer(const Json& json) {
  const JsonReader spec(json, "layer");
  const std::string kind = spec.text("kind");
  for (const Entry<T>& entry : kEntries<T>)
    if (kind == entry.kind) return entry.make(json);
  spec.fail("unknown kind '" + kind + "'; expected one of " + join(layer_kinds()));
}

std::vector<std::string> layer_kinds() {
  std::vector<std::string> kinds;
  for (const Entry<float>& entry : kEntries<float>) kinds.emplace_back(entry.kind);
  return kinds;
}

template std::unique_ptr<Layer<float>> make_layer(const Json&);
template std::unique_ptr<Layer<double>> make_layer(const Json&);

}  // namespace lamina
