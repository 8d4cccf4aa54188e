// Schedules of learning rates, of weight decay, and of the factor of dropout: structs with Python's options.
#pragma once

#include <lamina/cpp/description.hpp>

namespace lamina {
inline namespace v1 {

// One of the schedules below. Time counts the optimizer's steps, or with {.per = "epoch"} epochs.
using Schedule = detail::Described<detail::ScheduleRole>;

namespace detail {

// The rate that a schedule's factors multiply; that of a warm-up is the one of what follows it.
inline double rate_of(const std::vector<Option>& options) {
  for (const Option& option : options) {
    if (option.name == std::string("rate")) return option.number;
    if (option.name == std::string("after")) return rate_of(option.options);
  }
  return 0.0;
}

}  // namespace detail

// A number, or a schedule of it.
class Rate {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  Rate(T number) : number_(static_cast<double>(number)) {}  // NOLINT
  template <detail::Describes<detail::ScheduleRole> T>
  Rate(const T& schedule)  // NOLINT
      : schedule_(detail::description_of(schedule)), number_(detail::rate_of(schedule_.options)) {}
  [[nodiscard]] double number() const noexcept { return number_; }
  // Without a kind where it is a number.
  [[nodiscard]] const detail::Description& schedule() const noexcept { return schedule_; }

 private:
  detail::Description schedule_ = {};
  double number_;
};

// The same rate at all times.
struct ConstantSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"constant"};
  double rate = 0.0;
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const { to("rate", rate)("per", per); }
};

// rate * factor^floor(t / every).
struct StepSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"step"};
  double rate = 0.0;
  detail::Integer every = 0;
  detail::Number factor = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const {
    to("rate", rate)("every", every)("factor", factor)("per", per);
  }
};

// rate * factor^(milestones that t has reached).
struct MultiStepSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"multi_step"};
  double rate = 0.0;
  std::vector<std::int64_t> milestones = {};
  detail::Number factor = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const {
    to("rate", rate)("milestones", milestones)("factor", factor)("per", per);
  }
};

// rate * factor^t.
struct ExponentialSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"exponential"};
  double rate = 0.0;
  double factor = 0.0;
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const { to("rate", rate)("factor", factor)("per", per); }
};

// A curve down to rate * end; a straight line by default.
struct PolynomialSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"polynomial"};
  double rate = 0.0;
  detail::Whole length = {};
  detail::Number power = {};
  detail::Number end = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const {
    to("rate", rate)("length", length)("power", power)("end", end)("per", per);
  }
};

// rate / (1 + t)^power.
struct InverseScalingSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"inverse_scaling"};
  double rate = 0.0;
  detail::Number power = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const { to("rate", rate)("power", power)("per", per); }
};

// Half a cosine wave down to rate * end; by default until the fit ends.
struct CosineSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"cosine"};
  double rate = 0.0;
  detail::Whole length = {};
  detail::Number end = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const { to("rate", rate)("length", length)("end", end)("per", per); }
};

// Half a cosine wave again and again, each longer by `growth`.
struct CosineRestartsSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"cosine_restarts"};
  double rate = 0.0;
  detail::Integer period = 0;
  detail::Number growth = {};
  detail::Number end = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const {
    to("rate", rate)("period", period)("growth", growth)("end", end)("per", per);
  }
};

// From rate * start up to rate, and down to rate * end.
struct OneCycleSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"one_cycle"};
  double rate = 0.0;
  detail::Whole length = {};
  detail::Number rise = {};
  detail::Number start = {};
  detail::Number end = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const {
    to("rate", rate)("length", length)("rise", rise)("start", start)("end", end)("per", per);
  }
};

// Waves of doubling length, as RealMLP has them.
struct CosineLogSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"cosine_log"};
  double rate = 0.0;
  detail::Whole length = {};
  detail::Whole cycles = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const {
    to("rate", rate)("length", length)("cycles", cycles)("per", per);
  }
};

// `rate` for a share of the length, then half a cosine wave down to 0.
struct FlatCosineSchedule {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"flat_cosine"};
  double rate = 0.0;
  detail::Whole length = {};
  detail::Number flat = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const { to("rate", rate)("length", length)("flat", flat)("per", per); }
};

// Times `factor` when a figure has not improved for `patience` epochs.
struct ReduceOnPlateau {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"reduce_on_plateau"};
  double rate = 0.0;
  detail::Number factor = {};
  detail::Whole patience = {};
  detail::Number threshold = {};
  detail::Whole cooldown = {};
  detail::Number minimum = {};
  detail::Text monitor = {};
  detail::Text mode = {};
  detail::Text per = {};  // "step" or "epoch"
  void describe(detail::Collector& to) const {
    to("rate", rate)("factor", factor)("patience", patience)("threshold", threshold)("cooldown", cooldown)(
        "minimum", minimum)("monitor", monitor)("mode", mode)("per", per);
  }
};

// A straight line from start * rate up to the rate, then another schedule or a constant rate.
struct WarmUp {
  static constexpr detail::KindOf<detail::ScheduleRole> kind{"warm_up"};
  Rate schedule = 0.0;
  detail::Integer steps = 0;
  detail::Number start = {};
  detail::Text per = {};  // "step" or "epoch"

  void describe(detail::Collector& to) const {
    to("steps", steps)("start", start)("per", per);
    if (schedule.schedule().kind.empty())
      to.group("after", detail::description_of(ConstantSchedule{schedule.number()}));
    else
      to.group("after", schedule.schedule());
  }
};

}  // namespace v1
}  // namespace lamina
