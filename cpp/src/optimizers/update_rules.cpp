// SGD with momentum (Sutskever et al. 2013), Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019).
#include "optimizers/update_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "base/json.h"

namespace lamina {

namespace {

using kernels::UpdateRule;

struct Option {
  const char* name;
  double default_value, minimum, maximum;
  bool boolean = false;
};

constexpr double kAny = std::numeric_limits<double>::max();
constexpr double kBelowOne = 1.0 - 1e-16;

// Options that every optimizer has.
constexpr std::array kCommonOptions = {
    Option{"weight_decay", 0.0, 0.0, kAny},
    Option{"decay_biases", 0.0, 0.0, 1.0, true},
    Option{"clip_norm", 0.0, 0.0, kAny},
    Option{"clip_value", 0.0, 0.0, kAny},
};
constexpr std::array kSgdOptions = {
    Option{"learning_rate", 0.01, 0.0, kAny}, Option{"momentum", 0.0, 0.0, kBelowOne},
    Option{"nesterov", 0.0, 0.0, 1.0, true}, Option{"decoupled", 0.0, 0.0, 1.0, true}};
constexpr std::array kAdamOptions = {
    Option{"learning_rate", 0.001, 0.0, kAny}, Option{"beta1", 0.9, 0.0, kBelowOne},
    Option{"beta2", 0.999, 0.0, kBelowOne}, Option{"epsilon", 1e-8, 0.0, kAny},
    Option{"decoupled", 0.0, 0.0, 1.0, true}};

// o: learning_rate, momentum, nesterov, decoupled
Coefficients sgd_coefficients(const OptimizerOptions& o, const StepRequest& request) {
  const bool decoupled = o[3] != 0.0;
  return {request.learning_rate, decoupled ? 0.0 : request.weight_decay, o[1],
          decoupled ? request.learning_rate * request.weight_decay : 0.0, o[2]};
}

// Where no gradient ever was, padding above all, 0 / (0 + epsilon) must be 0.
constexpr double kSmallestEpsilon = std::numeric_limits<float>::min();

// o: learning_rate, beta1, beta2, epsilon, decoupled
Coefficients adam_coefficients(const OptimizerOptions& o, const StepRequest& request) {
  const bool decoupled = o[4] != 0.0;
  const auto t = static_cast<double>(request.step);
  return {request.learning_rate / (1.0 - std::pow(o[1], t)),
          o[1],
          o[2],
          1.0 / std::sqrt(1.0 - std::pow(o[2], t)),
          std::max(o[3], kSmallestEpsilon),
          decoupled ? 0.0 : request.weight_decay,
          decoupled ? request.learning_rate * request.weight_decay : 0.0,
          1.0 - o[1],
          1.0 - o[2]};
}

struct Listing {
  OptimizerEntry entry;
  std::span<const Option> options;
};

// One line (and its coefficients above) adds an optimizer that the kernels know.
const std::array kListings = {
    Listing{{"sgd", UpdateRule::kSgd, 1, {"velocity"}, sgd_coefficients}, kSgdOptions},
    Listing{{"adam", UpdateRule::kAdam, 2, {"first_moment", "second_moment"}, adam_coefficients},
            kAdamOptions},
};

const Listing& find_listing(const std::string& name) {
  std::string known;
  for (const Listing& listing : kListings) {
    if (name == listing.entry.name) return listing;
    known += std::string(known.empty() ? "" : ", ") + listing.entry.name;
  }
  throw Error(Error::Kind::kValue, "optimizer: unknown name '" + name + "'; expected one of " + known);
}

double read_option(const JsonReader& spec, const Option& option) {
  if (option.boolean) return spec.boolean(option.name, option.default_value != 0.0) ? 1.0 : 0.0;
  return spec.number(option.name, option.default_value, option.minimum, option.maximum);
}

}  // namespace

OptimizerSpec optimizer_from_json(const nlohmann::json& json) {
  const nlohmann::json object = json.is_string() ? nlohmann::json{{"kind", json}} : json;
  const std::string kind = JsonReader(object, "optimizer").text("kind");
  const Listing& listing = find_listing(kind);
  const JsonReader spec(object, "optimizer " + kind);
  OptimizerSpec result{&listing.entry};
  std::string expected;
  std::array<double, kCommonOptions.size()> common{};
  const auto read = [&](std::span<const Option> options, double* values) {
    for (size_t i = 0; i < options.size(); ++i) {
      values[i] = read_option(spec, options[i]);
      expected += (expected.empty() ? "" : ", ") + std::string(options[i].name);
    }
  };
  read(listing.options, result.options.data());
  read(kCommonOptions, common.data());
  for (const auto& item : object.items()) {
    const auto named = [&](const Option& option) { return item.key() == option.name; };
    if (item.key() != "kind" && std::ranges::none_of(listing.options, named) &&
        std::ranges::none_of(kCommonOptions, named))
      spec.fail("unknown option '" + item.key() + "'; expected some of " + expected);
  }
  result.weight_decay = common[0];
  result.decay_biases = common[1] != 0.0;
  result.clip_norm = common[2];
  result.clip_value = common[3];
  if (kind == "sgd" && spec.boolean("nesterov", false) && spec.number("momentum", 0.0) == 0.0)
    spec.fail("expected a 'momentum' above 0 with nesterov, got 0");
  return result;
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Listing& listing : kListings) names.emplace_back(listing.entry.name);
  return names;
}

nlohmann::json optimizer_to_json(const OptimizerSpec& spec) {
  nlohmann::json json = {{"kind", spec.entry->name}};
  const auto write = [&](std::span<const Option> options, const double* values) {
    for (size_t i = 0; i < options.size(); ++i) {
      if (options[i].boolean)
        json[options[i].name] = values[i] != 0.0;
      else
        json[options[i].name] = values[i];
    }
  };
  const std::array<double, kCommonOptions.size()> common = {spec.weight_decay, spec.decay_biases ? 1.0 : 0.0,
                                                            spec.clip_norm, spec.clip_value};
  write(find_listing(spec.entry->name).options, spec.options.data());
  write(kCommonOptions, common.data());
  return json;
}

}  // namespace lamina
