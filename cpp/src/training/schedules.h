// Learning-rate schedules: curves over steps or epochs, warm-up, plateaus, functions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "metrics/figures.h"

namespace lamina {

class Json;

// Whether the rate changes at each step or after each epoch.
enum class Per : uint8_t { kStep, kEpoch };

// What a schedule may have recorded at the ends of epochs.
struct PlateauState {
  double rate = 0.0;
  std::optional<double> best;  // with the sign by which smaller is better; empty: none yet
  int64_t bad = 0, cooling = 0;
};

// Time t counts the optimizer's steps (or epochs) from 0, also across fits. Where a curve takes a `length`
// and has none, it ends when training does.
class Schedule {
 public:
  virtual ~Schedule() = default;

  // The learning rate that the factors multiply.
  double rate() const noexcept { return rate_; }
  Per per() const noexcept { return per_; }
  // That of its Python class: "CosineSchedule".
  virtual std::string name() const = 0;

  // Learning rates [count] of the steps from `first_step` on. `epoch_steps`: steps of an epoch; `last_step`:
  // steps when training ends; either empty where it is not known. Raises Error kValue where it must be.
  virtual std::vector<double> rates(int64_t first_step, int64_t count, std::optional<int64_t> epoch_steps,
                                    std::optional<int64_t> last_step) const = 0;

  // Before a fit: what each epoch's record will hold. Raises Error kValue where a figure to watch is missing.
  virtual void watch(const FigureModes& figures);
  // After each epoch of a fit.
  virtual void note_epoch(const Figures& record);

  virtual std::optional<PlateauState> get_state() const { return std::nullopt; }
  virtual void set_state(const PlateauState& state);

  virtual std::unique_ptr<Schedule> clone() const = 0;
  // {"kind": "CosineSchedule", "rate": 0.1, ...}, which schedule_from_json reads. Raises Error kValue for
  // functions.
  virtual Json to_json() const = 0;

 protected:
  Schedule(double rate, Per per) noexcept : rate_(rate), per_(per) {}
  Schedule(const Schedule&) = default;
  Schedule& operator=(const Schedule&) = default;

  double rate_;
  Per per_;
};

// The options of each curve; `length`, `every`, `milestones` and `period` count steps, or epochs.

struct ConstantOptions {};

// rate * factor^floor(t / every)
struct StepOptions {
  int64_t every = 1;
  double factor = 0.1;
};

// rate * factor^(number of milestones that t has reached)
struct MultiStepOptions {
  std::vector<int64_t> milestones;  // ascending
  double factor = 0.1;
};

// rate * factor^t
struct ExponentialOptions {
  double factor = 1.0;
};

// rate * (end + (1 - end) (1 - t / length)^power), then rate * end
struct PolynomialOptions {
  std::optional<int64_t> length;
  double power = 1.0;
  double end = 0.0;
};

// rate / (1 + t)^power
struct InverseScalingOptions {
  double power = 0.5;
};

// rate * (end + (1 - end) (1 + cos(pi t / length)) / 2), then rate * end (Loshchilov & Hutter 2017)
struct CosineOptions {
  std::optional<int64_t> length;
  double end = 0.0;
};

// Half waves in a row, each longer by `growth` (Loshchilov & Hutter 2017).
struct CosineRestartsOptions {
  int64_t period = 1;
  double growth = 1.0;
  double end = 0.0;
};

// From rate * start up to rate and down to rate * end, by cosines (Smith & Topin 2019).
struct OneCycleOptions {
  std::optional<int64_t> length;
  double rise = 0.3;
  double start = 1.0 / 25.0;
  double end = 1.0 / 25e4;
};

// rate * (1 - cos(2 pi log2(1 + (2^cycles - 1) t / length))) / 2 (Holzmueller et al. 2024)
struct CosineLogOptions {
  std::optional<int64_t> length;
  int64_t cycles = 4;
};

// `rate` for a share of the length, then half a cosine wave down to 0 (Holzmueller et al. 2024).
struct FlatCosineOptions {
  std::optional<int64_t> length;
  double flat = 0.5;
};

using CurveOptions =
    std::variant<ConstantOptions, StepOptions, MultiStepOptions, ExponentialOptions, PolynomialOptions,
                 InverseScalingOptions, CosineOptions, CosineRestartsOptions, OneCycleOptions,
                 CosineLogOptions, FlatCosineOptions>;

// The rate is multiplied by `factor` when the figure has not improved for `patience` epochs.
struct PlateauOptions {
  double factor = 0.1;
  int64_t patience = 10;
  double threshold = 1e-4;   // share of the best value by which a better one lies beyond it
  int64_t cooldown = 0;      // epochs after a change that do not count
  double minimum = 0.0;      // least rate
  std::string monitor;       // empty: "val_loss" where there is one, else "loss"
  std::optional<Mode> mode;  // empty: as lamina knows it
};

// A straight line from start * rate up to the rate over the first steps, then another schedule.
struct WarmUpOptions {
  int64_t steps = 1;  // epochs, per epoch
  double start = 0.0;
};

// t -> rate, finite and at least 0.
using RateFunction = std::function<double(int64_t)>;

// Each raises Error kValue where an option is out of range.
std::unique_ptr<Schedule> make_schedule(double rate, const CurveOptions& options, Per per = Per::kStep);
std::unique_ptr<Schedule> make_plateau(double rate, const PlateauOptions& options, Per per = Per::kStep);
std::unique_ptr<Schedule> make_warm_up(std::unique_ptr<Schedule> after, const WarmUpOptions& options,
                                       Per per = Per::kStep);
std::unique_ptr<Schedule> make_function_schedule(RateFunction function, Per per = Per::kStep);

// From what Schedule::to_json gives, or a number for a constant rate.
std::unique_ptr<Schedule> schedule_from_json(const Json& spec);

}  // namespace lamina
