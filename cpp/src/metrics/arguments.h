// What metrics are given, checked against each other: classes beside outputs, or values beside predictions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "metrics/metric.h"
#include "metrics/plain_numbers.h"
#include "metrics/row_weights.h"

namespace lamina::metrics {

[[noreturn]] void fail(const char* name, TextParts what);
// "(rows, columns)"
std::string shape_text(int64_t rows, int64_t columns);

// True classes beside the outputs that should tell them, or beside classes that were chosen.
struct Classes {
  Classes(const char* metric, int64_t row_count, const double* weights)
      : name(metric), rows(row_count), weight(metric, weights, row_count) {}

  const char* name;  // of the metric, for errors
  int64_t rows;
  RowWeights weight;
  Task task = Task::kBinary;
  int64_t count = 0;           // classes, or labels where there are many at once
  std::vector<int32_t> truth;  // class indices [rows]; of many labels whether each holds [rows, labels]
  std::vector<double> soft;    // targets [rows, columns] that are other probabilities than 0 and 1; or empty
  PlainNumbers outputs;        // [rows, columns]
  double least = 0.0, most = 0.0;  // of the outputs
  bool were_chosen = false;
  std::vector<int32_t> chosen;      // class indices [rows] where they were chosen already
  std::vector<std::string> labels;  // what two chosen classes are, unless 0 and 1 or -1 and 1; or empty
  bool signs = false;               // targets are -1 and 1, so that outputs are chosen above 0
  double rounding = 0.0;            // rounding unit of the outputs' type

  bool many_labels() const noexcept { return task == Task::kMultilabel; }
  // Whether a row is of this class, or has this label.
  bool holds(int64_t row, int64_t column) const noexcept {
    if (many_labels()) return truth[static_cast<std::size_t>(row * count + column)] != 0;
    return truth[static_cast<std::size_t>(row)] == column;
  }
  // The class of each row [rows], or whether each label is chosen [rows, labels].
  std::vector<int32_t> decided(std::optional<double> threshold) const;
  // Raises where there are chosen classes in place of outputs.
  void expect_outputs() const;
  // Target of an output as a probability.
  double target(int64_t row, int64_t column) const noexcept {
    const std::size_t place = static_cast<std::size_t>(row * outputs.columns + column);
    if (!soft.empty()) return soft[place];
    if (many_labels() || outputs.columns == 1) return truth[place];
    return truth[static_cast<std::size_t>(row)] == column ? 1.0 : 0.0;
  }
};

Classes classes_of(const char* name, const MetricData& data, std::optional<Task> task);
// Where classes were chosen already.
Classes chosen_classes(const char* name, const ChosenClasses& given, const double* weights,
                       std::optional<Task> task);

// Checks the outputs as probabilities: raises Error kValue where one is none; returns a warning where those
// of a row do not sum to 1, else an empty text.
std::string check_probabilities(const Classes& given);

// An output as a probability: those that rounding has moved out of [0, 1] are brought back.
inline double probability(const Classes& given, int64_t row, int64_t column) noexcept {
  const double value = given.outputs.at(row, column);
  return value < 0.0 ? 0.0 : value > 1.0 ? 1.0 : value;
}

// Targets and predictions, both [rows, outputs].
struct Values {
  PlainNumbers truth, prediction;
  RowWeights weight;

  int64_t rows() const noexcept { return prediction.rows; }
  int64_t columns() const noexcept { return prediction.columns; }
};

// `broadcast`: one column of targets may stand for all outputs.
Values values_of(const char* name, const MetricData& data, bool broadcast = false);

}  // namespace lamina::metrics
