// The formulas of the learning-rate schedules.
#include "training/schedules.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>
#include <utility>

#include "base/text.h"
#include "training/schedule_options.h"

namespace lamina {
namespace {

using schedules::kNotNegative;
using schedules::OptionChecker;
using schedules::OptionWriter;

// Exponents whose power is one exact or correctly rounded operation are computed so.
double power(double base, double exponent) {
  if (exponent == 1.0) return base;
  if (exponent == 2.0) return base * base;
  if (exponent == 0.5) return std::sqrt(base);
  if (exponent == -1.0) return 1.0 / base;
  return std::pow(base, exponent);
}

double progress(double t, double length) { return std::min(t / length, 1.0); }
double half_wave(double share) { return 0.5 * (1.0 + std::cos(std::numbers::pi * share)); }
// `low` where the share is 0, `high` where it is 1.
double between(double low, double high, double share) { return low + (high - low) * share; }

double factor(const ConstantOptions&, double, double) { return 1.0; }

double factor(const StepOptions& options, double t, double) {
  return std::pow(options.factor, std::floor(t / static_cast<double>(options.every)));
}

double factor(const MultiStepOptions& options, double t, double) {
  const auto reached = std::ranges::count_if(
      options.milestones, [&](int64_t milestone) { return static_cast<double>(milestone) <= t; });
  return std::pow(options.factor, static_cast<double>(reached));
}

double factor(const ExponentialOptions& options, double t, double) { return std::pow(options.factor, t); }

double factor(const PolynomialOptions& options, double t, double length) {
  return options.end + (1.0 - options.end) * power(1.0 - progress(t, length), options.power);
}

double factor(const InverseScalingOptions& options, double t, double) {
  return power(1.0 + t, -options.power);
}

double factor(const CosineOptions& options, double t, double length) {
  return between(options.end, 1.0, half_wave(progress(t, length)));
}

double factor(const CosineRestartsOptions& options, double t, double) {
  const double period = static_cast<double>(options.period), growth = options.growth;
  if (growth == 1.0) return between(options.end, 1.0, half_wave(std::fmod(t, period) / period));
  // The waves before number n take period (growth^n - 1) / (growth - 1) steps.
  const double ratio = t * (growth - 1.0) / period + 1.0;
  const double n = std::floor(std::log(ratio) / std::log(growth) + 1e-12);
  const double begin = period * (std::pow(growth, n) - 1.0) / (growth - 1.0);
  return between(options.end, 1.0, half_wave((t - begin) / (period * std::pow(growth, n))));
}

double factor(const OneCycleOptions& options, double t, double length) {
  const double top = std::max(options.rise * length - 1.0, 1e-9);
  if (t <= top) return between(options.start, 1.0, 1.0 - half_wave(std::clamp(t / top, 0.0, 1.0)));
  const double fall = std::clamp((t - top) / std::max(length - 1.0 - top, 1e-9), 0.0, 1.0);
  return between(options.end, 1.0, half_wave(fall));
}

double factor(const CosineLogOptions& options, double t, double length) {
  const double longest = std::pow(2.0, static_cast<double>(options.cycles)) - 1.0;
  const double waves = std::log2(1.0 + longest * progress(t, length));
  return 0.5 * (1.0 - std::cos(2.0 * std::numbers::pi * waves));
}

double factor(const FlatCosineOptions& options, double t, double length) {
  return half_wave(std::max((progress(t, length) - options.flat) / (1.0 - options.flat), 0.0));
}

// The length of its own that a curve may have, or null for one that never ends.
template <class Options>
const std::optional<int64_t>* length_of(const Options& options) {
  if constexpr (requires { options.length; })
    return &options.length;
  else
    return nullptr;
}

template <class Options>
Json spec_of(Options options, double rate, Per per) {
  Json spec = {{"kind", Options::kKind}, {"rate", rate}, {"per", per == Per::kStep ? "step" : "epoch"}};
  OptionWriter writer(spec);
  schedules::visit_options(options, writer);
  return spec;
}

int64_t steps_of_an_epoch(const std::string& name, const RateSpan& span) {
  if (!span.epoch_steps)
    throw_error(
        Error::Kind::kValue,
        {name, ": expected per='step', or optimizer.set_length(steps_per_epoch) before steps by hand"});
  return *span.epoch_steps;
}

template <class Options>
class Curve final : public Schedule {
 public:
  Curve(double rate, const Options& options, Per per) : Schedule(rate, per), options_(options) {}

