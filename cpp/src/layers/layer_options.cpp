// Describes the options of layers, by which they are read, written and checked.
#include "layers/layer_options.h"

#include <array>
#include <cmath>

#include "layers/describe_options.h"

namespace lamina {

namespace {

using kernels::ColumnKind;

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
};

// Where the kernels of column encodings clip their inputs, and what Affine's numbers stay within.
constexpr double kFarthest = 1e15, kFarthestAffine = 1e30;

}  // namespace

// Found by the visitors' callers by argument, and so in no namespace without a name.
template <class Visitor>
void describe(Visitor& visitor, ActivationOptions& o) {
  visitor.value("activation", o.activation, read_activation, write_activation, InJson::kRequired);
}

template <class Visitor>
void describe(Visitor& visitor, DropoutOptions& o) {
  visitor.number("rate", o.rate, 0.0, 1.0, InJson::kRequired);
}

template <class Visitor>
void describe(Visitor& visitor, BatchNormOptions& o) {
  visitor.number("momentum", o.momentum, 0.0, 1.0);
  visitor.number("epsilon", o.epsilon, 1e-12, kAnyNumber);
  visitor.boolean("scale", o.scale);
  visitor.boolean("shift", o.shift);
  describe_learning(visitor, o.learning);
}

template <class Visitor>
void describe(Visitor& visitor, ResidualOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.value(
      "projection", o.projection,
      [](const JsonReader& from, const char* name, Projection& value) {
        if (from.at(name).is("auto")) return;
        if (!from.at(name).is_boolean())
          from.fail("expected projection 'auto', true or false, got " + from.at(name).dump());
        value = from.boolean(name, false) ? Projection::kAlways : Projection::kNever;
      },
      [](Projection value) {
        return value == Projection::kAuto ? Json("auto") : Json(value == Projection::kAlways);
      });
  visitor.value(
      "layers", o, [](const JsonReader&, const char*, ResidualOptions&) {},
      [](const ResidualOptions&) { return Json(); });
}

template <class Visitor>
void describe(Visitor& visitor, AlphaDropoutOptions& o) {
  visitor.number("rate", o.rate, 0.0, 1.0, InJson::kRequired);
}

template <class Visitor>
void describe(Visitor& visitor, GaussianNoiseOptions& o) {
  visitor.number("deviation", o.deviation, 0.0, 1e6, InJson::kRequired);
}

template <class Visitor>
void describe(Visitor& visitor, PReluOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.number("initial_slope", o.initial_slope, -1e6, 1e6);
  visitor.boolean("shared", o.shared);
}

template <class Visitor>
void describe(Visitor& visitor, ParametricActivationOptions& o) {
  visitor.value("activation", o.activation, read_activation, write_activation, InJson::kRequired);
  describe_learning(visitor, o.learning);
  visitor.number("initial_weight", o.initial_weight, -1e6, 1e6);
}

template <class Visitor>
void describe(Visitor& visitor, LayerNormOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.number("epsilon", o.epsilon, 1e-12, 1.0);
  visitor.boolean("scale", o.scale);
  visitor.boolean("shift", o.shift);
}

template <class Visitor>
void describe(Visitor& visitor, RmsNormOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.number("epsilon", o.epsilon, 1e-12, 1.0);
  visitor.boolean("scale", o.scale);
}

template <class Visitor>
void describe(Visitor& visitor, ScaleOptions& o) {
  describe_learning(visitor, o.learning);
  visitor.number("initial_scale", o.initial_scale, -1e6, 1e6);
  visitor.boolean("shift", o.shift);
}

template <class Visitor>
void describe(Visitor&, NormalizationOptions&) {}
template <class Visitor>
void describe(Visitor& visitor, TargetScalingOptions& o) {
  visitor.boolean("clip", o.clip, InJson::kUnlessDefault);
}

