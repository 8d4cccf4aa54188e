// Metrics of the order in which scores put rows or classes.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "metrics/arguments.h"
#include "metrics/formulas.h"
#include "metrics/sort_scores.h"

namespace lamina::metrics {
namespace {

// Weights of positive and other rows that have equal scores, these falling or rising.
struct Groups {
  std::vector<double> inside, outside;
};

// `weight(i)` and `holds(i)` of the scores' places.
template <class Weight, class Holds>
Groups groups_of(const std::vector<double>& scores, const Weight& weight, const Holds& holds) {
  Groups groups;
  const std::vector<KeyedRow> sorted = sorted_by_score(scores);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i].key != sorted[i - 1].key) {
      groups.inside.push_back(0.0);
      groups.outside.push_back(0.0);
    }
    (holds(sorted[i].row) ? groups.inside : groups.outside).back() += weight(sorted[i].row);
  }
  return groups;
}

// Weighted rank statistic over groups of equal scores; NaN of one class.
double roc_area(const Groups& groups) {
  const auto &inside = groups.inside, &outside = groups.outside;
  const double pairs = pairwise_sum(inside) * pairwise_sum(outside);
  if (pairs <= 0.0) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> terms(inside.size());
  double through = 0.0;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    through += outside[i];
    terms[i] = inside[i] * ((through - outside[i]) + 0.5 * outside[i]);
  }
  return pairwise_sum(terms) / pairs;
}

// Steps of recall, from the largest score down, times the precision there; 0 of no rows.
double precision_area(const Groups& groups) {
  std::vector<double> terms(groups.inside.size());
  double found = 0.0, taken = 0.0;
  for (std::size_t i = terms.size(); i-- > 0;) {
    found += groups.inside[i];
    taken += groups.inside[i] + groups.outside[i];
    terms[i] = taken > 0.0 ? groups.inside[i] * (found / taken) : 0.0;
  }
  return found > 0.0 ? pairwise_sum(terms) / found : 0.0;
}

using Area = double (*)(const Groups&);

double area_of(const Classes& given, int64_t column, int64_t positive, Area area) {
  std::vector<double> scores(static_cast<std::size_t>(given.rows));
  for (int64_t row = 0; row < given.rows; ++row)
    scores[static_cast<std::size_t>(row)] = given.outputs.at(row, column);
  return area(groups_of(scores, given.weight, [&](int64_t row) { return given.holds(row, positive); }));
}

// One area over all pairs of row and column.
double area_of_pairs(const Classes& given, Area area) {
  const int64_t columns = given.outputs.columns;
  std::vector<double> scores;
  scores.reserve(static_cast<std::size_t>(given.rows * columns));
  for (int64_t row = 0; row < given.rows; ++row)
    for (int64_t column = 0; column < columns; ++column) scores.push_back(given.outputs.at(row, column));
  return area(groups_of(
      scores, [&](int64_t pair) { return given.weight(pair / columns); },
      [&](int64_t pair) { return given.holds(pair / columns, pair % columns); }));
}

double size_of(const Classes& given, int64_t column) {
  double sum = 0.0;
  for (int64_t row = 0; row < given.rows; ++row)
    if (given.holds(row, column)) sum += given.weight(row);
  return sum;
}

// An area by class or label, averaged.
MetricResult averaged(const Classes& given, std::optional<Average> chosen, Area area) {
  const Average average = chosen.value_or(Average::kMacro);
  if (average == Average::kAuto || average == Average::kBinary)
    fail(given.name, {"expected average macro, micro, weighted or None, got '",
                      (average == Average::kAuto ? "auto'" : "binary'")});
  given.expect_outputs();
  const int64_t columns = given.outputs.columns;
  if (!given.many_labels() && given.count == 2) {
    const double one = area_of(given, columns - 1, 1, area);
    return {{one}, average == Average::kNone ? std::vector<int64_t>{1} : std::vector<int64_t>{}, ""};
  }
  if (average == Average::kMicro) return {{area_of_pairs(given, area)}, {}, ""};
  std::vector<double> areas;
  for (int64_t column = 0; column < columns; ++column) areas.push_back(area_of(given, column, column, area));
  if (average == Average::kNone) return {areas, {columns}, ""};
  std::vector<double> shares, shared;
  bool any_defined = false;
  for (int64_t column = 0; column < columns; ++column) {
    const double one = areas[static_cast<std::size_t>(column)], size = size_of(given, column);
    const bool defined = !std::isnan(one) && (given.many_labels() || size > 0.0);
    any_defined = any_defined || defined;
    const double share = !defined ? 0.0 : average == Average::kWeighted ? size : 1.0;
    shares.push_back(share);
    shared.push_back(defined ? one * share : 0.0);
  }
  const double total = pairwise_sum(shares);
  if (!(total > 0.0)) return {{any_defined ? 0.0 : std::numeric_limits<double>::quiet_NaN()}, {}, ""};
  return {{pairwise_sum(shared) / total}, {}, ""};
}

// Of labels, or of class 1 of two, the first without true rows.
std::string empty_warning(const Classes& given) {
  if (!given.many_labels() && given.count != 2) return "";
  for (int64_t k = given.many_labels() ? 0 : 1; k < given.count; ++k) {
    bool found = false;
    for (int64_t row = 0; row < given.rows && !found; ++row)
      found = given.holds(row, k) && given.weight(row) > 0.0;
    if (!found)
      return concat({given.name, ": ", (given.many_labels() ? concat({"label ", k}) : "class 1"),
                     " has no true rows, and counts as 0"});
  }
  return "";
}

}  // namespace

MetricResult roc_auc(const MetricData& data, const MetricOptions& options) {
  return averaged(classes_of("roc_auc", data, options.task), options.average, &roc_area);
}

MetricResult average_precision(const MetricData& data, const MetricOptions& options) {
  const Classes given = classes_of("average_precision", data, options.task);
  MetricResult result = averaged(given, options.average, &precision_area);
  result.warning = empty_warning(given);
  return result;
}

MetricResult top_k_accuracy(const MetricData& data, const MetricOptions& options) {
  const char* name = "top_k_accuracy";
  if (options.k < 1) fail(name, {"expected k of at least 1, got ", options.k});
  const Classes given = classes_of(name, data, options.task);
  given.expect_outputs();
  if (given.many_labels()) fail(name, {"expected one class a row, got many labels at once"});
  if (options.k >= given.count)
    return {{1.0},
            {},
            concat({name, ": the true class is always among the ", options.k, " largest of ", given.count})};
  if (given.outputs.columns == 1) {
    const std::vector<int32_t> decided = given.decided(std::nullopt);
    return {{given.weight.mean([&](int64_t row) {
              return decided[static_cast<std::size_t>(row)] == given.truth[static_cast<std::size_t>(row)]
                         ? 1.0
                         : 0.0;
            })},
            {},
            ""};
  }
  return {{given.weight.mean([&](int64_t row) {
            const int64_t truth = given.truth[static_cast<std::size_t>(row)];
            const double score = given.outputs.at(row, truth);
            int64_t before = 0;
            // Of equal outputs those of later classes come first.
            for (int64_t column = 0; column < given.outputs.columns; ++column) {
              const double other = given.outputs.at(row, column);
              before += other > score || (other == score && column > truth) ? 1 : 0;
            }
            return before < options.k ? 1.0 : 0.0;
          })},
          {},
          ""};
}

}  // namespace lamina::metrics
