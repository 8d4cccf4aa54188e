// The column that a table model predicts: from the network's outputs to classes or numbers.
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

class TableTarget {
 public:
  // `record` and `tensors` are those that Python's Target.to_record gives. Throws Error kValue where a field
  // or tensor is missing, unknown or wrong.
  TableTarget(const Json& record, std::vector<RecordTensor> tensors);

  const std::string& name() const noexcept { return name_; }
  // Empty where the target is a number.
  const std::vector<std::string>& classes() const noexcept { return classes_; }
  bool is_number() const noexcept { return classes_.empty(); }
  // Of the network: one for a number and for two classes (the second's probability), else each class's.
  std::int64_t outputs() const noexcept { return classes_.size() > 2 ? std::ssize(classes_) : 1; }

  // Refuses (Error kValue) a threshold without two classes, and one that is no probability.
  void check_threshold(std::optional<double> threshold) const;
  // outputs[rows, outputs()] -> indices[rows] into classes() of the most probable ones; of a target of
  // classes.
  void choose_classes(const double* outputs, std::int64_t rows, std::optional<double> threshold,
                      std::int64_t* indices) const;
  // outputs[rows, outputs()] -> probabilities[rows, classes]; raises kValue where the target is a number.
  void probabilities(const double* outputs, std::int64_t rows, double* probabilities) const;
  // outputs[rows] -> numbers[rows] in the target's own units.
  void numbers(const double* outputs, std::int64_t rows, double* numbers) const;

 private:
  std::string name_;
  std::vector<std::string> classes_;
  double mean_ = 0.0, scale_ = 1.0;
};

}  // namespace lamina
