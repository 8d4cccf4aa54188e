// Reads outputs as the loss means them, and gives them to each metric.
#include "metrics/scorer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/number_text.h"
#include "base/text.h"
#include "layers/loss.h"

namespace lamina {
namespace {

// What else stands in the record of an epoch.
constexpr std::array kReserved = {"loss", "learning_rate", "damping"};
// Rows on which metrics of values are tried before training.
constexpr int64_t kTriedRows = 1000;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

[[noreturn]] void fail(TextParts sentence) { throw_error(Error::Kind::kValue, sentence); }

bool reads_classes(const Metric& metric) {
  return metric.reads != Reads::kValues && metric.reads != Reads::kQuantiles;
}
bool reads_decisions_or_scores(const Metric& metric) {
  return metric.reads == Reads::kDecisions || metric.reads == Reads::kScores;
}

// Raises where a metric reads what these outputs are not.
void check_fit(const ScoredMetric& scored, const OutputKind& kind) {
  const Metric& metric = *scored.metric;
  const bool decides = reads_decisions_or_scores(metric), reads_values = !reads_classes(metric);
  std::string expected, hint;
  if (metric.reads == Reads::kProbabilities && kind.scale != OutputScale::kProbabilities) {
    expected = "probabilities, after softmax or sigmoid";
  } else if (decides && (kind.scale == OutputScale::kLogarithms || kind.scale == OutputScale::kMeans ||
                         kind.scale == OutputScale::kQuantiles)) {
    expected = "outputs that tell classes";
  } else if (decides && kind.scale == OutputScale::kValues && !scored.options.task) {
    expected = "outputs that tell classes";
    hint = concat(
        {"; write lamina.metrics.Metric('", scored.name,
         "', task='multiclass') where the largest output does, or task='multilabel' where each does above "
         "0.5"});
  } else if (reads_values && kind.scale == OutputScale::kMargins) {
    expected = "predictions in the target's units";
  } else if (metric.reads == Reads::kValues && kind.levels.size() > 1) {
    expected = "one prediction in the target's units";
    hint = "; take pinball";
  } else if (!reads_values && kind.task == Task::kMulticlass && kind.outputs == 1) {
    expected = "at least two classes";
  }
  if (!expected.empty()) fail({scored.name, ": expected ", expected, ", got ", kind.what(), hint});
}

// Above which an output stands for class 1: 0 for margins and targets of -1 and 1.
double threshold_of(const std::string& name, const OutputKind& kind, std::span<const NumberView> targets) {
  if (kind.scale == OutputScale::kMargins || targets.empty())
    return kind.scale == OutputScale::kMargins ? 0.0 : 0.5;
  const auto each = [](const NumberView& numbers, const auto& good) -> std::optional<double> {
    for (int64_t row = 0; row < numbers.rows; ++row)
      for (int64_t column = 0; column < numbers.columns; ++column)
        if (!good(numbers.at(row, column))) return numbers.at(row, column);
    return std::nullopt;
  };
  const bool signs = each(targets[0], [](double value) { return !(value < 0.0); }).has_value();
  for (const NumberView& given : targets) {
    const std::optional<double> wrong = each(given, [&](double value) {
      return signs ? value == -1.0 || value == 1.0 : !(value < 0.0 || value > 1.0);
    });
    if (wrong)
      fail({name, ": expected class indices 0 and 1 (or -1 and 1) in y for one output, got ",
            short_number(*wrong)});
  }
  return signs ? 0.0 : 0.5;
}

bool all_finite(const NumberView& numbers) {
  for (int64_t row = 0; row < numbers.rows; ++row)
    for (int64_t column = 0; column < numbers.columns; ++column)
      if (!std::isfinite(numbers.at(row, column))) return false;
  return true;
}

// Outputs as predictions of the targets; `room` keeps those that are computed.
NumberView in_target_units(const ScoredMetric& scored, const OutputKind& kind, const NumberView& targets,
                           const NumberView& outputs, std::vector<double>& room) {
  if (kind.scale == OutputScale::kLogarithms) {
    room.reserve(static_cast<std::size_t>(outputs.rows * outputs.columns));
    for (int64_t row = 0; row < outputs.rows; ++row)
      for (int64_t column = 0; column < outputs.columns; ++column)
        room.push_back(std::exp(outputs.at(row, column)));
    return {room.data(), outputs.rows, outputs.columns};
  }
  if (kind.scale == OutputScale::kMeans) return outputs.first_columns(outputs.columns / 2);
  if (targets.int32 != nullptr && outputs.columns > 1)
    fail({scored.name, ": expected values for ", outputs.columns,
          " outputs, got class indices; take accuracy or log_loss, or one-hot y"});
  return outputs;
}

void add_warning(std::vector<std::string>* warnings, const MetricResult& result) {
  if (warnings != nullptr && !result.warning.empty()) warnings->push_back(result.warning);
}

}  // namespace

std::string OutputKind::what() const {
  const auto words = [&]() -> const char* {
    switch (scale) {
      case OutputScale::kProbabilities:
        return "probabilities";
      case OutputScale::kMargins:
        return "margins";
      case OutputScale::kScores:
      case OutputScale::kValues:
        return "plain values";
      case OutputScale::kLogarithms:
        return "logarithms of means";
      case OutputScale::kMeans:
        return "means and log variances";
      case OutputScale::kQuantiles:
        return "quantiles";
      case OutputScale::kUnknown:
        break;
    }
    return "outputs";
  };
  return concat({"the ", words(), " that ", loss, " gives after ", last_activation});
}

OutputKind output_kind(const LossSpec* loss, std::string_view last_activation, int64_t outputs) {
  const Task several = outputs == 1 ? Task::kBinary : Task::kMultilabel;
  OutputKind kind;
  kind.loss = loss == nullptr ? "your loss" : loss->name;
  kind.last_activation = last_activation;
  kind.outputs = outputs;
  const std::string& name = kind.loss;
  const auto with = [&](std::optional<Task> task, OutputScale scale, bool checked = false) {
    kind.task = task;
    kind.scale = scale;
    kind.checked = checked;
    return kind;
  };
  if (is_one_of(name, {"hinge", "squared_hinge"})) return with(several, OutputScale::kMargins, true);
  if (last_activation == "softmax")
    return with(Task::kMulticlass, OutputScale::kProbabilities,
                is_one_of(name, {"cross_entropy", "focal", "kl_divergence"}));
  if (last_activation == "sigmoid")
    return with(several, OutputScale::kProbabilities,
                is_one_of(name, {"binary_cross_entropy", "binary_focal"}));
  if (loss == nullptr) return with(std::nullopt, OutputScale::kUnknown);
  if (name == "gaussian_negative_log_likelihood") return with(std::nullopt, OutputScale::kMeans);
  if (is_one_of(name, {"gamma", "tweedie"}) || loss->from_outputs == kernels::Loss::kPoissonLog)
    return with(std::nullopt, OutputScale::kLogarithms);
  if (name == "quantile") {
    kind.levels.assign(loss->levels().begin(), loss->levels().end());
    return with(std::nullopt, OutputScale::kQuantiles);
  }
  if (outputs == 1) return with(Task::kBinary, OutputScale::kScores);
  return with(std::nullopt, OutputScale::kValues);
}

ScoredMetric ScoredMetric::of(std::string_view name_or_alias, MetricOptions options) {
  const Metric& metric = metric_named(name_or_alias);
  return {std::string(name_or_alias), &metric, std::move(options), metric.mode, nullptr};
}

Scorer::Scorer(std::vector<ScoredMetric> metrics) : metrics_(std::move(metrics)) {
  const auto give = "lamina.metrics.Metric(..., name='...')";
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    const std::string& name = metrics_[i].name;
    if (std::ranges::find(kReserved, name) != kReserved.end() || name.starts_with("val_"))
      fail({"metrics: '", name, "' is a figure of lamina's own; give yours another name: ", give});
    for (std::size_t other = 0; other < i; ++other)
      if (metrics_[other].name == name)
        fail({"metrics: two are named '", name, "'; give one another name: ", give});
  }
}

