// The table of lamina's metrics.
#include "metrics/metric.h"

#include "base/error.h"
#include "base/text.h"
#include "metrics/formulas.h"

namespace lamina {
namespace {

using Names = std::vector<std::string>;

// One line adds a metric.
std::vector<Metric> make_table() {
  using enum Reads;
  const std::optional<Mode> min = Mode::kMin, max = Mode::kMax;
  const Names decided = {"task", "threshold"}, averaged = {"average", "task", "threshold"};
  const Names task = {"task"}, area = {"average", "task"}, none;
  return {
      {"accuracy", "acc", kDecisions, max, decided, &metrics::accuracy},
      {"label_accuracy", "", kDecisions, max, decided, &metrics::label_accuracy},
      {"balanced_accuracy", "", kDecisions, max, decided, &metrics::balanced_accuracy},
      {"precision", "", kDecisions, max, averaged, &metrics::precision},
      {"recall", "", kDecisions, max, averaged, &metrics::recall},
      {"f1", "", kDecisions, max, averaged, &metrics::f1},
      {"matthews_correlation", "mcc", kDecisions, max, decided, &metrics::matthews_correlation},
      {"confusion_matrix",
       "",
       kDecisions,
       std::nullopt,
       {"normalize", "task", "threshold"},
       &metrics::confusion_matrix},
      {"top_k_accuracy", "", kScores, max, {"k", "task"}, &metrics::top_k_accuracy},
      {"roc_auc", "auc", kScores, max, area, &metrics::roc_auc},
      {"average_precision", "", kScores, max, area, &metrics::average_precision},
      {"log_loss", "", kProbabilities, min, task, &metrics::log_loss},
      {"brier_score", "brier", kProbabilities, min, task, &metrics::brier_score},
      {"expected_calibration_error",
       "ece",
       kProbabilities,
       min,
       {"bins", "task"},
       &metrics::expected_calibration_error},
      {"mean_squared_error", "mse", kValues, min, none, &metrics::mean_squared_error},
      {"root_mean_squared_error", "rmse", kValues, min, none, &metrics::root_mean_squared_error},
      {"mean_absolute_error", "mae", kValues, min, none, &metrics::mean_absolute_error},
      {"mean_absolute_percentage_error", "mape", kValues, min, none,
       &metrics::mean_absolute_percentage_error},
      {"median_absolute_error", "", kValues, min, none, &metrics::median_absolute_error},
      {"r2", "", kValues, max, none, &metrics::r2},
      {"pinball", "", kQuantiles, min, {"level"}, &metrics::pinball},
  };
}

}  // namespace

std::span<const Metric> metric_table() {
  static const std::vector<Metric> table = make_table();
  return table;
}

const Metric* find_metric(std::string_view name) {
  if (name.empty()) return nullptr;
  for (const Metric& metric : metric_table())
    if (name == metric.name || name == metric.alias) return &metric;
  return nullptr;
}

const Metric& metric_named(std::string_view name) {
  if (const Metric* found = find_metric(name)) return *found;
  std::vector<std::string> names;
  for (const Metric& metric : metric_table()) {
    names.emplace_back(metric.name);
    if (*metric.alias != '\0') names.emplace_back(metric.alias);
  }
  throw_error(Error::Kind::kValue, {"metrics: unknown name '", name, "'; expected some of ", join(names)});
}

}  // namespace lamina
