// lamina's metrics by name: what each reads, which way it is better, its options, and its value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/figures.h"
#include "metrics/numbers.h"

namespace lamina {

enum class Task : uint8_t { kBinary, kMulticlass, kMultilabel };
enum class Average : uint8_t { kAuto, kBinary, kMacro, kMicro, kWeighted, kNone };
enum class Normalize : uint8_t { kNone, kTrue, kPredicted, kAll };

// What a metric reads: decisions (outputs against a threshold), scores (their order), probabilities, values
// in the target's units, or quantiles.
enum class Reads : uint8_t { kDecisions, kScores, kProbabilities, kValues, kQuantiles };

// Each metric reads some of these; see Metric::options.
struct MetricOptions {
  std::optional<Task> task = std::nullopt;  // empty: as the shapes of targets and outputs say
  std::optional<double> threshold =
      std::nullopt;  // outputs above it stand for class 1; empty: 0.5, or 0 for targets -1, 1
  std::optional<Average> average = std::nullopt;  // empty: kAuto, of areas kMacro
  Normalize normalize = Normalize::kNone;
  int64_t k = 2;                    // of top_k_accuracy, at least 1
  int64_t bins = 15;                // of expected_calibration_error, at least 1
  std::vector<double> levels = {};  // of pinball, in [0, 1]: one for all outputs or one each; empty: 0.5
};

// Classes that were chosen already, beside the true ones; any whole numbers.
struct ChosenClasses {
  const int64_t* truth = nullptr;   // [rows]
  const int64_t* chosen = nullptr;  // [rows]
  int64_t rows = 0;
  // Where the classes are texts: in quotes, ascending, and the numbers above are places among them.
  std::vector<std::string> names = {};
};

struct MetricData {
  // Class indices [rows], values [rows, columns], or 0 and 1 (or -1 and 1, or probabilities) of the same
  // shape as the outputs.
  NumberView targets;
  NumberView outputs;               // [rows, outputs]
  const double* weights = nullptr;  // [rows]; null: 1 each. A row of weight k counts like k rows
  // Rounding unit of the type in which the outputs were computed; 0: that of the outputs as they are.
  double rounding = 0.0;
  // In place of targets and outputs, for metrics that read decisions.
  const ChosenClasses* classes = nullptr;
};

// One number, or an array of them.
struct MetricResult {
  std::vector<double> values;
  std::vector<int64_t> shape;  // empty: one number
  std::string warning;         // what the caller should be told; empty: nothing

  double number() const noexcept { return values.front(); }
  bool is_array() const noexcept { return !shape.empty(); }
};

struct Metric {
  const char* name;
  const char* alias;  // empty: none
  Reads reads;
  std::optional<Mode> mode;              // empty: no figure that could be better
  std::span<const char* const> options;  // names of those that it reads
  // Raises Error kValue where targets, outputs and options do not go together or are not finite.
  MetricResult (*compute)(const MetricData& data, const MetricOptions& options);
};

std::span<const Metric> metric_table();

// By name or alias; null where there is none.
const Metric* find_metric(std::string_view name);

// By name or alias; raises Error kValue with the names there are.
const Metric& metric_named(std::string_view name);

}  // namespace lamina
