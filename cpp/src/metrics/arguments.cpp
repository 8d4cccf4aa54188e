// Checks of what metrics are given.
#include "metrics/arguments.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/number_text.h"
#include "base/text.h"

namespace lamina::metrics {
namespace {

// Targets are probabilities where their rows sum to 1 up to the rounding of half precision.
constexpr double kSumSlack = 1e-2;
constexpr double kLargest = std::numeric_limits<double>::max();

// What an array holds; of one that is not all finite nothing else counts.
struct Found {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
  bool zeros_and_ones = true, signs = true, finite = true;
};

Found look_at(std::span<const double> numbers) {
  // In lanes, which do not wait for each other.
  constexpr std::size_t lanes = 8;
  double least[lanes], most[lanes], excess[lanes] = {};
  Found found;
  std::ranges::fill(least, found.least);
  std::ranges::fill(most, found.most);
  const auto look = [&](double value, std::size_t lane) {
    least[lane] = value < least[lane] ? value : least[lane];
    most[lane] = value > most[lane] ? value : most[lane];
    // 0 for 0 and 1 alone.
    excess[lane] += std::abs(value * (value - 1.0));
  };
  std::size_t done = 0;
  for (; done + lanes <= numbers.size(); done += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) look(numbers[done + lane], lane);
  for (; done < numbers.size(); ++done) look(numbers[done], 0);
  found.least = *std::ranges::min_element(least);
  found.most = *std::ranges::max_element(most);
  const double sum = std::accumulate(std::begin(excess), std::end(excess), 0.0);
  found.zeros_and_ones = sum == 0.0;
  // The sum of great numbers may overflow.
  found.finite = sum <= kLargest ||
                 std::ranges::all_of(numbers, [](double value) { return std::abs(value) <= kLargest; });
  found.signs =
      found.least < 0.0 && std::ranges::all_of(numbers, [](double value) { return std::abs(value) == 1.0; });
  return found;
}

void check_finite(const char* name, const char* argument, const PlainNumbers& numbers, bool finite) {
  if (finite) return;
  const std::span<const double> all = numbers.all();
  const auto first = std::ranges::find_if(all, [](double value) { return !std::isfinite(value); });
  fail(name, {"expected finite numbers in ", argument, ", got ", short_number(*first), " in row ",
              (first - all.begin()) / numbers.columns});
}

bool all_finite(const PlainNumbers& numbers) {
  int64_t wrong = 0;
  for (const double value : numbers.all()) wrong += std::abs(value) <= kLargest ? 0 : 1;
  return wrong == 0;
}

std::string shape_text(const PlainNumbers& numbers) {
  return metrics::shape_text(numbers.rows, numbers.columns);
}

double row_sum(const PlainNumbers& numbers, int64_t row) {
  return pairwise_sum(0, numbers.columns, [&](int64_t column) { return numbers.at(row, column); });
}

bool rows_sum_to_one(const PlainNumbers& numbers) {
  for (int64_t row = 0; row < numbers.rows; ++row)
    if (std::abs(row_sum(numbers, row) - 1.0) > kSumSlack) return false;
  return true;
}

// What the shapes say; a matrix of 0 and 1 is many labels unless it is one-hot.
Task task_of(const char* name, const PlainNumbers& truth, const Found& found, const PlainNumbers& outputs) {
  if (outputs.columns == 1) return Task::kBinary;
  if (truth.columns == 1) return Task::kMulticlass;
  const bool shares = rows_sum_to_one(truth);
  if (found.zeros_and_ones) return shares && rows_sum_to_one(outputs) ? Task::kMulticlass : Task::kMultilabel;
  if (found.signs) return Task::kMultilabel;
  if (shares && found.least >= 0.0) return Task::kMulticlass;
  fail(name, {"expected class indices, 0 and 1, or probabilities that sum to 1 in the rows of y_true; give "
              "task='multilabel' where each column is a label of its own"});
}

void check_same_shape(const char* name, const PlainNumbers& truth, const PlainNumbers& outputs) {
  if (truth.columns != outputs.columns)
    fail(name, {"expected y_true of shape ", shape_text(outputs), " like y_pred, got ", shape_text(truth)});
}

// Targets of one or several outputs, each by itself: 0 and 1, -1 and 1, or probabilities.
void read_labels(const PlainNumbers& truth, const Found& found, Classes& result) {
  check_same_shape(result.name, truth, result.outputs);
  result.signs = found.least < 0.0;
  if ((result.signs && !found.signs) || found.most > 1.0)
    fail(result.name,
         {"expected class indices 0 to 1 in y_true (or -1 and 1, or probabilities of class 1), got ",
          short_number(found.most > 1.0 ? found.most : found.least)});
  const bool hard = result.signs || found.zeros_and_ones;
  const double limit = result.signs ? 0.0 : 0.5;
  const std::span<const double> all = truth.all();
  result.truth.resize(all.size());
  std::ranges::transform(all, result.truth.begin(), [&](double value) { return value > limit ? 1 : 0; });
  if (!hard) result.soft.assign(all.begin(), all.end());
}

// One class a row, by one-hot rows or probabilities; the largest counts.
void read_shares(const PlainNumbers& truth, const Found& found, Classes& result) {
  check_same_shape(result.name, truth, result.outputs);
  const auto share = [&](int64_t row, int64_t column) {
    const double value = truth.at(row, column);
    return found.signs ? (value + 1.0) / 2.0 : value;
  };
  const bool hard = found.signs || found.zeros_and_ones;
  for (int64_t row = 0; row < truth.rows; ++row) {
    int32_t largest = 0;
    double sum = 0.0;
    for (int64_t column = 0; column < truth.columns; ++column) {
      const double value = share(row, column);
      sum += value;
      if (value > share(row, largest)) largest = static_cast<int32_t>(column);
      if (!hard) result.soft.push_back(value);
    }
    if ((!found.signs && found.least < 0.0) || std::abs(sum - 1.0) > kSumSlack)
      fail(result.name, {"expected one-hot rows or probabilities in y_true"});
    result.truth.push_back(largest);
  }
}

void read_class_indices(const PlainNumbers& truth, Classes& result) {
  const double columns = static_cast<double>(result.outputs.columns);
  for (int64_t row = 0; row < truth.rows; ++row) {
    // Volatile: the value that is checked is the one that is used.
    const volatile double read = truth.at(row);
    const double value = read;
    if (!(value >= 0.0 && value < columns && value == std::floor(value)))
      fail(result.name, {"expected class indices 0 to ", result.outputs.columns - 1, " in y_true for ",
                         result.outputs.columns, " outputs, got ", short_number(value)});
    result.truth.push_back(static_cast<int32_t>(value));
  }
}

}  // namespace

void fail(const char* name, TextParts what) { throw_error(Error::Kind::kValue, {name, ": ", what}); }

std::string shape_text(int64_t rows, int64_t columns) {
  return std::string("(")
      .append(std::to_string(rows))
      .append(", ")
      .append(std::to_string(columns))
      .append(")");
}

RowWeights::RowWeights(const char* name, const double* weights, int64_t rows)
    : weights_(weights), rows_(rows), total_(static_cast<double>(rows)) {
  if (weights == nullptr) return;
  const Found found = look_at({weights, static_cast<std::size_t>(rows)});
  if (!found.finite || found.least < 0.0 || !(found.most > 0.0))
    fail(name, {"expected finite weights of at least 0, not all 0"});
  // The largest weight is 1: sums neither overflow nor vanish, and their ratios stay.
  if (found.most <= 1e-100 || found.most >= 1e100) scale_ = found.most;
  total_ = pairwise_sum(0, rows, *this);
}

std::vector<int32_t> Classes::decided(std::optional<double> threshold) const {
  if (were_chosen) {
    if (threshold) fail(name, {"expected no threshold where y_pred holds classes"});
    return chosen;
  }
  if (task == Task::kMulticlass && outputs.columns > 2 && threshold)
    fail(name, {"expected no threshold for ", outputs.columns,
                " classes, of which the one with the largest output is chosen"});
  if (threshold && !std::isfinite(*threshold))
    fail(name, {"expected a finite threshold, got ", short_number(*threshold)});
  const double limit = threshold.value_or(signs ? 0.0 : 0.5);
  if (many_labels() || (outputs.columns == 1)) {
    const std::span<const double> all = outputs.all();
    std::vector<int32_t> result(all.size());
    std::ranges::transform(all, result.begin(), [&](double value) { return value > limit ? 1 : 0; });
    return result;
  }
  std::vector<int32_t> result(static_cast<std::size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) {
    int32_t largest = 0;
    if (threshold)
      largest = outputs.at(row, outputs.columns - 1) > limit ? 1 : 0;
    else
      for (int32_t column = 1; column < outputs.columns; ++column)
        if (outputs.at(row, column) > outputs.at(row, largest)) largest = column;
    result[static_cast<std::size_t>(row)] = largest;
  }
  return result;
}

void Classes::expect_outputs() const {
  if (were_chosen) fail(name, {"expected outputs of a network in y_pred, got classes"});
}

Classes classes_of(const char* name, const MetricData& data, std::optional<Task> task) {
  if (data.classes != nullptr) return chosen_classes(name, *data.classes, data.weights, task);
  PlainNumbers truth(data.targets), outputs(data.outputs);
  if (outputs.rows < 1 || outputs.columns < 1) fail(name, {"expected at least one row and one output"});
  const Found given = look_at(outputs.all()), targets = look_at(truth.all());
  check_finite(name, "y_pred", outputs, given.finite);
  check_finite(name, "y_true", truth, targets.finite);
  if (truth.rows != outputs.rows) fail(name, {"expected ", outputs.rows, " labels, got ", truth.rows});
  Classes result(name, outputs.rows, data.weights);
  result.task = task ? *task : task_of(name, truth, targets, outputs);
  result.outputs = std::move(outputs);
  result.least = given.least;
  result.most = given.most;
  result.rounding = data.rounding > 0.0               ? data.rounding
                    : data.outputs.float32 != nullptr ? std::numeric_limits<float>::epsilon()
                                                      : std::numeric_limits<double>::epsilon();
  result.count = result.many_labels() ? result.outputs.columns : std::max<int64_t>(result.outputs.columns, 2);
  result.truth.reserve(static_cast<std::size_t>(result.rows));
  if (result.many_labels() || result.outputs.columns == 1) {
    read_labels(truth, targets, result);
  } else {
    if (result.task == Task::kBinary && result.outputs.columns > 2)
      fail(name, {"expected one or two outputs for task binary, got ", result.outputs.columns});
    if (truth.columns > 1)
      read_shares(truth, targets, result);
    else
      read_class_indices(truth, result);
  }
  return result;
}

std::string check_probabilities(const Classes& given) {
  given.expect_outputs();
  // Numbers of float64 may have been computed in float32.
  const double rounding =
      std::max(given.rounding, static_cast<double>(std::numeric_limits<float>::epsilon()));
  const double slack = 16.0 * rounding;
  if (given.least < -slack || given.most > 1.0 + slack)
    fail(given.name, {"expected probabilities between 0 and 1 in y_pred, got ",
                      short_number(given.least < -slack ? given.least : given.most)});
  if (given.task != Task::kMulticlass) return "";
  double furthest = 0.0, sum_there = 1.0;
  int64_t where = 0;
  for (int64_t row = 0; row < given.rows; ++row) {
    const double sum = row_sum(given.outputs, row);
    if (std::abs(sum - 1.0) > furthest) {
      furthest = std::abs(sum - 1.0);
      sum_there = sum;
      where = row;
    }
  }
  if (furthest <= std::sqrt(rounding)) return "";
  return concat({given.name, ": expected the probabilities of each row in y_pred to sum to 1, got ",
                 short_number(sum_there), " in row ", where});
}

Values values_of(const char* name, const MetricData& data, bool broadcast) {
  PlainNumbers truth(data.targets), prediction(data.outputs);
  if (data.classes != nullptr) fail(name, {"expected predictions in y_pred, got classes"});
  if (truth.rows < 1 || prediction.columns < 1) fail(name, {"expected at least one row and one output"});
  check_finite(name, "y_true", truth, all_finite(truth));
  check_finite(name, "y_pred", prediction, all_finite(prediction));
  const bool one_for_several = broadcast && truth.columns > 0 && prediction.columns % truth.columns == 0;
  if (truth.rows != prediction.rows || (truth.columns != prediction.columns && !one_for_several))
    fail(name,
         {"expected y_pred of shape ", shape_text(truth), " like y_true, got ", shape_text(prediction)});
  const int64_t rows = truth.rows;
  return {std::move(truth), std::move(prediction), RowWeights(name, data.weights, rows)};
}

}  // namespace lamina::metrics
