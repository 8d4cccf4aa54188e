// Metrics of probabilities.
#include <algorithm>
#include <cmath>

#include "metrics/arguments.h"
#include "metrics/formulas.h"

namespace lamina::metrics {
namespace {

// Beyond it the bins hold no rows that could tell anything.
constexpr int64_t kMostBins = int64_t{1} << 24;

// Whether each output is the probability of something by itself: of class 1, or of a label.
bool outputs_stand_alone(const Classes& given) { return given.many_labels() || given.outputs.columns == 1; }

// -(t log p + (1 - t) log(1 - p)), without the logarithm that counts nothing.
double binary_loss(double target, double chance) {
  if (target == 1.0) return -std::log(chance);
  if (target == 0.0) return -std::log1p(-chance);
  return -(target * std::log(chance) + (1.0 - target) * std::log1p(-chance));
}

double row_loss(const Classes& given, int64_t row) {
  const double unit = given.rounding;
  const int64_t columns = given.outputs.columns;
  const auto chance = [&](int64_t column) {
    return std::clamp(probability(given, row, column), unit, 1.0 - unit);
  };
  if (outputs_stand_alone(given)) {
    const double sum = pairwise_sum(
        0, columns, [&](int64_t column) { return binary_loss(given.target(row, column), chance(column)); });
    return sum / static_cast<double>(columns);
  }
  if (given.soft.empty()) return -std::log(chance(given.truth[static_cast<std::size_t>(row)]));
  return -pairwise_sum(0, columns,
                       [&](int64_t column) { return given.target(row, column) * std::log(chance(column)); });
}

// The chance that a row's class was given; of one class a row.
double chance_of_truth(const Classes& given, int64_t row) {
  const bool alone = outputs_stand_alone(given);
  const int32_t truth = given.truth[static_cast<std::size_t>(row)];
  const double chance =
      std::clamp(probability(given, row, alone ? 0 : truth), given.rounding, 1.0 - given.rounding);
  return alone && truth == 0 ? 1.0 - chance : chance;
}

// The mean loss of rows of one class each that count alike, by one logarithm for eight rows: that of the
// product of their chances, which is precise unless it is close to 1.
double mean_loss_of_equal_rows(const Classes& given) {
  constexpr int64_t rows_at_once = 8;
  const auto loss_of_group = [&](int64_t group) {
    const int64_t first = group * rows_at_once, last = std::min(first + rows_at_once, given.rows);
    double product = 1.0, sum = 0.0;
    for (int64_t row = first; row < last; ++row) product *= chance_of_truth(given, row);
    if (product < 0.5) return -std::log(product);
    for (int64_t row = first; row < last; ++row) sum += row_loss(given, row);
    return sum;
  };
  const int64_t groups = (given.rows + rows_at_once - 1) / rows_at_once;
  return pairwise_sum(0, groups, loss_of_group) / given.weight.total();
}

// Upper edges of the bins but the last: numpy's linspace.
std::vector<double> inner_edges(int64_t bins) {
  std::vector<double> edges;
  for (int64_t k = 1; k < bins; ++k)
    edges.push_back(static_cast<double>(k) * (1.0 / static_cast<double>(bins)));
  return edges;
}

}  // namespace

MetricResult log_loss(const MetricData& data, const MetricOptions& options) {
  const Classes given = classes_of("log_loss", data, options.task);
  std::string warning = check_probabilities(given);
  const bool one_class_a_row = !given.many_labels() && given.soft.empty();
  const double mean = one_class_a_row && given.weight.are_equal()
                          ? mean_loss_of_equal_rows(given)
                          : given.weight.mean([&](int64_t row) { return row_loss(given, row); });
  return {{mean}, {}, std::move(warning)};
}

MetricResult brier_score(const MetricData& data, const MetricOptions& options) {
  const Classes given = classes_of("brier_score", data, options.task);
  std::string warning = check_probabilities(given);
  const int64_t columns = given.outputs.columns;
  const bool one_of_many = !given.many_labels() && columns > 2;
  const double divisor = one_of_many ? 1.0 : static_cast<double>(columns);
  const double mean = given.weight.mean([&](int64_t row) {
    return pairwise_sum(0, columns,
                        [&](int64_t column) {
                          const double gap = probability(given, row, column) - given.target(row, column);
                          return gap * gap;
                        }) /
           divisor;
  });
  return {{mean}, {}, std::move(warning)};
}

MetricResult expected_calibration_error(const MetricData& data, const MetricOptions& options) {
  const char* name = "expected_calibration_error";
  if (options.bins < 1 || options.bins > kMostBins)
    fail(name, "expected bins of at least 1" +
                   (options.bins < 1 ? "" : " and at most " + std::to_string(kMostBins)) + ", got " +
                   std::to_string(options.bins));
  const Classes given = classes_of(name, data, options.task);
  std::string warning = check_probabilities(given);
  const std::vector<int32_t> decided = given.decided(std::nullopt);
  const std::vector<double> edges = inner_edges(options.bins);
  const bool alone = outputs_stand_alone(given);
  const int64_t columns = alone ? given.outputs.columns : 1;
  std::vector<double> errors;
  for (int64_t column = 0; column < columns; ++column) {
    std::vector<double> gaps(edges.size() + 1);
    for (int64_t row = 0; row < given.rows; ++row) {
      const std::size_t here = static_cast<std::size_t>(row * columns + column);
      double confidence = probability(given, row, alone ? column : decided[here]);
      if (alone) confidence = std::max(confidence, 1.0 - confidence);
      const double hit = decided[here] == given.truth[here] ? 1.0 : 0.0;
      const auto bin = std::ranges::lower_bound(edges, confidence) - edges.begin();
      gaps[static_cast<std::size_t>(bin)] += given.weight(row) * (hit - confidence);
    }
    for (double& gap : gaps) gap = std::abs(gap);
    errors.push_back(pairwise_sum(gaps) / given.weight.total());
  }
  return {{pairwise_sum(errors) / static_cast<double>(columns)}, {}, std::move(warning)};
}

}  // namespace lamina::metrics
