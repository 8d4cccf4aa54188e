// The metrics of a fit or an evaluation: the loss and the last activation say what the outputs mean.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/metric.h"

namespace lamina {

struct LossSpec;

// kMargins are chosen above 0; kScores of one output may tell two classes; kLogarithms are of means; kMeans
// come before as many log variances.
enum class OutputScale : uint8_t {
  kProbabilities,
  kMargins,
  kScores,
  kValues,
  kLogarithms,
  kMeans,
  kQuantiles,
  kUnknown
};

// What a network's outputs mean.
struct OutputKind {
  std::string loss;             // its name, for errors
  std::string last_activation;  // of the last layer
  int64_t outputs = 0;
  std::optional<Task> task;  // how classes are told from the outputs; empty: not by the loss
  OutputScale scale = OutputScale::kUnknown;
  std::vector<double> levels;  // of the quantiles
  bool checked = false;        // the loss has seen that targets are classes

  // In words, for errors.
  std::string what() const;
};

// `loss` is null for a loss of the user's own.
OutputKind output_kind(const LossSpec* loss, std::string_view last_activation, int64_t outputs);

// One of lamina's metrics, or a function of the user's, under the name that it has among the figures.
struct ScoredMetric {
  using Function =
      std::function<double(const NumberView& targets, const NumberView& outputs, const double* weights)>;

  std::string name;
  const Metric* metric = nullptr;  // null: `function`
  MetricOptions options;
  std::optional<Mode> mode;  // empty: that of the metric
  Function function;         // gets targets as they are, outputs [rows, outputs], and weights or null

  static ScoredMetric of(std::string_view name_or_alias, MetricOptions options = {});
};

class Scorer {
 public:
  // Raises Error kValue where two have one name, or the name of a figure of lamina's own.
  explicit Scorer(std::vector<ScoredMetric> metrics);

  bool empty() const noexcept { return metrics_.empty(); }
  // The figures' names, and which way each is better where that is known.
  FigureModes modes() const;

  // Before the first score: raises Error kValue where a metric cannot judge such outputs and targets (those
  // to train on first, then those of validation), and where one of them gives an array unless `arrays`. What
  // users should be told goes to `warnings` unless it is null; so below.
  void prepare(const OutputKind& kind, std::span<const NumberView> targets, bool arrays = false,
               std::vector<std::string>* warnings = nullptr);

  // Each metric by its name, those that give arrays left out; lamina's own are NaN where outputs are not
  // finite.
  Figures score(const NumberView& targets, const NumberView& outputs, const double* weights,
                std::vector<std::string>* warnings = nullptr) const;
  // One of the metrics, which may give an array.
  MetricResult result(const ScoredMetric& metric, const NumberView& targets, const NumberView& outputs,
                      const double* weights) const;

  std::span<const ScoredMetric> metrics() const noexcept { return metrics_; }

 private:
  std::vector<ScoredMetric> metrics_;
  OutputKind kind_;
  std::optional<double> threshold_;
};

}  // namespace lamina
