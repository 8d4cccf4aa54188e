// Checks of schedules' options, and their reading from JSON.
#include "training/schedule_options.h"

#include <algorithm>

#include "base/number_text.h"

namespace lamina::schedules {
bool in_range(double value, const Range& range) noexcept {
  return std::isfinite(value) && value >= range.low && value <= range.high &&
         !(range.above && value == range.low);
}

std::string expected_number(const char* option, const Range& range) {
  std::string text =
      std::string(option) + (range.above ? " above " : " of at least ") + short_number(range.low);
  if (!std::isinf(range.high)) text += " and at most " + short_number(range.high);
  return text;
}

std::string expected_count(const char* option, int64_t low) {
  return std::string(option) + " as a whole number of at least " + std::to_string(low);
}

std::string expected_milestones(const char* option) {
  return std::string(option) + " as ascending whole numbers";
}

void fail(const std::string& name, const std::string& expected, const std::string& got) {
  throw Error(Error::Kind::kValue, name + ": expected " + expected + ", got " + got);
}

void OptionChecker::number(const char* option, double value, const Range& range, Needed) const {
  if (!in_range(value, range)) fail(name_, expected_number(option, range), short_number(value));
}

void OptionChecker::count(const char* option, int64_t value, int64_t low, Needed) const {
  if (value < low) fail(name_, expected_count(option, low), std::to_string(value));
  if (value > kMostCounted)
    fail(name_, std::string(option) + " of at most " + std::to_string(kMostCounted), std::to_string(value));
}

void OptionChecker::milestones(const char* option, const std::vector<int64_t>& values) const {
  if (!std::ranges::is_sorted(values)) {
    std::string list;
    for (const int64_t value : values) list += (list.empty() ? "" : ", ") + std::to_string(value);
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
  if (!given.is_array()) spec_.fail("expected " + expected_milestones(option) + ", got " + given.dump());
  for (const Json& value : given.elements()) {
    if (!value.is_integer()) spec_.fail("expected " + expected_milestones(option) + ", got " + given.dump());
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
    spec_.fail("expected " + std::string(option) + " auto, min or max, got '" + given + "'");
}

void OptionReader::allow_only(std::vector<std::string> common) const {
  common.insert(common.end(), known_.begin(), known_.end());
  spec_.allow_only(common);
}

}  // namespace lamina::schedules
