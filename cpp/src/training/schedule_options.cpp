// Checks of schedules' options, and their reading from JSON.
#include "training/schedule_options.h"

#include <algorithm>

#include "base/number_text.h"
#include "base/text.h"

namespace lamina::schedules {

void visit_options(ConstantOptions&, OptionVisitor&) {}

void visit_options(StepOptions& options, OptionVisitor& visit) {
  visit.count("every", options.every, 1, Needed::kYes);
  visit.number("factor", options.factor, kPositive);
}

void visit_options(MultiStepOptions& options, OptionVisitor& visit) {
  visit.number("factor", options.factor, kPositive);
  visit.milestones("milestones", options.milestones);
}

void visit_options(ExponentialOptions& options, OptionVisitor& visit) {
  visit.number("factor", options.factor, kPositive, Needed::kYes);
}

void visit_options(PolynomialOptions& options, OptionVisitor& visit) {
  visit.length("length", options.length);
  visit.number("power", options.power, kPositive);
  visit.number("end", options.end, kShare);
}

void visit_options(InverseScalingOptions& options, OptionVisitor& visit) {
  visit.number("power", options.power, kPositive);
}

void visit_options(CosineOptions& options, OptionVisitor& visit) {
  visit.length("length", options.length);
  visit.number("end", options.end, kShare);
}

void visit_options(CosineRestartsOptions& options, OptionVisitor& visit) {
  visit.count("period", options.period, 1, Needed::kYes);
  visit.number("growth", options.growth, {.low = 1.0});
  visit.number("end", options.end, kShare);
}

void visit_options(OneCycleOptions& options, OptionVisitor& visit) {
  visit.length("length", options.length);
  visit.number("rise", options.rise, kShare);
  visit.number("start", options.start, kShare);
  visit.number("end", options.end, kShare);
}

void visit_options(CosineLogOptions& options, OptionVisitor& visit) {
  visit.length("length", options.length);
  visit.count("cycles", options.cycles, 1);
}

void visit_options(FlatCosineOptions& options, OptionVisitor& visit) {
  visit.length("length", options.length);
  visit.number("flat", options.flat, {.low = 0.0, .high = 1.0 - 1e-9});
}

void visit_options(PlateauOptions& options, OptionVisitor& visit) {
  visit.number("factor", options.factor, {.low = 0.0, .high = 1.0, .above = true});
  visit.count("patience", options.patience, 0);
  visit.count("cooldown", options.cooldown, 0);
  visit.number("threshold", options.threshold, kNotNegative);
  visit.number("minimum", options.minimum, kNotNegative);
  visit.text("monitor", options.monitor);
  visit.mode("mode", options.mode);
}

void visit_options(WarmUpOptions& options, OptionVisitor& visit) {
  visit.count("steps", options.steps, 1, Needed::kYes);
  visit.number("start", options.start, kShare);
}

bool in_range(double value, const Range& range) noexcept {
  return std::isfinite(value) && value >= range.low && value <= range.high &&
         !(range.above && value == range.low);
}

std::string expected_number(const char* option, const Range& range) {
  std::string text = concat({option, (range.above ? " above " : " of at least "), short_number(range.low)});
  if (!std::isinf(range.high)) text += concat({" and at most ", short_number(range.high)});
  return text;
}

std::string expected_count(const char* option, int64_t low) {
  return concat({option, " as a whole number of at least ", low});
}

std::string expected_milestones(const char* option) {
  return concat({option, " as ascending whole numbers"});
}

void fail(std::string_view name, std::string_view expected, std::string_view got) {
  throw_error(Error::Kind::kValue, {name, ": expected ", expected, ", got ", got});
}

void OptionChecker::number(const char* option, double& value, const Range& range, Needed) {
  if (!in_range(value, range)) fail(name_, expected_number(option, range), short_number(value));
}

void OptionChecker::count(const char* option, int64_t& value, int64_t low, Needed) {
  if (value < low) fail(name_, expected_count(option, low), std::to_string(value));
  if (value > kMostCounted)
    fail(name_, concat({option, " of at most ", kMostCounted}), std::to_string(value));
}

void OptionChecker::milestones(const char* option, std::vector<int64_t>& values) {
  if (!std::ranges::is_sorted(values)) {
    std::string list;
    for (const int64_t value : values) list += concat({(list.empty() ? "" : ", "), value});
    fail(name_, expected_milestones(option), list);
  }
}

void OptionReader::number(const char* option, double& value, const Range&, Needed needed) {
  known_.emplace_back(option);
  value = spec_.number(option, needed == Needed::kYes ? std::nullopt : std::optional(value));
}

void OptionReader::count(const char* option, int64_t& value, int64_t, Needed needed) {
  known_.emplace_back(option);
  value = spec_.integer(option, needed == Needed::kYes ? std::nullopt : std::optional(value),
                        std::numeric_limits<int64_t>::min(), kMostCounted);
}

void OptionReader::length(const char* option, std::optional<int64_t>& value) {
  known_.emplace_back(option);
  if (spec_.has(option))
    value = spec_.integer(option, std::nullopt, std::numeric_limits<int64_t>::min(), kMostCounted);
}

void OptionReader::milestones(const char* option, std::vector<int64_t>& values) {
  known_.emplace_back(option);
  const Json& given = spec_.at(option);
  if (!given.is_array()) spec_.fail({"expected ", expected_milestones(option), ", got ", given.dump()});
  for (const Json& value : given.elements()) {
    if (!value.is_integer()) spec_.fail({"expected ", expected_milestones(option), ", got ", given.dump()});
    values.push_back(value.integer());
  }
}

void OptionReader::text(const char* option, std::string& value) {
  known_.emplace_back(option);
  if (spec_.has(option)) value = spec_.text(option);
}

void OptionReader::mode(const char* option, std::optional<Mode>& value) {
  known_.emplace_back(option);
  if (!spec_.has(option)) return;
  const std::string given = spec_.text(option);
  if (given == "min" || given == "max")
    value = given == "min" ? Mode::kMin : Mode::kMax;
  else if (given != "auto")
    spec_.fail({"expected ", option, " auto, min or max, got '", given, "'"});
}

void OptionReader::allow_only(std::vector<std::string> common) const {
  common.insert(common.end(), known_.begin(), known_.end());
  spec_.allow_only(common);
}

}  // namespace lamina::schedules