  std::vector<double> rates(const RateSpan& span) const override {
    const std::optional<int64_t>* length = length_of(options_);
    const bool own = length != nullptr && length->has_value();
    const CurveTimes times =
        curve_times(Options::kName, per_, span,
                    own ? static_cast<double>(**length) : std::numeric_limits<double>::infinity(),
                    length != nullptr && !own);
    std::vector<double> rates = factors(times.t, times.length);
    for (double& rate : rates) rate *= rate_;
    return rates;
  }

  std::vector<double> factors(std::span<const double> t, double length) const override {
    std::vector<double> factors;
    factors.reserve(t.size());
    for (const double time : t) factors.push_back(factor(options_, time, length));
    return factors;
  }

  std::unique_ptr<Schedule> clone() const override { return std::make_unique<Curve>(*this); }

  Json to_json() const override { return spec_of(options_, rate_, per_); }

 private:
  Options options_;
};

class Plateau final : public Schedule {
 public:
  Plateau(double rate, PlateauOptions options, Per per) : Schedule(rate, per), options_(std::move(options)) {
    state_.rate = rate;
  }

  std::vector<double> rates(const RateSpan& span) const override {
    if (per_ == Per::kEpoch) (void)steps_of_an_epoch(PlateauOptions::kName, span);
    return std::vector<double>(static_cast<std::size_t>(span.count), rate_ * now());
  }
  std::vector<double> factors(std::span<const double> t, double) const override {
    return std::vector<double>(t.size(), now());
  }

  void watch(const FigureModes& figures) override {
    monitored(PlateauOptions::kName, options_.monitor, options_.mode, figures);
    announced_ = figures;
  }

  void note_epoch(const Figures& record) override {
    const Monitored watched =
        monitored(PlateauOptions::kName, options_.monitor, options_.mode, modes_of(record, announced_));
    const double value = find_figure(record, watched.name)->value;
    const double loss = watched.larger_is_better ? -value : value;
    const double best = state_.best.value_or(std::numeric_limits<double>::infinity());
    const bool first = !state_.best && !std::isnan(loss);
    if (first || loss < best - options_.threshold * std::abs(best)) {
      // An infinite loss is no best one.
      state_.best = std::isinf(loss) ? std::nullopt : std::optional(loss);
      state_.bad = 0;
    } else {
      ++state_.bad;
    }
    if (state_.cooling > 0) {
      --state_.cooling;
      state_.bad = 0;
    }
    if (state_.bad > options_.patience) {
      state_.rate = std::max(state_.rate * options_.factor, options_.minimum);
      state_.bad = 0;
      state_.cooling = options_.cooldown;
    }
  }

  std::optional<PlateauState> get_state() const override { return state_; }
  void set_state(const PlateauState& state) override { state_ = state; }

  std::unique_ptr<Schedule> clone() const override { return std::make_unique<Plateau>(*this); }

  Json to_json() const override { return spec_of(options_, rate_, per_); }

 private:
  double now() const noexcept { return rate_ != 0.0 ? state_.rate / rate_ : 0.0; }

  PlateauOptions options_;
  PlateauState state_;
  FigureModes announced_;
};

class WarmUp final : public Schedule {
 public:
  WarmUp(std::shared_ptr<Schedule> after, const WarmUpOptions& options, Per per)
      : Schedule(after->rate(), per), after_(std::move(after)), options_(options) {}

  std::vector<double> rates(const RateSpan& span) const override {
    const int64_t unit = per_ == Per::kStep ? 1 : steps_of_an_epoch(WarmUpOptions::kName, span);
    const double steps = static_cast<double>(options_.steps);
    std::vector<double> rates;
    rates.reserve(static_cast<std::size_t>(span.count));
    const int64_t end = span.first_step + span.count;
    // Beyond the end it does not matter how many: the product of the two could overflow.
    const int64_t warm_steps = std::min(options_.steps, end / unit + 1) * unit;
    for (int64_t step = span.first_step; step < std::min(end, warm_steps); ++step) {
      const double t = static_cast<double>(step / unit);
      rates.push_back(rate_ * between(options_.start, 1.0, std::min(t + 1.0, steps) / steps));
    }
    if (end <= warm_steps) return rates;
    RateSpan rest = span;
    rest.first_step = std::max<int64_t>(span.first_step - warm_steps, 0);
    rest.count = end - warm_steps - rest.first_step;
    if (span.last_step) rest.last_step = std::max<int64_t>(*span.last_step - warm_steps, 1);
    for (const double rate : after_->rates(rest)) rates.push_back(rate);
    return rates;
  }

