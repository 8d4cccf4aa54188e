// Learning-rate schedules: curves over steps or epochs, warm-up, plateaus, functions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "metrics/figures.h"

namespace lamina {

class Json;

// Whether the rate changes at each step or after each epoch.
enum class Per : uint8_t { kStep, kEpoch };

// What a schedule has recorded at the ends of epochs.
struct PlateauState {
  double rate = 0.0;
  std::optional<double> best;  // with the sign by which smaller is better; empty: none yet
  int64_t bad = 0, cooling = 0;
};

// Which rates are asked for: those of the steps from `first_step` on.
struct RateSpan {
  int64_t first_step = 0, count = 0;
  std::optional<int64_t> epoch_steps = std::nullopt;  // steps of an epoch; empty: not known
  std::optional<int64_t> last_step = std::nullopt;    // steps when training ends; empty: not known
};

// Time t counts the optimizer's steps (or epochs) from 0, also across fits. Where a curve takes a `length`
// and has none, it ends when training does.
class Schedule {
 public:
  virtual ~Schedule() = default;

  // The learning rate that the factors multiply.
  double rate() const noexcept { return rate_; }
  Per per() const noexcept { return per_; }

  // Learning rates [count]. Raises Error kValue where it must be known what an epoch is, or when training
  // ends.
  virtual std::vector<double> rates(const RateSpan& span) const = 0;
  // Factors of the rate at times t, for a schedule that ends at `length`; of curves and plateaus alone.
  virtual std::vector<double> factors(std::span<const double> t, double length) const;

  // Before a fit: what each epoch's record will hold. Raises Error kValue where a figure to watch is missing.
  virtual void watch(const FigureModes&) {}
  // After each epoch of a fit.
  virtual void note_epoch(const Figures&) {}

  virtual std::optional<PlateauState> get_state() const { return std::nullopt; }
  virtual void set_state(const PlateauState&) {}

  virtual std::unique_ptr<Schedule> clone() const = 0;
  // {"kind": "cosine", "rate": 0.1, ...}, which schedule_from_json reads. Raises Error kValue for functions.
  virtual Json to_json() const = 0;

 protected:
  Schedule(double rate, Per per) noexcept : rate_(rate), per_(per) {}
  Schedule(const Schedule&) = default;
  Schedule& operator=(const Schedule&) = default;

