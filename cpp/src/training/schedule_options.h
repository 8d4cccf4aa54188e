// The options of each schedule, said once: to check them, to read them from JSON and to write them.
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "training/schedules.h"

namespace lamina::schedules {

// Counts stay below, so that their products with steps do not overflow.
inline constexpr int64_t kMostCounted = int64_t{1} << 44;

struct Range {
  double low = 0.0;
  double high = std::numeric_limits<double>::infinity();
  bool above = false;  // low itself is out of it
};
enum class Needed : bool { kNo, kYes };

inline constexpr Range kPositive{.low = 0.0, .above = true};
inline constexpr Range kNotNegative{.low = 0.0};
inline constexpr Range kShare{.low = 0.0, .high = 1.0};

template <class Options, class Plain>
concept SameOptions = std::same_as<std::remove_const_t<Options>, Plain>;

// Each names the options of one schedule to `visit`, with their ranges.
template <SameOptions<ConstantOptions> Options, class Visit>
void visit_options(Options&, Visit&) {}
template <SameOptions<StepOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.count("every", options.every, 1, Needed::kYes);
  visit.number("factor", options.factor, kPositive);
}
template <SameOptions<MultiStepOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.number("factor", options.factor, kPositive);
  visit.milestones("milestones", options.milestones);
}
template <SameOptions<ExponentialOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.number("factor", options.factor, kPositive, Needed::kYes);
}
template <SameOptions<PolynomialOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.length("length", options.length);
  visit.number("power", options.power, kPositive);
  visit.number("end", options.end, kShare);
}
template <SameOptions<InverseScalingOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.number("power", options.power, kPositive);
}
template <SameOptions<CosineOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.length("length", options.length);
  visit.number("end", options.end, kShare);
}
template <SameOptions<CosineRestartsOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.count("period", options.period, 1, Needed::kYes);
  visit.number("growth", options.growth, {.low = 1.0});
  visit.number("end", options.end, kShare);
}
template <SameOptions<OneCycleOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.length("length", options.length);
  visit.number("rise", options.rise, kShare);
  visit.number("start", options.start, kShare);
  visit.number("end", options.end, kShare);
}
template <SameOptions<CosineLogOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.length("length", options.length);
  visit.count("cycles", options.cycles, 1);
}
template <SameOptions<FlatCosineOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.length("length", options.length);
  visit.number("flat", options.flat, {.low = 0.0, .high = 1.0 - 1e-9});
}
template <SameOptions<PlateauOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.number("factor", options.factor, {.low = 0.0, .high = 1.0, .above = true});
  visit.count("patience", options.patience, 0);
  visit.count("cooldown", options.cooldown, 0);
  visit.number("threshold", options.threshold, kNotNegative);
  visit.number("minimum", options.minimum, kNotNegative);
  visit.text("monitor", options.monitor);
  visit.mode("mode", options.mode);
}
template <SameOptions<WarmUpOptions> Options, class Visit>
void visit_options(Options& options, Visit& visit) {
  visit.count("steps", options.steps, 1, Needed::kYes);
  visit.number("start", options.start, kShare);
}

bool in_range(double value, const Range& range) noexcept;
// "factor above 0 and at most 1", as errors say what was expected.
std::string expected_number(const char* option, const Range& range);
std::string expected_count(const char* option, int64_t low);
std::string expected_milestones(const char* option);
// Raises Error kValue: name: expected ..., got ...
[[noreturn]] void fail(const std::string& name, const std::string& expected, const std::string& got);

// Raises Error kValue, in a sentence that opens with the schedule's name, where an option is out of range.
class OptionChecker {
 public:
  explicit OptionChecker(std::string name) : name_(std::move(name)) {}

  void number(const char* option, double value, const Range& range, Needed = Needed::kNo) const;
  void count(const char* option, int64_t value, int64_t low, Needed = Needed::kNo) const;
  void length(const char* option, const std::optional<int64_t>& value) const {
    if (value) count(option, *value, 1);
  }
  void milestones(const char* option, const std::vector<int64_t>& values) const;
  void text(const char*, const std::string&) const {}
  void mode(const char*, const std::optional<Mode>&) const {}

 private:
  std::string name_;
};

// Reads what JSON says of the options, without their ranges.
class OptionReader {
 public:
  explicit OptionReader(const JsonReader& spec) : spec_(spec) {}

  void number(const char* option, double& value, const Range&, Needed needed = Needed::kNo);
  void count(const char* option, int64_t& value, int64_t, Needed needed = Needed::kNo);
  void length(const char* option, std::optional<int64_t>& value);
  void milestones(const char* option, std::vector<int64_t>& values);
  void text(const char* option, std::string& value);
  void mode(const char* option, std::optional<Mode>& value);

  // Refuses others than those that were read and `common`.
  void allow_only(std::vector<std::string> common) const;

 private:
  const JsonReader& spec_;
  std::vector<std::string> known_;
};

class OptionWriter {
 public:
  explicit OptionWriter(Json& spec) : spec_(spec) {}

  void number(const char* option, double value, const Range&, Needed = Needed::kNo) { spec_[option] = value; }
  void count(const char* option, int64_t value, int64_t, Needed = Needed::kNo) { spec_[option] = value; }
  void length(const char* option, const std::optional<int64_t>& value) {
    spec_[option] = value ? Json(*value) : Json();
  }
  void milestones(const char* option, const std::vector<int64_t>& values) {
    spec_[option] = Json::Array(values.begin(), values.end());
  }
  void text(const char* option, const std::string& value) {
    spec_[option] = value.empty() ? Json() : Json(value);
  }
  void mode(const char* option, const std::optional<Mode>& value) {
    spec_[option] = !value ? "auto" : *value == Mode::kMin ? "min" : "max";
  }

 private:
  Json& spec_;
};

}  // namespace lamina::schedules
