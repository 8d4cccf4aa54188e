// Reads the metrics of a fit.
#include "c_api/fit_metrics.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/json_reader.h"
#include "base/text.h"
#include "c_api/options.h"

namespace lamina::c {
namespace {

template <class Value>
struct Named {
  const char* name;
  Value value;
};

template <class Value, std::size_t count>
Value named_value(const JsonReader& spec, const std::string& option, const Named<Value> (&values)[count]) {
  const std::string given = spec.text(option);
  std::string names;
  for (const Named<Value>& value : values) {
    if (given == value.name) return value.value;
    names += concat({(names.empty() ? "" : ", "), value.name});
  }
  spec.fail({"expected ", option, " ", names, ", got '", given, "'"});
}

std::vector<double> levels_of(const JsonReader& spec) {
  const Json& given = spec.at("level");
  std::vector<double> levels;
  if (given.is_number())
    levels.push_back(given.number());
  else
    for (const Json& level : spec.list("level", "levels")) levels.push_back(level.number());
  for (const double level : levels)
    if (!(level >= 0.0 && level <= 1.0))
      spec.fail({"expected level in [0, 1], or several such, got ", shown(level)});
  return levels;
}

MetricOptions options_of(const Metric& metric, const Json& described) {
  const JsonReader spec(described, metric.name);
  std::vector<std::string> known(metric.options.begin(), metric.options.end());
  known.emplace_back("kind");
  spec.allow_only(known);
  MetricOptions options;
  if (spec.has("task"))
    options.task = named_value<Task>(
        spec, "task",
        {{"binary", Task::kBinary}, {"multiclass", Task::kMulticlass}, {"multilabel", Task::kMultilabel}});
  if (spec.has("threshold")) options.threshold = spec.number("threshold", std::nullopt);
  if (spec.has("average"))
    options.average = named_value<Average>(spec, "average",
                                           {{"auto", Average::kAuto},
                                            {"binary", Average::kBinary},
                                            {"macro", Average::kMacro},
                                            {"micro", Average::kMicro},
                                            {"weighted", Average::kWeighted},
                                            {"none", Average::kNone}});
  if (spec.has("normalize"))
    options.normalize = named_value<Normalize>(
        spec, "normalize",
        {{"true", Normalize::kTrue}, {"pred", Normalize::kPredicted}, {"all", Normalize::kAll}});
  if (spec.has("k")) options.k = spec.integer("k", std::nullopt, 1);
  if (spec.has("bins")) options.bins = spec.integer("bins", std::nullopt, 1);
  if (spec.has("level")) options.levels = levels_of(spec);
  return options;
}

// [rows, columns] without gaps.
std::vector<double> doubles_of(const NumberView& numbers) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(numbers.rows * numbers.columns));
  for (std::int64_t row = 0; row < numbers.rows; ++row)
    for (std::int64_t column = 0; column < numbers.columns; ++column)
      values.push_back(numbers.at(row, column));
  return values;
}

std::optional<Mode> mode_of(int greater_is_better) {
  if (greater_is_better < 0) return std::nullopt;
  return greater_is_better > 0 ? Mode::kMax : Mode::kMin;
}

ScoredMetric metric_of(const lamina_metric& given) {
  std::optional<Json> described = read_description(given.metric, "metric");
  if (!described) fail_value({"the kind of a metric is NULL; expected a name"});
  const std::string name = described->at("kind").text();
  if (given.function == nullptr) return ScoredMetric::of(name, options_of(metric_named(name), *described));
  if (given.metric.count > 0)
    fail_value({"metric '", name, "' has a function and options; expected one of them"});
  ScoredMetric own;
  own.name = name;
  own.mode = mode_of(given.greater_is_better);
  own.function = [function = given.function, user = given.user](
                     const NumberView& targets, const NumberView& outputs, const double* weights) {
    const std::vector<double> y = doubles_of(targets), values = doubles_of(outputs);
    return function(y.data(), static_cast<std::size_t>(targets.columns), values.data(),
                    static_cast<std::size_t>(outputs.columns), static_cast<std::size_t>(targets.rows),
                    weights, user);
  };
  return own;
}

}  // namespace

Scorer scorer_of(const lamina_metric* metrics, std::size_t count) {
  constexpr std::size_t kMost = 1024;
  if (count > kMost) fail_value({"metric_count is ", count, "; expected at most 1024"});
  if (count > 0) check_given(metrics, "metrics", "an array of as many as metric_count says");
  std::vector<ScoredMetric> scored;
  for (std::size_t i = 0; i < count; ++i) scored.push_back(metric_of(metrics[i]));
  return Scorer(std::move(scored));
}

}  // namespace lamina::c