namespace {

// A number or a list of numbers.
const auto read_numbers = [](const JsonReader& from, const char* name, std::vector<double>& values) {
  const Json& json = from.at(name);
  values.clear();
  const auto add = [&](const Json& element) {
    if (!element.is_number())
      from.fail(std::string("expected a number or a list of numbers for '") + name + "', got " +
                element.dump());
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

template <class Visitor>
void describe(Visitor& visitor, AffineOptions& o) {
  visitor.value("scale", o.scale, read_numbers, write_numbers);
  visitor.value("offset", o.offset, read_numbers, write_numbers);
}

template <class Visitor>
void describe(Visitor& visitor, ClipOptions& o) {
  const auto read = [](const JsonReader& from, const char* name, double& value) {
    value = from.number(name, std::nullopt);
  };
  const auto write = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  visitor.value("low", o.low, read, write);
  visitor.value("high", o.high, read, write);
}

namespace {

const char* name_of(ColumnKind kind) noexcept {
  return kind == ColumnKind::kCategory ? "category" : kind == ColumnKind::kDate ? "date" : "number";
}

const auto read_edges = [](const JsonReader& from, const char* name, std::vector<double>& edges) {
  const Json& list = from.at(name);
  if (!list.is_array()) from.fail("expected a list of numbers for 'edges', got " + list.dump());
  for (const Json& element : list.elements()) {
    if (!element.is_number())
      from.fail("expected numbers between -1e15 and 1e15 for 'edges', got " + element.dump());
    edges.push_back(element.number());
  }
};
const auto write_edges = [](const std::vector<double>& edges) {
  return Json(Json::Array(edges.begin(), edges.end()));
};

}  // namespace

template <class Visitor>
void describe(Visitor& visitor, ColumnOptions& o) {
  visitor.boolean("indicator", o.indicator);
  if (o.kind == ColumnKind::kCategory)
    return visitor.integer("count", o.count, 1, kMostColumns, InJson::kRequired);
  if (o.kind == ColumnKind::kNumber) visitor.value("edges", o.edges, read_edges, write_edges);
  visitor.number("limit", o.limit, 0.0, 1e6);
  if (o.kind == ColumnKind::kDate) {
    visitor.number("center", o.center, -kFarthest, kFarthest);
    visitor.number("scale", o.scale, 1.0 / kFarthest, kFarthest);
  }
  visitor.number("fill", o.fill, -kFarthest, kFarthest);
}

namespace {

std::string column_place(size_t index) { return "ColumnEncoding, column " + std::to_string(index); }

ColumnOptions read_column(const Json& json, const std::string& where) {
  const std::string kind = JsonReader(json, where).text("kind");
  for (const ColumnKind known : {ColumnKind::kNumber, ColumnKind::kCategory, ColumnKind::kDate})
    if (kind == name_of(known)) return read_options<ColumnOptions>(json, where, {.kind = known, .edges = {}});
  JsonReader(json, where).fail("unknown kind '" + kind + "'; expected one of number, category, date");
}

// The same kind on both sides: its description has the same options.
Json write_column(ColumnOptions column) {
  Json json = {{"kind", name_of(column.kind)}};
  OptionWriter own;
  describe(own, column);
  own.take(json, own);
  return json;
}

}  // namespace

template <class Visitor>
void describe(Visitor& visitor, ColumnEncodingOptions& o) {
  visitor.value(
      "columns", o.columns,
      [](const JsonReader& from, const char* name, std::vector<ColumnOptions>& columns) {
        for (const Json& column : from.list(name, "column"))
          columns.push_back(read_column(column, column_place(columns.size())));
      },
      [](const std::vector<ColumnOptions>& columns) {
        Json::Array list;
        for (const ColumnOptions& column : columns) list.push_back(write_column(column));
        return Json(std::move(list));
      },
      InJson::kRequired);
}

void check_rest(const std::string& where, const ParametricActivationOptions& o) {
  if (!o.activation.is_elementwise() || !o.activation.is_trainable())
    fail(where, "expected an elementwise activation that has a derivative, got '" + o.activation.name + "'");
}

void check_rest(const std::string& where, const DropoutOptions& o) {
  if (o.rate >= 1.0) fail(where, "expected a 'rate' below 1, got 1: nothing would be kept");
}

void check_rest(const std::string& where, const AffineOptions& o) {
  const auto check = [&](const char* name, const std::vector<double>& values) {
    if (values.empty()) fail(where, std::string("expected at least one number for '") + name + "', got none");
    for (const double value : values)
      if (!(std::abs(value) <= kFarthestAffine))
        fail(where, std::string("expected '") + name + "' between -1e30 and 1e30, got " + shown(value));
  };
  check("scale", o.scale);
  check("offset", o.offset);
}

void check_rest(const std::string& where, const ClipOptions& o) {
  if (!std::isfinite(o.low) && !std::isfinite(o.high))
    fail(where, "expected 'low' or 'high' or both, got neither");
  if (!(o.low < o.high))
    fail(where, "expected 'low' below 'high', got " + Json(o.low).dump() + " and " + Json(o.high).dump());
}

namespace {

void check_column(const std::string& where, const ColumnOptions& o) {
  check_options(where, o);
  if (o.limit != 0.0 && o.limit < 1e-3)
    fail(where, "expected 'limit' to be 0 or at least 0.001, got " + shown(o.limit));
  for (size_t i = 0; i < o.edges.size(); ++i) {
    if (!(std::abs(o.edges[i]) <= kFarthest))
      fail(where, "expected numbers between -1e15 and 1e15 for 'edges', got " + shown(o.edges[i]));
    if (i > 0 && o.edges[i] < o.edges[i - 1])
      fail(where, "expected rising 'edges', got " + Json(o.edges[i]).dump() + " after " +
                      Json(o.edges[i - 1]).dump());
  }
  if (o.edges.size() == 1) fail(where, "expected no 'edges', or at least two, got one");
}

}  // namespace

void check_rest(const std::string& where, const ColumnEncodingOptions& o) {
  if (o.columns.empty()) fail(where, "expected a list of at least one column, got none");
  for (size_t i = 0; i < o.columns.size(); ++i) check_column(column_place(i), o.columns[i]);
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
LAMINA_INSTANTIATE_OPTIONS(ColumnEncodingOptions)

}  // namespace lamina
