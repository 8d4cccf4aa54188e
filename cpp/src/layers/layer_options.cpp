// Describes the options of layers, by which they are read, written and checked.
#include "layers/layer_options.h"

#include <array>
#include <cmath>

#include "layers/describe_options.h"

namespace lamina {

namespace {

struct Names {
  const char *kind, *in_errors;
};
// In the order of LayerKind.
constexpr std::array kNames = {
    Names{"dense", "Dense"},
    Names{"activation", "Activation"},
    Names{"dropout", "Dropout"},
    Names{"batch_norm", "BatchNorm"},
    Names{"residual", "Residual"},
    Names{"alpha_dropout", "AlphaDropout"},
    Names{"gaussian_noise", "GaussianNoise"},
    Names{"prelu", "PReLU"},
    Names{"layer_norm", "LayerNorm"},
    Names{"rms_norm", "RMSNorm"},
    Names{"scale", "Scale"},
    Names{"normalization", "Normalization"},
    Names{"affine", "Affine"},
    Names{"clip", "Clip"},
    Names{"target_scaling", "TargetScaling"},
    Names{"column_encoding", "ColumnEncoding"},
    Names{"parametric_activation", "ParametricActivation"},
    Names{"embedding", "Embedding"},
    Names{"piecewise_linear", "PiecewiseLinear"},
    Names{"periodic", "Periodic"},
    Names{"ensemble", "Ensemble"},
};

// What Affine's numbers stay within.
constexpr double kFarthestAffine = 1e30;

}  // namespace

// Found by the visitors' callers by argument, and so in no namespace without a name.
void describe(OptionVisitor& visitor, ActivationOptions& o) {
  visitor.value("activation", o.activation, read_activation, write_activation, InJson::kRequired);
}

void describe(OptionVisitor& visitor, DropoutOptions& o) {
  visitor.number("rate", o.rate, 0.0, 1.0, InJson::kRequired);
}

void describe(OptionVisitor& visitor, BatchNormOptions& o) {
  visitor.number("momentum", o.momentum, 0.0, 1.0);
  visitor.number("epsilon", o.epsilon, 1e-12, kAnyNumber);
  visitor.boolean("scale", o.scale);
  visitor.boolean("shift", o.shift);
  describe_learning(visitor, o.learning);
}

void describe(OptionVisitor& visitor, ResidualOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.value(
      "projection", o.projection,
      [](const JsonReader& from, const char* name, Projection& value) {
        if (from.at(name).is("auto")) return;
        if (!from.at(name).is_boolean())
          from.fail({"expected projection 'auto', true or false, got ", from.at(name).dump()});
        value = from.boolean(name, false) ? Projection::kAlways : Projection::kNever;
      },
      [](Projection value) {
        return value == Projection::kAuto ? Json("auto") : Json(value == Projection::kAlways);
      });
  visitor.value(
      "layers", o, [](const JsonReader&, const char*, ResidualOptions&) {},
      [](const ResidualOptions&) { return Json(); });
}

void describe(OptionVisitor& visitor, AlphaDropoutOptions& o) {
  visitor.number("rate", o.rate, 0.0, 1.0, InJson::kRequired);
}

void describe(OptionVisitor& visitor, GaussianNoiseOptions& o) {
  visitor.number("deviation", o.deviation, 0.0, 1e6, InJson::kRequired);
}

void describe(OptionVisitor& visitor, PReluOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.number("initial_slope", o.initial_slope, -1e6, 1e6);
  visitor.boolean("shared", o.shared);
}

void describe(OptionVisitor& visitor, ParametricActivationOptions& o) {
  visitor.value("activation", o.activation, read_activation, write_activation, InJson::kRequired);
  describe_learning(visitor, o.learning);
  visitor.number("initial_weight", o.initial_weight, -1e6, 1e6);
}

void describe(OptionVisitor& visitor, LayerNormOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.number("epsilon", o.epsilon, 1e-12, 1.0);
  visitor.boolean("scale", o.scale);
  visitor.boolean("shift", o.shift);
}

void describe(OptionVisitor& visitor, RmsNormOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.number("epsilon", o.epsilon, 1e-12, 1.0);
  visitor.boolean("scale", o.scale);
}

void describe(OptionVisitor& visitor, ScaleOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.number("initial_scale", o.initial_scale, -1e6, 1e6);
  visitor.boolean("shift", o.shift);
}

void describe(OptionVisitor&, NormalizationOptions&) {}

void describe(OptionVisitor& visitor, TargetScalingOptions& o) {
  visitor.boolean("clip", o.clip, InJson::kUnlessDefault);
}

namespace {

// A number or a list of numbers.
const auto read_numbers = [](const JsonReader& from, const char* name, std::vector<double>& values) {
  const Json& json = from.at(name);
  values.clear();
  const auto add = [&](const Json& element) {
    if (!element.is_number())
      from.fail({"expected a number or a list of numbers for '", name, "', got ", element.dump()});
    values.push_back(element.number());
  };
  if (json.is_array()) {
    for (const Json& element : json.elements()) add(element);
  } else {
    add(json);
  }
};
const auto write_numbers = [](const std::vector<double>& values) {
  return values.size() == 1 ? Json(values[0]) : Json(Json::Array(values.begin(), values.end()));
};

}  // namespace

void describe(OptionVisitor& visitor, AffineOptions& o) {
  visitor.value("scale", o.scale, read_numbers, write_numbers);
  visitor.value("offset", o.offset, read_numbers, write_numbers);
}

void describe(OptionVisitor& visitor, ClipOptions& o) {
  const auto read = [](const JsonReader& from, const char* name, double& value) {
    value = from.number(name, std::nullopt);
  };
  const auto write = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  visitor.value("low", o.low, read, write);
  visitor.value("high", o.high, read, write);
}

void check_rest(std::string_view where, const ParametricActivationOptions& o) {
  if (!o.activation.is_elementwise() || !o.activation.is_trainable())
    fail(where, {"expected an elementwise activation that has a derivative, got '", o.activation.name, "'"});
}

void check_rest(std::string_view where, const DropoutOptions& o) {
  if (o.rate >= 1.0) fail(where, {"expected a 'rate' below 1, got 1: nothing would be kept"});
}

void check_rest(std::string_view where, const AffineOptions& o) {
  const auto check = [&](const char* name, const std::vector<double>& values) {
    if (values.empty()) fail(where, {"expected at least one number for '", name, "', got none"});
    for (const double value : values)
      if (!(std::abs(value) <= kFarthestAffine))
        fail(where, {"expected '", name, "' between -1e30 and 1e30, got ", shown(value)});
  };
  check("scale", o.scale);
  check("offset", o.offset);
}

void check_rest(std::string_view where, const ClipOptions& o) {
  if (!std::isfinite(o.low) && !std::isfinite(o.high))
    fail(where, {"expected 'low' or 'high' or both, got neither"});
  if (!(o.low < o.high))
    fail(where, {"expected 'low' below 'high', got ", Json(o.low).dump(), " and ", Json(o.high).dump()});
}

const char* kind_name(LayerKind kind) noexcept { return kNames[static_cast<size_t>(kind)].kind; }
const char* class_name(LayerKind kind) noexcept { return kNames[static_cast<size_t>(kind)].in_errors; }

std::vector<std::string> layer_kinds() {
  std::vector<std::string> kinds;
  for (const Names& names : kNames) kinds.emplace_back(names.kind);
  return kinds;
}

LAMINA_INSTANTIATE_OPTIONS(ActivationOptions)
LAMINA_INSTANTIATE_OPTIONS(DropoutOptions)
LAMINA_INSTANTIATE_OPTIONS(BatchNormOptions)
LAMINA_INSTANTIATE_OPTIONS(ResidualOptions)
LAMINA_INSTANTIATE_OPTIONS(AlphaDropoutOptions)
LAMINA_INSTANTIATE_OPTIONS(GaussianNoiseOptions)
LAMINA_INSTANTIATE_OPTIONS(PReluOptions)
LAMINA_INSTANTIATE_OPTIONS(ParametricActivationOptions)
LAMINA_INSTANTIATE_OPTIONS(LayerNormOptions)
LAMINA_INSTANTIATE_OPTIONS(RmsNormOptions)
LAMINA_INSTANTIATE_OPTIONS(ScaleOptions)
LAMINA_INSTANTIATE_OPTIONS(NormalizationOptions)
LAMINA_INSTANTIATE_OPTIONS(AffineOptions)
LAMINA_INSTANTIATE_OPTIONS(ClipOptions)
LAMINA_INSTANTIATE_OPTIONS(TargetScalingOptions)

}  // namespace lamina
