// The options of every optimizer: what they are called, and what they may be.
#include "optimizers/update_rules.h"

#include <array>
#include <type_traits>
#include <utility>

#include "base/options.h"
#include "base/text.h"

namespace lamina {

namespace {

using kernels::UpdateRule;

constexpr double kBelowOne = 1.0 - 1e-16;

struct Kind {
  OptimizerEntry entry;
  OptimizerSpec defaults;
};

// One line, the coefficients and describe() add an optimizer that the kernels know.
const std::array kKinds = {
    Kind{{"sgd", UpdateRule::kSgd, 1, {"velocity"}}, {.update = SgdOptions{}}},
    Kind{{"adam", UpdateRule::kAdam, 2, {"first_moment", "second_moment"}}, {.update = AdamOptions{}}},
    Kind{{"amsgrad", UpdateRule::kAmsgrad, 3, {"first_moment", "second_moment", "largest_second_moment"}},
         {.update = AdamOptions{.amsgrad = true}}},
    Kind{{"adamax", UpdateRule::kAdamax, 2, {"first_moment", "largest_gradient"}},
         {.update = AdamaxOptions{}}},
    Kind{{"nadam", UpdateRule::kNadam, 2, {"first_moment", "second_moment"}}, {.update = NadamOptions{}}},
    Kind{{"radam", UpdateRule::kRadam, 2, {"first_moment", "second_moment"}}, {.update = RadamOptions{}}},
    Kind{{"lion", UpdateRule::kLion, 1, {"first_moment"}}, {.update = LionOptions{}}},
    Kind{{"adagrad", UpdateRule::kAdagrad, 1, {"sum_of_squares"}}, {.update = AdagradOptions{}}},
    Kind{{"adadelta", UpdateRule::kAdadelta, 2, {"mean_square", "mean_square_step"}},
         {.update = AdadeltaOptions{}}},
    Kind{{"rmsprop", UpdateRule::kRmsprop, 3, {"mean_square", "velocity", "mean"}},
         {.update = RmspropOptions{}}},
    Kind{{"rprop", UpdateRule::kRprop, 2, {"last_gradient", "step_size"}}, {.update = RpropOptions{}}},
    // The rule of all but the matrices that Muon takes.
    Kind{{"muon", UpdateRule::kAdam, 2, {"first_moment", "second_moment"}}, {.update = MuonOptions{}}},
};

OptimizerSpec defaults_of(const std::string& name) {
  if (name == "adamw") return {.update = AdamOptions{.decoupled = true}, .weight_decay = 0.01};
  for (const Kind& kind : kKinds)
    if (name == kind.entry.name) return kind.defaults;
  throw_error(Error::Kind::kValue,
              {"optimizer: unknown name '", name, "'; expected one of ", join(optimizer_names())});
}

bool is_amsgrad(const UpdateOptions& update) noexcept {
  const auto* adam = std::get_if<AdamOptions>(&update);
  return adam != nullptr && adam->amsgrad;
}

void describe_rate(OptionVisitor& visitor, double& rate) {
  visitor.number("learning_rate", rate, 0.0, kAnyNumber);
}

void describe_share(OptionVisitor& visitor, const char* name, double& share) {
  visitor.number(name, share, 0.0, kBelowOne);
}

void describe_size(OptionVisitor& visitor, const char* name, double& size) {
  visitor.number(name, size, 0.0, kAnyNumber);
}

template <class Adaptive>
void describe_moments(OptionVisitor& visitor, Adaptive& o) {
  describe_rate(visitor, o.learning_rate);
  describe_share(visitor, "beta1", o.beta1);
  describe_share(visitor, "beta2", o.beta2);
  describe_size(visitor, "epsilon", o.epsilon);
}

void describe(OptionVisitor& visitor, SgdOptions& o) {
  describe_rate(visitor, o.learning_rate);
  describe_share(visitor, "momentum", o.momentum);
  visitor.boolean("nesterov", o.nesterov);
  visitor.boolean("rate_in_velocity", o.rate_in_velocity);
}

void describe(OptionVisitor& visitor, AdamOptions& o) {
  describe_moments(visitor, o);
  visitor.boolean("epsilon_hat", o.epsilon_hat);
}

void describe(OptionVisitor& visitor, AdamaxOptions& o) { describe_moments(visitor, o); }

void describe(OptionVisitor& visitor, NadamOptions& o) {
  describe_moments(visitor, o);
  describe_size(visitor, "momentum_decay", o.momentum_decay);
  visitor.boolean("epsilon_hat", o.epsilon_hat);
}

void describe(OptionVisitor& visitor, RadamOptions& o) { describe_moments(visitor, o); }

void describe(OptionVisitor& visitor, LionOptions& o) {
  describe_rate(visitor, o.learning_rate);
  describe_share(visitor, "beta1", o.beta1);
  describe_share(visitor, "beta2", o.beta2);
}

void describe(OptionVisitor& visitor, AdagradOptions& o) {
  describe_rate(visitor, o.learning_rate);
  describe_size(visitor, "rate_decay", o.rate_decay);
  describe_size(visitor, "initial_accumulator", o.initial_accumulator);
  describe_size(visitor, "epsilon", o.epsilon);
}

void describe(OptionVisitor& visitor, AdadeltaOptions& o) {
  describe_rate(visitor, o.learning_rate);
  describe_share(visitor, "rho", o.rho);
  describe_size(visitor, "epsilon", o.epsilon);
}

void describe(OptionVisitor& visitor, RmspropOptions& o) {
  describe_rate(visitor, o.learning_rate);
  describe_share(visitor, "rho", o.rho);
  describe_size(visitor, "epsilon", o.epsilon);
  describe_share(visitor, "momentum", o.momentum);
  visitor.boolean("centered", o.centered);
}

void describe(OptionVisitor& visitor, RpropOptions& o) {
  describe_rate(visitor, o.learning_rate);
  visitor.number("shrink", o.shrink, 1e-6, kBelowOne);
  visitor.number("grow", o.grow, 1.0, 1e6);
  describe_size(visitor, "smallest_step", o.smallest_step);
  describe_size(visitor, "largest_step", o.largest_step);
}

void describe(OptionVisitor& visitor, MuonOptions& o) {
  describe_rate(visitor, o.learning_rate);
  describe_share(visitor, "momentum", o.momentum);
  visitor.boolean("nesterov", o.nesterov);
  visitor.integer("iterations", o.iterations, 1, 100);
  describe_size(visitor, "adamw_rate_factor", o.adamw_rate_factor);
  describe_share(visitor, "beta1", o.beta1);
  describe_share(visitor, "beta2", o.beta2);
  describe_size(visitor, "epsilon", o.epsilon);
  visitor.boolean("match_adamw", o.match_adamw);
  visitor.boolean("first_and_last", o.first_and_last);
}

// With what every optimizer has.
void describe(OptionVisitor& visitor, OptimizerSpec& spec) {
  std::visit(
      [&](auto& own) {
        describe(visitor, own);
        // Muon's weight decay is decoupled always.
        if constexpr (!std::is_same_v<decltype(own), MuonOptions&>)
          visitor.boolean("decoupled", own.decoupled);
      },
      spec.update);
  describe_size(visitor, "weight_decay", spec.weight_decay);
  visitor.boolean("decay_biases", spec.decay_biases);
  describe_size(visitor, "clip_norm", spec.clip_norm);
  describe_size(visitor, "clip_value", spec.clip_value);
  describe_size(visitor, "clip_parameter_norm", spec.clip_parameter_norm);
}

std::string place_of(const OptimizerSpec& spec) { return concat({"optimizer ", optimizer_entry(spec).name}); }

// What no single option can tell.
void check_together(const OptimizerSpec& spec) {
  const auto fail = [&](TextParts what) { throw_error(Error::Kind::kValue, {place_of(spec), ": ", what}); };
  if (const auto* sgd = std::get_if<SgdOptions>(&spec.update); sgd && sgd->nesterov && sgd->momentum == 0.0)
    fail({"expected a 'momentum' above 0 with nesterov, got 0"});
  if (const auto* rprop = std::get_if<RpropOptions>(&spec.update);
      rprop && rprop->smallest_step > rprop->largest_step)
    fail({"expected 'smallest_step' of at most 'largest_step', got ", Json(rprop->smallest_step).dump(),
          " and ", Json(rprop->largest_step).dump()});
}

}  // namespace

const OptimizerEntry& optimizer_entry(const OptimizerSpec& spec) noexcept {
  size_t i = 0;
  while (kKinds[i].defaults.update.index() != spec.update.index() ||
         is_amsgrad(kKinds[i].defaults.update) != is_amsgrad(spec.update))
    ++i;
  return kKinds[i].entry;
}

double first_learning_rate(const OptimizerSpec& spec) noexcept {
  return std::visit([](const auto& own) { return own.learning_rate; }, spec.update);
}

void check_optimizer(const OptimizerSpec& spec) {
  OptimizerSpec copy = spec;
  check_described(place_of(spec), [&](OptionVisitor& visitor) { describe(visitor, copy); });
  check_together(spec);
}

OptimizerSpec optimizer_from_json(const Json& json) {
  const Json object = as_object(json);
  const std::string kind = JsonReader(object, "optimizer").text("kind");
  OptimizerSpec spec = defaults_of(kind);
  read_described(object, concat({"optimizer ", kind}),
                 [&](OptionVisitor& visitor) { describe(visitor, spec); });
  check_together(spec);
  return spec;
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.entry.name);
  return names;
}

Json optimizer_to_json(const OptimizerSpec& spec) {
  Json json = {{"kind", optimizer_entry(spec).name}};
  OptimizerSpec copy = spec;
  const auto own = [&](OptionVisitor& visitor) { describe(visitor, copy); };
  write_described(json, own, own);
  return json;
}

}  // namespace lamina
