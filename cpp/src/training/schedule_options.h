// The options of each schedule, said once: to check them, to read them from JSON and to write them.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
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

// What is done with each option of a schedule.
class OptionVisitor {
 public:
  virtual void number(const char* option, double& value, const Range& range, Needed needed = Needed::kNo) = 0;
  virtual void count(const char* option, int64_t& value, int64_t low, Needed needed = Needed::kNo) = 0;
  virtual void length(const char* option, std::optional<int64_t>& value) = 0;
  virtual void milestones(const char* option, std::vector<int64_t>& values) = 0;
  virtual void text(const char* option, std::string& value) = 0;
  virtual void mode(const char* option, std::optional<Mode>& value) = 0;

 protected:
  ~OptionVisitor() = default;
};

// Each names the options of one schedule to `visit`, with their ranges.
void visit_options(ConstantOptions& options, OptionVisitor& visit);
void visit_options(StepOptions& options, OptionVisitor& visit);
void visit_options(MultiStepOptions& options, OptionVisitor& visit);
void visit_options(ExponentialOptions& options, OptionVisitor& visit);
void visit_options(PolynomialOptions& options, OptionVisitor& visit);
void visit_options(InverseScalingOptions& options, OptionVisitor& visit);
void visit_options(CosineOptions& options, OptionVisitor& visit);
void visit_options(CosineRestartsOptions& options, OptionVisitor& visit);
void visit_options(OneCycleOptions& options, OptionVisitor& visit);
void visit_options(CosineLogOptions& options, OptionVisitor& visit);
void visit_options(FlatCosineOptions& options, OptionVisitor& visit);
void visit_options(PlateauOptions& options, OptionVisitor& visit);
void visit_options(WarmUpOptions& options, OptionVisitor& visit);

bool in_range(double value, const Range& range) noexcept;
// "factor above 0 and at most 1", as errors say what was expected.
std::string expected_number(const char* option, const Range& range);
std::string expected_count(const char* option, int64_t low);
std::string expected_milestones(const char* option);
// Raises Error kValue: name: expected ..., got ...
[[noreturn]] void fail(std::string_view name, std::string_view expected, std::string_view got);

// Raises Error kValue, in a sentence that opens with the schedule's name, where an option is out of range.
class OptionChecker final : public OptionVisitor {
 public:
  explicit OptionChecker(const char* name) : name_(name) {}

  void number(const char* option, double& value, const Range& range, Needed = Needed::kNo) override;
  void count(const char* option, int64_t& value, int64_t low, Needed = Needed::kNo) override;
  void length(const char* option, std::optional<int64_t>& value) override {
    if (value) count(option, *value, 1);
  }
  void milestones(const char* option, std::vector<int64_t>& values) override;
  void text(const char*, std::string&) override {}
  void mode(const char*, std::optional<Mode>&) override {}

 private:
  const char* name_;
};

// Reads what JSON says of the options, without their ranges.
class OptionReader final : public OptionVisitor {
 public:
  explicit OptionReader(const JsonReader& spec) : spec_(spec) {}

  void number(const char* option, double& value, const Range&, Needed needed = Needed::kNo) override;
  void count(const char* option, int64_t& value, int64_t, Needed needed = Needed::kNo) override;
  void length(const char* option, std::optional<int64_t>& value) override;
  void milestones(const char* option, std::vector<int64_t>& values) override;
  void text(const char* option, std::string& value) override;
  void mode(const char* option, std::optional<Mode>& value) override;

  // Refuses others than those that were read and `common`.
  void allow_only(std::vector<std::string> common) const;

 private:
  const JsonReader& spec_;
  std::vector<std::string> known_;
};

class OptionWriter final : public OptionVisitor {
 public:
  explicit OptionWriter(Json& spec) : spec_(spec) {}

  void number(const char* option, double& value, const Range&, Needed = Needed::kNo) override {
    spec_[option] = value;
  }
  void count(const char* option, int64_t& value, int64_t, Needed = Needed::kNo) override {
    spec_[option] = value;
  }
  void length(const char* option, std::optional<int64_t>& value) override {
    spec_[option] = value ? Json(*value) : Json();
  }
  void milestones(const char* option, std::vector<int64_t>& values) override {
    spec_[option] = Json::Array(values.begin(), values.end());
  }
  void text(const char* option, std::string& value) override {
    spec_[option] = value.empty() ? Json() : Json(value);
  }
  void mode(const char* option, std::optional<Mode>& value) override {
    spec_[option] = !value ? "auto" : *value == Mode::kMin ? "min" : "max";
  }

 private:
  Json& spec_;
};

}  // namespace lamina::schedules
