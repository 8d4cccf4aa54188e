// Describes the options of dense layers.
#include "layers/describe_options.h"

namespace lamina {

namespace {

const auto read_initializer = [](const JsonReader& from, const char* name, auto& value) {
  value = initializer_from_json(from.at(name));
};
const auto write_initializer = [](const InitializerSpec& value) { return initializer_to_json(value); };

const auto read_parametrization = [](const JsonReader& from, const char* name, Parametrization& value) {
  const std::string given = from.text(name);
  if (given != "standard" && given != "ntk")
    from.fail({"expected ", name, " 'standard' or 'ntk', got '", given, "'"});
  value = given == "ntk" ? Parametrization::kNtk : Parametrization::kStandard;
};
const auto write_parametrization = [](Parametrization value) {
  return value == Parametrization::kNtk ? Json("ntk") : Json();
};

}  // namespace

void describe(OptionVisitor& visitor, DenseOptions& o) {
  visitor.integer("units", o.units, 1, kMostColumns, InJson::kRequired);
  visitor.boolean("bias", o.bias);
  describe_learning(visitor, o.learning);
  visitor.value("activation", o.activation, read_activation, write_activation);
  visitor.value("initializer", o.initializer, read_initializer, [&](const auto& initializer) {
    return initializer_to_json(initializer ? *initializer : default_initializer(o));
  });
  visitor.value("bias_initializer", o.bias_initializer, read_initializer, write_initializer);
  visitor.number("l1", o.l1, 0.0, kAnyNumber, InJson::kUnlessDefault);
  visitor.number("l2", o.l2, 0.0, kAnyNumber, InJson::kUnlessDefault);
  visitor.value(
      "max_norm", o.max_norm,
      [](const JsonReader& from, const char* name, double& value) {
        value = from.number(name, std::nullopt, 0.0);
        if (value == 0.0) from.fail({"expected 'max_norm' above 0, got ", from.at(name).dump()});
      },
      [](double value) { return value == 0.0 ? Json() : Json(value); });
  visitor.boolean("non_negative", o.non_negative, InJson::kUnlessDefault);
  describe_factor(visitor, "bias_rate_factor", o.bias_rate_factor);
  describe_factor(visitor, "bias_decay_factor", o.bias_decay_factor);
  visitor.value("parametrization", o.parametrization, read_parametrization, write_parametrization);
}

void check_rest(std::string_view where, const DenseOptions& o) {
  if (!(o.max_norm >= 0.0 && o.max_norm <= kAnyNumber))
    fail(where, {"expected 'max_norm' above 0, got ", shown(o.max_norm)});
  if (o.initializer) check_initializer(*o.initializer);
  check_initializer(o.bias_initializer);
}

InitializerSpec default_initializer(const DenseOptions& options) {
  if (options.parametrization == Parametrization::kNtk) return {"normal"};
  return default_initializer(options.activation);
}

LAMINA_INSTANTIATE_OPTIONS(DenseOptions)

}  // namespace lamina
