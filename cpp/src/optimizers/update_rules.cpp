// The options of every optimizer, by name; their coefficients stand in coefficients.cpp.
#include "optimizers/update_rules.h"

#include <limits>
#include <span>

#include "base/json_reader.h"
#include "optimizers/coefficients.h"

namespace lamina {

namespace {

using kernels::UpdateRule;

enum class OptionType { kNumber, kWhole, kBoolean };

struct Option {
  const char* name;
  double default_value, minimum, maximum;
  OptionType type = OptionType::kNumber;
};

constexpr double kAny = std::numeric_limits<double>::infinity();
constexpr double kBelowOne = 1.0 - 1e-16;

constexpr Option rate(double value) { return {"learning_rate", value, 0.0, kAny}; }
constexpr Option share(const char* name, double value) { return {name, value, 0.0, kBelowOne}; }
constexpr Option at_least_zero(const char* name, double value) { return {name, value, 0.0, kAny}; }
constexpr Option flag(const char* name, bool value = false) {
  return {name, value ? 1.0 : 0.0, 0.0, 1.0, OptionType::kBoolean};
}

// Options that every optimizer has.
constexpr std::array kCommonOptions = {at_least_zero("weight_decay", 0.0), flag("decay_biases"),
                                       at_least_zero("clip_norm", 0.0), at_least_zero("clip_value", 0.0),
                                       at_least_zero("clip_parameter_norm", 0.0)};

// The order is that in which coefficients.cpp reads them.
constexpr std::array kSgdOptions = {rate(0.01), share("momentum", 0.0), flag("nesterov"), flag("decoupled")};
constexpr std::array kAdamOptions = {rate(0.001), share("beta1", 0.9), share("beta2", 0.999),
                                     at_least_zero("epsilon", 1e-8), flag("decoupled")};
constexpr std::array kAdamaxOptions = {rate(0.002), share("beta1", 0.9), share("beta2", 0.999),
                                       at_least_zero("epsilon", 1e-8), flag("decoupled")};
constexpr std::array kNadamOptions = {rate(0.002),           share("beta1", 0.9),
                                      share("beta2", 0.999), at_least_zero("epsilon", 1e-8),
                                      flag("decoupled"),     at_least_zero("momentum_decay", 0.004)};
constexpr std::array kLionOptions = {rate(0.0001), share("beta1", 0.9), share("beta2", 0.99),
                                     flag("decoupled", true)};
constexpr std::array kAdagradOptions = {rate(0.01), at_least_zero("rate_decay", 0.0),
                                        at_least_zero("initial_accumulator", 0.0),
                                        at_least_zero("epsilon", 1e-10), flag("decoupled")};
constexpr std::array kAdadeltaOptions = {rate(1.0), share("rho", 0.9), at_least_zero("epsilon", 1e-6),
                                         flag("decoupled")};
constexpr std::array kRmspropOptions = {
    rate(0.01),       share("rho", 0.99), at_least_zero("epsilon", 1e-8), share("momentum", 0.0),
    flag("centered"), flag("decoupled")};
constexpr std::array kRpropOptions = {rate(0.01),
                                      Option{"shrink", 0.5, 1e-6, kBelowOne},
                                      Option{"grow", 1.2, 1.0, 1e6},
                                      at_least_zero("smallest_step", 1e-6),
                                      at_least_zero("largest_step", 50.0),
                                      flag("decoupled")};
constexpr std::array kMuonOptions = {rate(0.02),
                                     share("momentum", 0.95),
                                     flag("nesterov", true),
                                     Option{"iterations", 5.0, 1.0, 100.0, OptionType::kWhole},
                                     at_least_zero("adamw_rate_factor", 0.05),
                                     share("beta1", 0.9),
                                     share("beta2", 0.999),
                                     at_least_zero("epsilon", 1e-8),
                                     flag("match_adamw"),
                                     flag("first_and_last")};

struct Listing {
  OptimizerEntry entry;
  std::span<const Option> options;
};

// One line (and its coefficients) adds an optimizer that the kernels know.
const std::array kListings = {
    Listing{{"sgd", UpdateRule::kSgd, 1, {"velocity"}, sgd_coefficients}, kSgdOptions},
    Listing{{"adam", UpdateRule::kAdam, 2, {"first_moment", "second_moment"}, adam_coefficients},
            kAdamOptions},
    Listing{{"amsgrad",
             UpdateRule::kAmsgrad,
             3,
             {"first_moment", "second_moment", "largest_second_moment"},
             adam_coefficients},
            kAdamOptions},
    Listing{{"adamax", UpdateRule::kAdamax, 2, {"first_moment", "largest_gradient"}, adamax_coefficients},
            kAdamaxOptions},
    Listing{{"nadam", UpdateRule::kNadam, 2, {"first_moment", "second_moment"}, nadam_coefficients},
            kNadamOptions},
    Listing{{"radam", UpdateRule::kRadam, 2, {"first_moment", "second_moment"}, radam_coefficients},
            kAdamOptions},
    Listing{{"lion", UpdateRule::kLion, 1, {"first_moment"}, lion_coefficients}, kLionOptions},
    Listing{{"adagrad", UpdateRule::kAdagrad, 1, {"sum_of_squares"}, adagrad_coefficients}, kAdagradOptions},
    Listing{
        {"adadelta", UpdateRule::kAdadelta, 2, {"mean_square", "mean_square_step"}, adadelta_coefficients},
        kAdadeltaOptions},
    Listing{{"rmsprop", UpdateRule::kRmsprop, 3, {"mean_square", "velocity", "mean"}, rmsprop_coefficients},
            kRmspropOptions},
    Listing{{"rprop", UpdateRule::kRprop, 2, {"last_gradient", "step_size"}, rprop_coefficients},
            kRpropOptions},
    Listing{{"muon", UpdateRule::kAdam, 2, {"first_moment", "second_moment"}, muon_coefficients, true},
            kMuonOptions},
};

const Listing& find_listing(const std::string& name) {
  for (const Listing& listing : kListings)
    if (name == listing.entry.name) return listing;
  throw Error(Error::Kind::kValue,
              "optimizer: unknown name '" + name + "'; expected one of " + join(optimizer_names()));
}

double read_option(const JsonReader& spec, const Option& option) {
  if (option.type == OptionType::kBoolean)
    return spec.boolean(option.name, option.default_value != 0.0) ? 1.0 : 0.0;
  if (option.type == OptionType::kWhole)
    return static_cast<double>(spec.integer(option.name, static_cast<int64_t>(option.default_value),
                                            static_cast<int64_t>(option.minimum),
                                            static_cast<int64_t>(option.maximum)));
  return spec.number(option.name, option.default_value, option.minimum, option.maximum);
}

// What no single option can tell.
void check_together(const OptimizerSpec& result, const JsonReader& spec) {
  const auto& o = result.options;
  if (result.entry->rule == UpdateRule::kSgd && o[2] != 0.0 && o[1] == 0.0)
    spec.fail("expected a 'momentum' above 0 with nesterov, got 0");
  if (result.entry->rule == UpdateRule::kRprop && o[3] > o[4])
    spec.fail("expected 'smallest_step' of at most 'largest_step', got " + Json(o[3]).dump() + " and " +
              Json(o[4]).dump());
}

}  // namespace

OptimizerSpec optimizer_from_json(const Json& json) {
  const Json object = as_object(json);
  const std::string kind = JsonReader(object, "optimizer").text("kind");
  const Listing& listing = find_listing(kind);
  const JsonReader spec(object, "optimizer " + kind);
  OptimizerSpec result{&listing.entry};
  std::vector<std::string> known = {"kind"};
  std::array<double, kCommonOptions.size()> common{};
  const auto read = [&](std::span<const Option> options, double* values) {
    for (size_t i = 0; i < options.size(); ++i) {
      values[i] = read_option(spec, options[i]);
      known.emplace_back(options[i].name);
    }
  };
  read(listing.options, result.options.data());
  read(kCommonOptions, common.data());
  spec.allow_only(known);
  result.weight_decay = common[0];
  result.decay_biases = common[1] != 0.0;
  result.clip_norm = common[2];
  result.clip_value = common[3];
  result.clip_parameter_norm = common[4];
  check_together(result, spec);
  return result;
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Listing& listing : kListings) names.emplace_back(listing.entry.name);
  return names;
}

Json optimizer_to_json(const OptimizerSpec& spec) {
  Json json = {{"kind", spec.entry->name}};
  const auto write = [&](std::span<const Option> options, const double* values) {
    for (size_t i = 0; i < options.size(); ++i) {
      if (options[i].type == OptionType::kBoolean)
        json[options[i].name] = values[i] != 0.0;
      else if (options[i].type == OptionType::kWhole)
        json[options[i].name] = static_cast<int64_t>(values[i]);
      else
        json[options[i].name] = values[i];
    }
  };
  const std::array<double, kCommonOptions.size()> common = {spec.weight_decay, spec.decay_biases ? 1.0 : 0.0,
                                                            spec.clip_norm, spec.clip_value,
                                                            spec.clip_parameter_norm};
  write(find_listing(spec.entry->name).options, spec.options.data());
  write(kCommonOptions, common.data());
  return json;
}

}  // namespace lamina
