// Metrics of decisions: which class each row was given, against the true one.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/text.h"
#include "metrics/arguments.h"
#include "metrics/formulas.h"

namespace lamina::metrics {
namespace {

std::size_t place(int64_t i) { return static_cast<std::size_t>(i); }

MetricResult number(double value) { return {{value}, {}, ""}; }

// Of rows with one class each.
double share_of_right(const Classes& given, const std::vector<int32_t>& decided) {
  return given.weight.mean(
      [&](int64_t row) { return given.truth[place(row)] == decided[place(row)] ? 1.0 : 0.0; });
}

// Of a class, the weights of the rows that are right, chosen for it and truly of it.
struct Counts {
  double right = 0.0, chosen = 0.0, truth = 0.0;
  bool occurs = false;  // some row has it, or is chosen for it
};

// By class, or by label.
std::vector<Counts> counts_of(const Classes& given, std::optional<double> threshold) {
  const std::vector<int32_t> decided = given.decided(threshold);
  std::vector<Counts> counts(place(given.count));
  if (given.many_labels()) {
    for (int64_t row = 0; row < given.rows; ++row) {
      const double weight = given.weight(row);
      for (int64_t label = 0; label < given.count; ++label) {
        const bool truth = given.truth[place(row * given.count + label)] != 0;
        const bool chosen = decided[place(row * given.count + label)] != 0;
        Counts& of_label = counts[place(label)];
        if (truth && chosen) of_label.right += weight;
        if (chosen) of_label.chosen += weight;
        if (truth) of_label.truth += weight;
      }
    }
    for (Counts& of_label : counts) of_label.occurs = true;
    return counts;
  }
  for (int64_t row = 0; row < given.rows; ++row) {
    const double weight = given.weight(row);
    const int32_t truth = given.truth[place(row)], chosen = decided[place(row)];
    if (truth == chosen) counts[place(truth)].right += weight;
    counts[place(chosen)].chosen += weight;
    counts[place(truth)].truth += weight;
    counts[place(chosen)].occurs = counts[place(truth)].occurs = true;
  }
  return counts;
}

// Which of two classes is class 1 must be known.
void check_positive(const Classes& given, bool two) {
  if (!two)
    fail(given.name, {"expected two classes for average='binary', got ",
                      (given.many_labels() ? "many labels at once" : concat({given.count, " classes"})),
                      "; take 'macro', 'micro' or 'weighted'"});
  if (!given.labels.empty())
    fail(given.name,
         {"expected classes 0 and 1, or -1 and 1, got ", given.labels[0], " and ", given.labels[1],
          "; which of them is meant? Give (y_true == it, y_pred == it), or average='macro'"});
}

// A ratio of counts by class.
struct Ratio {
  double above = 0.0, below = 0.0;
  double value() const noexcept { return below > 0.0 ? above / below : 0.0; }
};

// `ratio` of each class's counts, averaged.
template <class RatioOf>
MetricResult averaged(const char* name, const MetricData& data, const MetricOptions& options,
                      const RatioOf& ratio) {
  const Classes given = classes_of(name, data, options.task);
  const Average average = options.average.value_or(Average::kAuto);
  std::vector<Counts> counts = counts_of(given, options.threshold);
  const bool two = !given.many_labels() && given.count == 2;
  if (average == Average::kBinary || (average == Average::kAuto && (two || given.task == Task::kBinary))) {
    check_positive(given, two);
    return number(ratio(counts.back()).value());
  }
  if (average == Average::kMicro) {
    const auto sum = [&](double Counts::* part) {
      return pairwise_sum(0, given.count, [&](int64_t k) { return counts[place(k)].*part; });
    };
    return number(ratio({sum(&Counts::right), sum(&Counts::chosen), sum(&Counts::truth), true}).value());
  }
  if (average == Average::kNone) {
    MetricResult result{{}, {given.count}, ""};
    for (const Counts& of_class : counts) result.values.push_back(ratio(of_class).value());
    return result;
  }
  const bool by_size = average == Average::kWeighted;
  if (!by_size) std::erase_if(counts, [](const Counts& of_class) { return !of_class.occurs; });
  const auto share = [&](int64_t k) { return by_size ? counts[place(k)].truth : 1.0; };
  const int64_t count = static_cast<int64_t>(counts.size());
  const double shares = pairwise_sum(0, count, share);
  if (!(shares > 0.0)) return number(0.0);
  return number(
      pairwise_sum(0, count, [&](int64_t k) { return ratio(counts[place(k)]).value() * share(k); }) / shares);
}

Classes one_class_a_row(const char* name, const MetricData& data, const MetricOptions& options) {
  Classes given = classes_of(name, data, options.task);
  if (given.many_labels())
    fail(name, {"expected one class a row, got many labels at once; give one label's column, or take f1"});
  return given;
}

// Weights of the rows by true and chosen class [classes, classes], or [labels, 2, 2].
std::vector<double> matrix_of(const Classes& given, const std::vector<int32_t>& decided) {
  if (!given.many_labels()) {
    std::vector<double> matrix(place(given.count * given.count));
    for (int64_t row = 0; row < given.rows; ++row)
      matrix[place(given.truth[place(row)] * given.count + decided[place(row)])] += given.weight(row);
    return matrix;
  }
  std::vector<double> matrix(place(given.count * 4));
  for (int64_t row = 0; row < given.rows; ++row)
    for (int64_t label = 0; label < given.count; ++label) {
      const std::size_t here = place(row * given.count + label);
      matrix[place(label * 4 + 2 * given.truth[here] + decided[here])] += given.weight(row);
    }
  return matrix;
}

// Divides each cell of a matrix [size, size] by the sum of its row, its column or all cells.
void normalize(double* matrix, int64_t size, Normalize by) {
  std::vector<double> rows(place(size)), columns(place(size));
  double all = 0.0;
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j) {
      rows[place(i)] += matrix[i * size + j];
      columns[place(j)] += matrix[i * size + j];
      all += matrix[i * size + j];
    }
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j) {
      const double total = by == Normalize::kTrue        ? rows[place(i)]
                           : by == Normalize::kPredicted ? columns[place(j)]
                                                         : all;
      if (total != 0.0) matrix[i * size + j] /= total;
    }
}

}  // namespace

