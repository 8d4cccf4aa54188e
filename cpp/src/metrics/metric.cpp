// The table of lamina's metrics.
#include "metrics/metric.h"

#include <array>

#include "base/error.h"
#include "base/text.h"
#include "metrics/formulas.h"

namespace lamina {
namespace {

using enum Reads;

constexpr std::array kDecided = {"task", "threshold"}, kArea = {"average", "task"}, kLargest = {"k", "task"},
                     kBinned = {"bins", "task"};
constexpr std::array kAveraged = {"average", "task", "threshold"},
                     kNormalized = {"normalize", "task", "threshold"};
constexpr std::array kTask = {"task"}, kLevels = {"level"};

// One line adds a metric.
constexpr std::array kMetrics = std::to_array<Metric>({
    {"accuracy", "acc", kDecisions, Mode::kMax, kDecided, &metrics::accuracy},
    {"label_accuracy", "", kDecisions, Mode::kMax, kDecided, &metrics::label_accuracy},
    {"balanced_accuracy", "", kDecisions, Mode::kMax, kDecided, &metrics::balanced_accuracy},
    {"precision", "", kDecisions, Mode::kMax, kAveraged, &metrics::precision},
    {"recall", "", kDecisions, Mode::kMax, kAveraged, &metrics::recall},
    {"f1", "", kDecisions, Mode::kMax, kAveraged, &metrics::f1},
    {"matthews_correlation", "mcc", kDecisions, Mode::kMax, kDecided, &metrics::matthews_correlation},
    {"confusion_matrix", "", kDecisions, std::nullopt, kNormalized, &metrics::confusion_matrix},
    {"top_k_accuracy", "", kScores, Mode::kMax, kLargest, &metrics::top_k_accuracy},
    {"roc_auc", "auc", kScores, Mode::kMax, kArea, &metrics::roc_auc},
    {"average_precision", "", kScores, Mode::kMax, kArea, &metrics::average_precision},
    {"log_loss", "", kProbabilities, Mode::kMin, kTask, &metrics::log_loss},
    {"brier_score", "brier", kProbabilities, Mode::kMin, kTask, &metrics::brier_score},
    {"expected_calibration_error", "ece", kProbabilities, Mode::kMin, kBinned,
     &metrics::expected_calibration_error},
    {"mean_squared_error", "mse", kValues, Mode::kMin, {}, &metrics::mean_squared_error},
    {"root_mean_squared_error", "rmse", kValues, Mode::kMin, {}, &metrics::root_mean_squared_error},
    {"mean_absolute_error", "mae", kValues, Mode::kMin, {}, &metrics::mean_absolute_error},
    {"mean_absolute_percentage_error",
     "mape",
     kValues,
     Mode::kMin,
     {},
     &metrics::mean_absolute_percentage_error},
    {"median_absolute_error", "", kValues, Mode::kMin, {}, &metrics::median_absolute_error},
    {"r2", "", kValues, Mode::kMax, {}, &metrics::r2},
    {"pinball", "", kQuantiles, Mode::kMin, kLevels, &metrics::pinball},
});

}  // namespace

std::span<const Metric> metric_table() { return kMetrics; }

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
