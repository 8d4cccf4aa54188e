// Metrics of probabilities.
#include <algorithm>
#include <cmath>

#include "base/text.h"
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

// The mean loss of rows of one class each that count alike, by one logarithm for eight rows: that of the
// product of the chances of their classes, which is precise unless it is close to 1.
template <class Chance>
double mean_loss_of_equal_rows(const Classes& given, const Chance& chance_of) {
  constexpr int64_t rows_at_once = 8;
  const double unit = given.rounding;
  const auto loss_of_group = [&](int64_t group) {
    const int64_t first = group * rows_at_once, last = std::min(first + rows_at_once, given.rows);
    double product = 1.0, sum = 0.0;
    for (int64_t row = first; row < last; ++row) {
      const double chance = chance_of(row, given.truth[static_cast<std::size_t>(row)]);
      product *= chance < unit ? unit : chance > 1.0 - unit ? 1.0 - unit : chance;
    }
    if (product < 0.5) return -std::log(product);
    for (int64_t row = first; row < last; ++row) sum += row_loss(given, row);
    return sum;
  };
  const int64_t groups = (given.rows + rows_at_once - 1) / rows_at_once;
  return pairwise_sum(0, groups, loss_of_group) / given.weight.total();
}

double mean_loss(const Classes& given) {
  if (given.many_labels() || !given.soft.empty() || !given.weight.are_equal())
    return given.weight.mean([&](int64_t row) { return row_loss(given, row); });
  const PlainNumbers& outputs = given.outputs;
  if (outputs.columns > 1)
    return mean_loss_of_equal_rows(given, [&](int64_t row, int32_t truth) { return outputs.at(row, truth); });
  return mean_loss_of_equal_rows(given, [&](int64_t row, int32_t truth) {
    const double chance = outputs.all()[static_cast<std::size_t>(row)];
    return truth != 0 ? chance : 1.0 - chance;
  });
}

// Upper edges of the bins but the last: numpy's linspace.
std::vector<double> inner_edges(int64_t bins) {
  std::vector<double> edges;
  for (int64_t k = 1; k < bins; ++k)
    edges.push_back(static_cast<double>(k) * (1.0 / static_cast<double>(bins)));
  return edges;
}

// The first bin whose upper edge is not below the confidence.
std::size_t bin_of(double confidence, const std::vector<double>& edges) {
  const std::size_t last = edges.size();
  const double guess = confidence * static_cast<double>(last + 1);
  std::size_t bin = guess >= 0.0 ? std::min(static_cast<std::size_t>(guess), last) : 0;
  while (bin > 0 && edges[bin - 1] >= confidence) --bin;
  while (bin < last && edges[bin] < confidence) ++bin;
  return bin;
}

}  // namespace

MetricResult log_loss(const MetricData& data, const MetricOptions& options) {
  const Classes given = classes_of("log_loss", data, options.task);
  std::string warning = check_probabilities(given);
  return {{mean_loss(given)}, {}, std::move(warning)};
}

MetricResult brier_score(const MetricData& data, const MetricOptions& options) {
  const Classes given = classes_of("brier_score", data, options.task);
  std::string warning = check_probabilities(given);
  const int64_t columns = given.outputs.columns;
  const bool one_of_many = !given.many_labels() && columns > 2;
  const double divisor = one_of_many ? 1.0 : static_cast<double>(columns);
  const double mean = given.weight.mean_of_rows(columns, divisor, [&](int64_t row, int64_t column) {
    const double gap = probability(given, row, column) - given.target(row, column);
    return gap * gap;
  });
  return {{mean}, {}, std::move(warning)};
}

MetricResult expected_calibration_error(const MetricData& data, const MetricOptions& options) {
  const char* name = "expected_calibration_error";
  if (options.bins < 1 || options.bins > kMostBins)
    fail(name, {"expected bins of at least 1", options.bins < 1 ? "" : concat({" and at most ", kMostBins}),
                ", got ", options.bins});
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
      gaps[bin_of(confidence, edges)] += given.weight(row) * (hit - confidence);
    }
    for (double& gap : gaps) gap = std::abs(gap);
    errors.push_back(pairwise_sum(gaps) / given.weight.total());
  }
  return {{pairwise_sum(errors) / static_cast<double>(columns)}, {}, std::move(warning)};
}

}  // namespace lamina::metrics
