// What a table model predicts: from the networks' outputs to classes, or to numbers with their quantiles.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tables/record.h"

namespace lamina {

// Of two classes the second is predicted where its probability is above this, unless a caller says otherwise.
inline constexpr double kDefaultThreshold = 0.5;

// A number that is predicted: outputs are in standard units, times `scale` plus `mean` its own. Without
// levels it has one output; else one for each level, a quantile of it, and the median is the prediction.
struct NumberTarget {
  std::string name;
  double mean = 0.0, scale = 1.0;
  std::vector<double> levels;
  // Share of rows that the interval is to hold, between the outermost of the two levels of the same
  // probability; and what it is widened by, in standard units (Romano et al. 2019).
  std::optional<double> coverage;
  double margin = 0.0;

  std::int64_t outputs() const noexcept { return levels.empty() ? 1 : std::ssize(levels); }
};

class TableTarget {
 public:
  // `record` and `tensors` are those that Python's Target.to_record gives. Throws Error kValue where a field
  // or tensor is missing, unknown or wrong.
  TableTarget(const Json& record, std::vector<RecordTensor> tensors);

  // Of the column; of several numbers that of the first.
  const std::string& name() const noexcept { return numbers_.empty() ? name_ : numbers_.front().name; }
  // Empty where the target is a number.
  const std::vector<std::string>& classes() const noexcept { return classes_; }
  bool is_number() const noexcept { return classes_.empty(); }
  // The numbers that are predicted; empty where the target is a class.
  const std::vector<NumberTarget>& number_targets() const noexcept { return numbers_; }
  // Of the network: one for two classes (the second's probability), else each class's; of numbers those of
  // one after the other.
  std::int64_t outputs() const noexcept;

  // Refuses (Error kValue) a threshold without two classes, and one that is no probability.
  void check_threshold(std::optional<double> threshold) const;
  // Divides the logits of outputs[rows, outputs()] by the temperature (Guo et al. 2017). A model's outputs
  // have gone through it once.
  void calibrate(double* outputs, std::int64_t rows) const;
  // outputs[rows, outputs()] -> indices[rows] into classes() of the most probable ones; of a target of
  // classes.
  void choose_classes(const double* outputs, std::int64_t rows, std::optional<double> threshold,
                      std::int64_t* indices) const;
  // outputs[rows, outputs()] -> probabilities[rows, classes]; raises kValue where the target is a number.
  void probabilities(const double* outputs, std::int64_t rows, double* probabilities) const;
  // outputs[rows, outputs()] -> numbers[rows, targets], each in its own units.
  void numbers(const double* outputs, std::int64_t rows, double* numbers) const;
  // -> quantiles[rows, levels of all targets], rising within each; raises kValue where there are no levels.
  void quantiles(const double* outputs, std::int64_t rows, double* quantiles) const;
  // -> intervals[rows, targets, 2], lower and upper ends; raises kValue where there are none.
  void intervals(const double* outputs, std::int64_t rows, double* intervals) const;

 private:
  void read_classes(RecordFields& fields, RecordTensors& tensors, bool calibrated);
  void read_numbers(RecordFields& fields, RecordTensors& tensors);

  std::string name_;
  std::vector<std::string> classes_;
  double temperature_ = 1.0;
  std::vector<NumberTarget> numbers_;
};

}  // namespace lamina