MetricResult accuracy(const MetricData& data, const MetricOptions& options) {
  const Classes given = classes_of("accuracy", data, options.task);
  const std::vector<int32_t> decided = given.decided(options.threshold);
  if (!given.many_labels()) return number(share_of_right(given, decided));
  const int64_t labels = given.count;
  return number(given.weight.mean([&](int64_t row) {
    const auto first = given.truth.begin() + row * labels;
    return std::equal(first, first + labels, decided.begin() + row * labels) ? 1.0 : 0.0;
  }));
}

MetricResult label_accuracy(const MetricData& data, const MetricOptions& options) {
  const Classes given = classes_of("label_accuracy", data, options.task);
  if (given.task == Task::kMulticlass)
    fail(given.name, {"expected many labels at once, got one class a row; take accuracy"});
  const std::vector<int32_t> decided = given.decided(options.threshold);
  if (!given.many_labels()) return number(share_of_right(given, decided));
  const int64_t labels = given.count;
  return number(given.weight.mean([&](int64_t row) {
    int64_t right = 0;
    for (int64_t at = row * labels; at < (row + 1) * labels; ++at)
      right += given.truth[place(at)] == decided[place(at)] ? 1 : 0;
    return static_cast<double>(right) / static_cast<double>(labels);
  }));
}

MetricResult precision(const MetricData& data, const MetricOptions& options) {
  return averaged("precision", data, options,
                  [](const Counts& of_class) { return Ratio{of_class.right, of_class.chosen}; });
}

MetricResult recall(const MetricData& data, const MetricOptions& options) {
  return averaged("recall", data, options,
                  [](const Counts& of_class) { return Ratio{of_class.right, of_class.truth}; });
}

MetricResult f1(const MetricData& data, const MetricOptions& options) {
  return averaged("f1", data, options, [](const Counts& of_class) {
    return Ratio{2.0 * of_class.right, of_class.chosen + of_class.truth};
  });
}

MetricResult balanced_accuracy(const MetricData& data, const MetricOptions& options) {
  const Classes given = one_class_a_row("balanced_accuracy", data, options);
  std::vector<double> recalls;
  for (const Counts& of_class : counts_of(given, options.threshold))
    if (of_class.truth > 0.0) recalls.push_back(of_class.right / of_class.truth);
  return number(pairwise_sum(recalls) / static_cast<double>(recalls.size()));
}

MetricResult matthews_correlation(const MetricData& data, const MetricOptions& options) {
  const Classes given = one_class_a_row("matthews_correlation", data, options);
  std::vector<Counts> counts = counts_of(given, options.threshold);
  int64_t truths = 0, choices = 0;
  for (Counts& of_class : counts) {
    of_class.right /= given.weight.total();
    of_class.chosen /= given.weight.total();
    of_class.truth /= given.weight.total();
    truths += of_class.truth != 0.0 ? 1 : 0;
    choices += of_class.chosen != 0.0 ? 1 : 0;
  }
  // Of one class alone the variance is 0, whatever is left by rounding.
  if (truths == 1 || choices == 1) return number(0.0);
  const auto sum = [&](const auto& term) {
    return pairwise_sum(0, given.count, [&](int64_t k) { return term(counts[place(k)]); });
  };
  const double right = sum([](const Counts& c) { return c.right; });
  const double both = sum([](const Counts& c) { return c.truth * c.chosen; });
  const double truth = sum([](const Counts& c) { return c.truth * c.truth; });
  const double chosen = sum([](const Counts& c) { return c.chosen * c.chosen; });
  return number((right - both) / std::sqrt((1.0 - truth) * (1.0 - chosen)));
}

MetricResult confusion_matrix(const MetricData& data, const MetricOptions& options) {
  const Classes given = classes_of("confusion_matrix", data, options.task);
  MetricResult result{matrix_of(given, given.decided(options.threshold)), {}, ""};
  const int64_t size = given.many_labels() ? 2 : given.count;
  result.shape =
      given.many_labels() ? std::vector<int64_t>{given.count, 2, 2} : std::vector<int64_t>{size, size};
  if (options.normalize != Normalize::kNone)
    for (std::size_t first = 0; first < result.values.size(); first += place(size * size))
      normalize(result.values.data() + first, size, options.normalize);
  return result;
}

}  // namespace lamina::metrics