FigureModes Scorer::modes() const {
  FigureModes modes;
  for (const ScoredMetric& scored : metrics_)
    modes.push_back({scored.name, scored.mode ? scored.mode : better(scored.name)});
  return modes;
}

void Scorer::prepare(const OutputKind& kind, std::span<const NumberView> targets, bool arrays,
                     std::vector<std::string>* warnings) {
  kind_ = kind;
  threshold_.reset();
  // Every class once, so that none is found missing.
  std::vector<int32_t> indices(static_cast<std::size_t>(kind.outputs));
  std::iota(indices.begin(), indices.end(), 0);
  std::vector<double> labels(2 * indices.size(), 0.0);
  std::fill(labels.begin() + kind.outputs, labels.end(), 1.0);
  const NumberView of_each_class = kind.task == Task::kMulticlass
                                       ? NumberView(indices.data(), kind.outputs)
                                       : NumberView(labels.data(), 2, kind.outputs);
  const std::vector<double> even(indices.size(), 1.0 / static_cast<double>(kind.outputs));
  for (const ScoredMetric& scored : metrics_) {
    if (scored.metric == nullptr) continue;
    check_fit(scored, kind);
    const bool plain = kind.scale == OutputScale::kMargins || kind.scale == OutputScale::kScores;
    if (reads_decisions_or_scores(*scored.metric) && plain && !scored.options.threshold)
      threshold_ = threshold_of(scored.name, kind, targets);
    const auto attempt = [&](const NumberView& tried) {
      NumberView outputs(even.data(), tried.rows, kind.outputs);
      outputs.row_stride = 0;
      const MetricResult found = result(scored, tried, outputs, nullptr);
      add_warning(warnings, found);
      if (found.is_array() && !arrays)
        fail({"metrics: '", scored.name,
              "' gives an array, which is no figure to follow in fit; call lamina.metrics.",
              scored.metric->name, "(y, net.predict(X)), or take it in evaluate"});
    };
    const bool of_classes = reads_classes(*scored.metric);
    const bool as_the_loss = !scored.options.task || scored.options.task == kind.task;
    if (of_classes && kind.checked && as_the_loss) {
      attempt(of_each_class);
      continue;
    }
    for (const NumberView& given : targets)
      attempt(of_classes ? given : given.first_rows(std::min(given.rows, kTriedRows)));
  }
}