  double rate_;
  Per per_;
};

// The times of some steps, and the time at which a schedule ends: what a curve needs, also one of the user's.
struct CurveTimes {
  std::vector<double> t;
  double length = 0.0;
};
// `ends_with_training`: the curve has no length of its own. `name` opens the sentence of an error.
CurveTimes curve_times(const std::string& name, Per per, const RateSpan& span, double length,
                       bool ends_with_training);

// The options of each curve, with what it is called in JSON and in errors (as its Python class is); `length`,
// `every`, `milestones` and `period` count steps, or epochs.

struct ConstantOptions {
  static constexpr const char *kKind = "constant", *kName = "ConstantSchedule";
};

// rate * factor^floor(t / every)
struct StepOptions {
  static constexpr const char *kKind = "step", *kName = "StepSchedule";
  int64_t every = 1;
  double factor = 0.1;
};

// rate * factor^(number of milestones that t has reached)
struct MultiStepOptions {
  static constexpr const char *kKind = "multi_step", *kName = "MultiStepSchedule";
  std::vector<int64_t> milestones = {};  // ascending
  double factor = 0.1;
};

// rate * factor^t
struct ExponentialOptions {
  static constexpr const char *kKind = "exponential", *kName = "ExponentialSchedule";
  double factor = 1.0;
};

// rate * (end + (1 - end) (1 - t / length)^power), then rate * end
struct PolynomialOptions {
  static constexpr const char *kKind = "polynomial", *kName = "PolynomialSchedule";
  std::optional<int64_t> length = std::nullopt;
  double power = 1.0;
  double end = 0.0;
};

// rate / (1 + t)^power
struct InverseScalingOptions {
  static constexpr const char *kKind = "inverse_scaling", *kName = "InverseScalingSchedule";
  double power = 0.5;
};

// rate * (end + (1 - end) (1 + cos(pi t / length)) / 2), then rate * end (Loshchilov & Hutter 2017)
struct CosineOptions {
  static constexpr const char *kKind = "cosine", *kName = "CosineSchedule";
  std::optional<int64_t> length = std::nullopt;
  double end = 0.0;
};

// Half waves in a row, each longer by `growth` (Loshchilov & Hutter 2017).
struct CosineRestartsOptions {
  static constexpr const char *kKind = "cosine_restarts", *kName = "CosineRestartsSchedule";
  int64_t period = 1;
  double growth = 1.0;
  double end = 0.0;
};

// From rate * start up to rate and down to rate * end, by cosines (Smith & Topin 2019).
struct OneCycleOptions {
  static constexpr const char *kKind = "one_cycle", *kName = "OneCycleSchedule";
  std::optional<int64_t> length = std::nullopt;
  double rise = 0.3;
  double start = 1.0 / 25.0;
  double end = 1.0 / 25e4;
};

// rate * (1 - cos(2 pi log2(1 + (2^cycles - 1) t / length))) / 2 (Holzmueller et al. 2024)
struct CosineLogOptions {
  static constexpr const char *kKind = "cosine_log", *kName = "CosineLogSchedule";
  std::optional<int64_t> length = std::nullopt;
  int64_t cycles = 4;
};

// `rate` for a share of the length, then half a cosine wave down to 0 (Holzmueller et al. 2024).
struct FlatCosineOptions {
  static constexpr const char *kKind = "flat_cosine", *kName = "FlatCosineSchedule";
  std::optional<int64_t> length = std::nullopt;
  double flat = 0.5;
};

using CurveOptions =
    std::variant<ConstantOptions, StepOptions, MultiStepOptions, ExponentialOptions, PolynomialOptions,
                 InverseScalingOptions, CosineOptions, CosineRestartsOptions, OneCycleOptions,
                 CosineLogOptions, FlatCosineOptions>;

// The rate is multiplied by `factor` when the figure has not improved for `patience` epochs.
struct PlateauOptions {
  static constexpr const char *kKind = "reduce_on_plateau", *kName = "ReduceOnPlateau";
  double factor = 0.1;
  int64_t patience = 10;
  double threshold = 1e-4;                  // share of the best value by which a better one lies beyond it
  int64_t cooldown = 0;                     // epochs after a change that do not count
  double minimum = 0.0;                     // least rate
  std::string monitor = "";                 // empty: "val_loss" where there is one, else "loss"
  std::optional<Mode> mode = std::nullopt;  // empty: as lamina knows it
};

// A straight line from start * rate up to the rate over the first steps, then another schedule.
struct WarmUpOptions {
  static constexpr const char *kKind = "warm_up", *kName = "WarmUp";
  int64_t steps = 1;  // epochs, per epoch
  double start = 0.0;
};

// t -> rate, finite and at least 0.
using RateFunction = std::function<double(int64_t)>;

// Each raises Error kValue where an option is out of range. A warm-up's time ends where that of `after`
// begins.
std::unique_ptr<Schedule> make_schedule(double rate, const CurveOptions& options, Per per = Per::kStep);
std::unique_ptr<Schedule> make_plateau(double rate, const PlateauOptions& options, Per per = Per::kStep);
std::unique_ptr<Schedule> make_warm_up(std::shared_ptr<Schedule> after, const WarmUpOptions& options,
                                       Per per = Per::kStep);
std::unique_ptr<Schedule> make_function_schedule(RateFunction function, Per per = Per::kStep);

// From what Schedule::to_json gives, or a number for a constant rate.
std::unique_ptr<Schedule> schedule_from_json(const Json& spec);

}  // namespace lamina