  void watch(const FigureModes& figures) override { after_->watch(figures); }
  void note_epoch(const Figures& record) override { after_->note_epoch(record); }
  std::optional<PlateauState> get_state() const override { return after_->get_state(); }
  void set_state(const PlateauState& state) override { after_->set_state(state); }

  std::unique_ptr<Schedule> clone() const override {
    return std::make_unique<WarmUp>(std::shared_ptr<Schedule>(after_->clone()), options_, per_);
  }

  Json to_json() const override {
    Json spec = spec_of(options_, rate_, per_);
    spec["after"] = after_->to_json();
    return spec;
  }

 private:
  std::shared_ptr<Schedule> after_;
  WarmUpOptions options_;
};

class FunctionSchedule final : public Schedule {
 public:
  FunctionSchedule(double rate, RateFunction function, Per per)
      : Schedule(rate, per), function_(std::move(function)) {}

  static double value(const RateFunction& function, int64_t t, Per per) {
    const double rate = function(t);
    if (!schedules::in_range(rate, kNotNegative))
      schedules::fail(kName, "a finite rate of at least 0 from your function",
                      concat({Json(rate).dump(), " at ", (per == Per::kStep ? "step " : "epoch "), t}));
    return rate;
  }

  std::vector<double> rates(const RateSpan& span) const override {
    const int64_t unit = per_ == Per::kStep ? 1 : steps_of_an_epoch(kName, span);
    std::vector<double> rates;
    int64_t before = -1;
    for (int64_t step = span.first_step; step < span.first_step + span.count; ++step) {
      // Once for each step or epoch.
      rates.push_back(step / unit == before ? rates.back() : value(function_, step / unit, per_));
      before = step / unit;
    }
    return rates;
  }

  std::unique_ptr<Schedule> clone() const override { return std::make_unique<FunctionSchedule>(*this); }

  Json to_json() const override {
    throw_error(Error::Kind::kValue, {kName, ": a function cannot be written as JSON"});
  }

 private:
  static constexpr const char* kName = "FunctionSchedule";

  RateFunction function_;
};

template <class Options>
void check(double rate, Options options) {
  OptionChecker checker(Options::kName);
  checker.number("rate", rate, kNotNegative);
  schedules::visit_options(options, checker);
}

}  // namespace

std::vector<double> Schedule::factors(std::span<const double>, double) const {
  throw_error(Error::Kind::kValue, {"schedule: expected a curve, which has factors, got another"});
}

CurveTimes curve_times(const std::string& name, Per per, const RateSpan& span, double length,
                       bool ends_with_training) {
  CurveTimes times;
  const int64_t unit = per == Per::kStep ? 1 : steps_of_an_epoch(name, span);
  times.t.reserve(static_cast<std::size_t>(span.count));
  for (int64_t step = span.first_step; step < span.first_step + span.count; ++step)
    times.t.push_back(static_cast<double>(step / unit));
  times.length = length;
  if (!ends_with_training) return times;
  if (!span.last_step)
    throw_error(Error::Kind::kValue, {name,
                                      ": expected a length, or optimizer.set_length(steps_per_epoch, "
                                      "epochs) before steps by hand"});
  times.length = static_cast<double>(*span.last_step) / static_cast<double>(unit);
  return times;
}

std::unique_ptr<Schedule> make_schedule(double rate, const CurveOptions& options, Per per) {
  return std::visit(
      [&](const auto& chosen) -> std::unique_ptr<Schedule> {
        check(rate, chosen);
        return std::make_unique<Curve<std::decay_t<decltype(chosen)>>>(rate, chosen, per);
      },
      options);
}

std::unique_ptr<Schedule> make_plateau(double rate, const PlateauOptions& options, Per per) {
  check(rate, options);
  return std::make_unique<Plateau>(rate, options, per);
}

std::unique_ptr<Schedule> make_warm_up(std::shared_ptr<Schedule> after, const WarmUpOptions& options,
                                       Per per) {
  if (after == nullptr)
    throw_error(Error::Kind::kValue, {"WarmUp: expected a schedule that follows, got none"});
  check(after->rate(), options);
  return std::make_unique<WarmUp>(std::move(after), options, per);
}

std::unique_ptr<Schedule> make_function_schedule(RateFunction function, Per per) {
  if (!function)
    throw_error(Error::Kind::kType, {"FunctionSchedule: expected a function of the step, got none"});
  const double rate = FunctionSchedule::value(function, 0, per);
  return std::make_unique<FunctionSchedule>(rate, std::move(function), per);
}

}  // namespace lamina
