// Metrics of predicted quantities.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/number_text.h"
#include "metrics/arguments.h"
#include "metrics/formulas.h"
#include "metrics/sort_scores.h"

namespace lamina::metrics {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

MetricResult number(double value) { return {{value}, {}, ""}; }

// The mean over rows and outputs of error(truth, prediction).
template <class Error>
double mean_error(const Values& given, const Error& error) {
  if (given.columns() == 1) {
    // Neighbours in memory, of which compilers make vectors.
    const double *truth = given.truth.all().data(), *prediction = given.prediction.all().data();
    return given.weight.mean([=](int64_t row) { return error(truth[row], prediction[row]); });
  }
  return given.weight.mean_of_rows(
      given.columns(), static_cast<double>(given.columns()), [&](int64_t row, int64_t column) {
        return error(given.truth.at(row, column), given.prediction.at(row, column));
      });
}

double squared(double truth, double prediction) { return (truth - prediction) * (truth - prediction); }
double absolute(double truth, double prediction) { return std::abs(truth - prediction); }

// The value on whose two sides lies half of the weight; between two it is their mean.
double median(const std::vector<double>& errors, const RowWeights& weight) {
  std::vector<double> sums;  // of the weights of the rows that count, by ascending errors
  std::vector<double> counted;
  double sum = 0.0;
  for (const KeyedRow& row : sorted_by_score(errors)) {
    if (!(weight(row.row) > 0.0)) continue;
    sum += weight(row.row);
    sums.push_back(sum);
    counted.push_back(errors[static_cast<std::size_t>(row.row)]);
  }
  if (counted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double half = sum / 2.0;
  const std::size_t at = std::min(
      static_cast<std::size_t>(std::ranges::lower_bound(sums, half) - sums.begin()), sums.size() - 1);
  // Half of the weight ends exactly here, up to the rounding of the sums.
  const bool between = sums[at] - half <= kEpsilon * sum;
  const std::size_t after = between ? std::min(at + 1, counted.size() - 1) : at;
  return (counted[at] + counted[after]) / 2.0;
}

double r2_of_column(const Values& given, int64_t column) {
  const auto sum = [&](const auto& term) { return pairwise_sum(0, given.rows(), term); };
  const auto truth = [&](int64_t row) { return given.truth.at(row, column); };
  const auto weight = [&](int64_t row) { return given.weight(row); };
  const double residual =
      sum([&](int64_t row) { return weight(row) * squared(truth(row), given.prediction.at(row, column)); });
  const double center = given.weight.mean(truth);
  const double total = sum([&](int64_t row) { return weight(row) * squared(truth(row), center); });
  double least = std::numeric_limits<double>::infinity(), most = -least;
  for (int64_t row = 0; row < given.rows(); ++row) {
    if (!(weight(row) > 0.0)) continue;
    least = std::min(least, truth(row));
    most = std::max(most, truth(row));
  }
  // Rows of one value are no rounding's width apart, whatever their weights.
  if (least < most && total > 0.0) return 1.0 - residual / total;
  return residual == 0.0 ? 1.0 : 0.0;
}

}  // namespace

MetricResult mean_squared_error(const MetricData& data, const MetricOptions&) {
  return number(mean_error(values_of("mean_squared_error", data), squared));
}

MetricResult root_mean_squared_error(const MetricData& data, const MetricOptions&) {
  return number(std::sqrt(mean_error(values_of("root_mean_squared_error", data), squared)));
}

MetricResult mean_absolute_error(const MetricData& data, const MetricOptions&) {
  return number(mean_error(values_of("mean_absolute_error", data), absolute));
}

MetricResult mean_absolute_percentage_error(const MetricData& data, const MetricOptions&) {
  return number(mean_error(values_of("mean_absolute_percentage_error", data), [](double t, double y) {
    return std::abs(t - y) / std::max(std::abs(t), kEpsilon);
  }));
}

MetricResult median_absolute_error(const MetricData& data, const MetricOptions&) {
  const Values given = values_of("median_absolute_error", data);
  std::vector<double> medians;
  for (int64_t column = 0; column < given.columns(); ++column) {
    std::vector<double> errors(static_cast<std::size_t>(given.rows()));
    for (int64_t row = 0; row < given.rows(); ++row)
      errors[static_cast<std::size_t>(row)] =
          absolute(given.truth.at(row, column), given.prediction.at(row, column));
    medians.push_back(median(errors, given.weight));
  }
  return number(pairwise_sum(medians) / static_cast<double>(given.columns()));
}

MetricResult r2(const MetricData& data, const MetricOptions&) {
  const Values given = values_of("r2", data);
  if (given.rows() < 2) return number(std::numeric_limits<double>::quiet_NaN());
  std::vector<double> scores;
  for (int64_t column = 0; column < given.columns(); ++column) scores.push_back(r2_of_column(given, column));
  return number(pairwise_sum(scores) / static_cast<double>(given.columns()));
}

MetricResult pinball(const MetricData& data, const MetricOptions& options) {
  const char* name = "pinball";
  const std::vector<double> levels = options.levels.empty() ? std::vector<double>{0.5} : options.levels;
  for (const double level : levels)
    if (!(level >= 0.0 && level <= 1.0))
      fail(name, {"expected level in [0, 1], or a sequence of such, got ", short_number(level)});
  const bool several = levels.size() > 1;
  const int64_t count = static_cast<int64_t>(levels.size());
  const bool one_each = data.targets.columns == data.outputs.columns && data.outputs.columns == count;
  if (several && !one_each && data.outputs.columns != count * data.targets.columns)
    fail(name, {"expected ", count, " columns in y_pred for ", count, " levels and one in y_true, got ",
                data.outputs.columns, " and ", data.targets.columns});
  const Values given = values_of(name, data, several);
  const int64_t columns = given.columns();
  const int64_t each = columns / given.truth.columns;  // outputs of a target
  return number(
      given.weight.mean_of_rows(columns, static_cast<double>(columns), [&](int64_t row, int64_t column) {
        const double level = levels[several ? static_cast<std::size_t>(column % count) : 0];
        const double distance = given.truth.at(row, column / each) - given.prediction.at(row, column);
        return std::max(level * distance, (level - 1.0) * distance);
      }));
}

}  // namespace lamina::metrics