MetricResult Scorer::result(const ScoredMetric& scored, const NumberView& targets, const NumberView& outputs,
                            const double* weights) const {
  if (scored.metric == nullptr) return {{scored.function(targets, outputs, weights)}, {}, ""};
  const Metric& metric = *scored.metric;
  MetricData data{targets, outputs, weights};
  MetricOptions options = scored.options;
  std::vector<double> room;
  if (!reads_classes(metric)) {
    data.outputs = in_target_units(scored, kind_, targets, outputs, room);
    if (metric.reads == Reads::kQuantiles && options.levels.empty()) options.levels = kind_.levels;
  } else {
    // Class indices are of one class a row, also where a custom loss takes them.
    const bool one_of_many = targets.int32 != nullptr && outputs.columns > 1;
    if (!options.task) options.task = one_of_many ? std::optional(Task::kMulticlass) : kind_.task;
    if (metric.reads == Reads::kDecisions && options.task != Task::kMulticlass && !options.threshold)
      options.threshold = threshold_;
  }
  if (!all_finite(data.outputs)) return {{std::numeric_limits<double>::quiet_NaN()}, {}, ""};
  return metric.compute(data, options);
}

Figures Scorer::score(const NumberView& targets, const NumberView& outputs, const double* weights,
                      std::vector<std::string>* warnings) const {
  Figures figures;
  for (const ScoredMetric& scored : metrics_) {
    const MetricResult found = result(scored, targets, outputs, weights);
    add_warning(warnings, found);
    if (!found.is_array()) figures.push_back({scored.name, found.number()});
  }
  return figures;
}

}  // namespace lamina
