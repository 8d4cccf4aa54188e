// Metrics of classes against values worked out from their definitions, and against slow ones over random
// rows.
#include <algorithm>
#include <limits>

#include "check.h"
#include "metric_support.h"

namespace lamina {
namespace {

using namespace test;

// Four rows: one right of each class, one wrong of each; weights 1, 2, 3, 4.
const Case kFour = binary({0, 0, 1, 1}, {0.2, 0.6, 0.7, 0.4}, {1, 2, 3, 4});

LAMINA_TEST(decisions_of_two_classes_count_by_weight) {
  CHECK_NEAR(kFour("accuracy"), 0.4, 1e-15);
  CHECK_NEAR(kFour("label_accuracy"), 0.4, 1e-15);
  CHECK_NEAR(kFour("precision"), 3.0 / 5.0, 1e-15);
  CHECK_NEAR(kFour("recall"), 3.0 / 7.0, 1e-15);
  CHECK_NEAR(kFour("f1"), 6.0 / 12.0, 1e-15);
  CHECK_NEAR(kFour("balanced_accuracy"), (1.0 / 3.0 + 3.0 / 7.0) / 2.0, 1e-15);
  // (tp tn - fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn))
  CHECK_NEAR(kFour("mcc"), (3.0 * 1.0 - 2.0 * 4.0) / std::sqrt(5.0 * 7.0 * 3.0 * 5.0), 1e-14);
  CHECK(kFour.result("confusion_matrix").values == (std::vector<double>{1, 2, 4, 3}));
  CHECK(kFour.result("confusion_matrix").shape == (std::vector<int64_t>{2, 2}));
}

LAMINA_TEST(a_threshold_moves_what_is_chosen) {
  CHECK_NEAR(kFour("accuracy", {.threshold = 0.3}), 0.8, 1e-15);
  CHECK_NEAR(kFour("recall", {.threshold = 0.3}), 1.0, 1e-15);
  CHECK(kFour.error("accuracy", {.threshold = std::numeric_limits<double>::infinity()}) ==
        "accuracy: expected a finite threshold, got inf");
}

LAMINA_TEST(targets_of_minus_1_and_1_are_chosen_above_0) {
  const Case signs = binary({-1, 1, 1}, {-0.5, 0.2, -0.1});
  CHECK_NEAR(signs("accuracy"), 2.0 / 3.0, 1e-15);
  CHECK_NEAR(signs("roc_auc"), 1.0, 1e-15);
}

LAMINA_TEST(several_classes_are_told_by_the_largest_output) {
  const Case three = three_classes();
  CHECK_NEAR(three("accuracy"), 0.5, 1e-15);
  CHECK_NEAR(three("precision"), (1.0 + 0.0 + 0.5) / 3.0, 1e-15);
  CHECK_NEAR(three("recall"), (1.0 + 0.0 + 0.5) / 3.0, 1e-15);
  CHECK_NEAR(three("recall", {.average = Average::kWeighted}), 0.5, 1e-15);
  CHECK_NEAR(three("f1", {.average = Average::kMicro}), 0.5, 1e-15);
  CHECK(three.result("f1", {.average = Average::kNone}).values == (std::vector<double>{1.0, 0.0, 0.5}));
  CHECK(three.result("f1", {.average = Average::kNone}).shape == (std::vector<int64_t>{3}));
  CHECK(three.result("confusion_matrix").values == (std::vector<double>{1, 0, 0, 0, 0, 1, 0, 1, 1}));
  const auto shares = three.result("confusion_matrix", {.normalize = Normalize::kTrue}).values;
  CHECK(shares == (std::vector<double>{1, 0, 0, 0, 0, 1, 0, 0.5, 0.5}));
  const auto of_all = three.result("confusion_matrix", {.normalize = Normalize::kAll}).values;
  CHECK(of_all[0] == 0.25 && of_all[8] == 0.25);
  const auto chosen = three.result("confusion_matrix", {.normalize = Normalize::kPredicted}).values;
  CHECK(chosen == (std::vector<double>{1, 0, 0, 0, 0, 0.5, 0, 1, 0.5}));
  // Gorodkin's correlation: (c s - sum t p) / sqrt((s^2 - sum p^2)(s^2 - sum t^2)) with c = 2, s = 4.
  CHECK_NEAR(three("matthews_correlation"),
             (2.0 * 4.0 - (1 + 1 + 4)) / std::sqrt((16.0 - 6.0) * (16.0 - 6.0)), 1e-15);
}

LAMINA_TEST(one_hot_and_soft_targets_count_by_their_largest) {
  Case soft = three_classes();
  soft.classes.clear();
  soft.target_rows({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 1}});
  CHECK_NEAR(soft("accuracy"), 0.5, 1e-15);
  Case shares = three_classes();
  shares.classes.clear();
  shares.target_rows({{0.6, 0.4, 0}, {0, 0.9, 0.1}, {0.2, 0.2, 0.6}, {0, 0.1, 0.9}});
  CHECK_NEAR(shares("accuracy"), 0.5, 1e-15);
  const double first = -(0.6 * std::log(0.7) + 0.4 * std::log(0.2));
  const double second = -(0.9 * std::log(0.3) + 0.1 * std::log(0.6));
  const double third = -(0.2 * std::log(0.2) + 0.2 * std::log(0.2) + 0.6 * std::log(0.6));
  const double fourth = -(0.1 * std::log(0.5) + 0.9 * std::log(0.4));
  CHECK_NEAR(shares("log_loss"), (first + second + third + fourth) / 4.0, 1e-15);
}

// Two labels at once: truth 10, 11, 00; chosen 10, 01, 00.
Case two_labels() {
  Case made;
  made.target_rows({{1, 0}, {1, 1}, {0, 0}});
  made.rows({{0.9, 0.1}, {0.4, 0.8}, {0.3, 0.2}});
  return made;
}

LAMINA_TEST(many_labels_are_right_by_row_or_by_label) {
  const Case labels = two_labels();
  CHECK_NEAR(labels("accuracy"), 2.0 / 3.0, 1e-15);
  CHECK_NEAR(labels("label_accuracy"), 5.0 / 6.0, 1e-15);
  CHECK_NEAR(labels("recall"), 0.75, 1e-15);
  CHECK_NEAR(labels("precision", {.average = Average::kMicro}), 1.0, 1e-15);
  CHECK(labels.result("confusion_matrix").shape == (std::vector<int64_t>{2, 2, 2}));
  CHECK(labels.result("confusion_matrix").values == (std::vector<double>{1, 0, 1, 1, 2, 0, 0, 1}));
  CHECK(labels.error("balanced_accuracy").find("got many labels at once") != std::string::npos);
  CHECK_NEAR(labels("brier_score"), (0.01 + 0.01 + 0.36 + 0.04 + 0.09 + 0.04) / 6.0, 1e-15);
}

LAMINA_TEST(a_task_is_what_it_is_said_to_be) {
  Case one_hot;
  one_hot.target_rows({{1, 0}, {0, 1}});
  one_hot.rows({{0.6, 0.4}, {0.6, 0.4}});
  CHECK_NEAR(one_hot("accuracy"), 0.5, 1e-15);
  CHECK_NEAR(one_hot("accuracy", {.task = Task::kMultilabel}), 0.5, 1e-15);
  CHECK_NEAR(one_hot("label_accuracy", {.task = Task::kMultilabel}), 0.5, 1e-15);
  CHECK(three_classes().error("accuracy", {.task = Task::kBinary}) ==
        "accuracy: expected one or two outputs for task binary, got 3");
}

double pair_area(const std::vector<double>& y, const std::vector<double>& p, const std::vector<double>& w) {
  double above = 0.0, pairs = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i)
    for (std::size_t j = 0; j < y.size(); ++j) {
      if (!(y[i] == 1.0 && y[j] == 0.0)) continue;
      pairs += w[i] * w[j];
      above += w[i] * w[j] * (p[i] > p[j] ? 1.0 : p[i] == p[j] ? 0.5 : 0.0);
    }
  return above / pairs;
}

double step_area(const std::vector<double>& y, const std::vector<double>& p, const std::vector<double>& w) {
  std::vector<double> limits = p;
  std::ranges::sort(limits, std::greater());
  limits.erase(std::unique(limits.begin(), limits.end()), limits.end());
  double all = 0.0, before = 0.0, area = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) all += y[i] * w[i];
  for (const double limit : limits) {
    double found = 0.0, taken = 0.0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (p[i] < limit) continue;
      taken += w[i];
      found += y[i] * w[i];
    }
    area += (found - before) / all * (taken > 0.0 ? found / taken : 0.0);
    before = found;
  }
  return area;
}

LAMINA_TEST(areas_are_those_of_their_definitions_whatever_the_ties_and_the_number_of_rows) {
  for (const std::size_t rows : {2, 3, 50, 300, 1500})
    for (const uint32_t levels : {1U, 5U, 4000000000U}) {
      const Case made = random_rows(rows, static_cast<uint32_t>(rows), levels);
      CHECK_NEAR(made("roc_auc"), pair_area(made.targets, made.outputs, made.weights), 1e-12);
      CHECK_NEAR(made("average_precision"), step_area(made.targets, made.outputs, made.weights), 1e-12);
    }
}

LAMINA_TEST(zeros_of_either_sign_are_one_score) {
  for (const std::size_t copies : {1, 1000}) {
    Case made;
    for (std::size_t i = 0; i < copies; ++i)
      for (const double y : {0.0, 1.0}) {
        made.targets.push_back(y);
        made.outputs.push_back(y == 0.0 ? -0.0 : 0.0);
      }
    CHECK(made("roc_auc") == 0.5);
  }
}

LAMINA_TEST(areas_of_several_classes_are_averaged_over_those_that_have_one) {
  Case made;
  made.classes = {0, 1, 0, 1};  // class 2 never occurs
  made.rows({{0.5, 0.3, 0.2}, {0.4, 0.4, 0.2}, {0.3, 0.4, 0.3}, {0.2, 0.5, 0.3}});
  // Class 0: pairs 0.5 > 0.4, 0.5 > 0.2, 0.3 < 0.4, 0.3 > 0.2. Class 1: 0.4 > 0.3, 0.4 = 0.4, 0.5 > both.
  CHECK_NEAR(made("roc_auc"), (0.75 + 3.5 / 4.0) / 2.0, 1e-15);
  CHECK_NEAR(made("roc_auc", {.average = Average::kWeighted}), (0.75 + 3.5 / 4.0) / 2.0, 1e-15);
  const MetricResult each = made.result("roc_auc", {.average = Average::kNone});
  CHECK(each.shape == (std::vector<int64_t>{3}));
  CHECK(std::isnan(each.values[2]));
  CHECK(made.error("roc_auc", {.average = Average::kBinary}) ==
        "roc_auc: expected average macro, micro, weighted or None, got 'binary'");
  const Case alone = binary({1, 1}, {0.2, 0.4});
  CHECK(std::isnan(alone("roc_auc")));
  CHECK(binary({0, 0}, {0.2, 0.4}).result("average_precision").warning ==
        "average_precision: class 1 has no true rows, and counts as 0");
}

LAMINA_TEST(the_true_class_is_among_the_k_largest) {
  const Case three = three_classes();
  // Of equal outputs those of later classes come first.
  CHECK_NEAR(three("top_k_accuracy", {.k = 1}), 0.5, 1e-15);
  CHECK_NEAR(three("top_k_accuracy", {.k = 2}), 1.0, 1e-15);
  Case tied;
  tied.classes = {0, 2};
  tied.rows({{0.4, 0.4, 0.2}, {0.1, 0.45, 0.45}});
  CHECK_NEAR(tied("top_k_accuracy", {.k = 1}), 0.5, 1e-15);
  CHECK(three.result("top_k_accuracy", {.k = 3}).warning ==
        "top_k_accuracy: the true class is always among the 3 largest of 3");
  CHECK(three.error("top_k_accuracy", {.k = 0}) == "top_k_accuracy: expected k of at least 1, got 0");
}

LAMINA_TEST(losses_of_probabilities_are_those_of_their_formulas) {
  const Case made = binary({1, 0, 0.25}, {0.8, 0.3, 0.5}, {1, 1, 2});
  const double expected =
      (-std::log(0.8) - std::log1p(-0.3) - 2.0 * (0.25 * std::log(0.5) + 0.75 * std::log1p(-0.5))) / 4.0;
  CHECK_NEAR(made("log_loss"), expected, 1e-15);
  CHECK_NEAR(made("brier_score"), (0.04 + 0.09 + 2.0 * 0.0625) / 4.0, 1e-15);
  CHECK_NEAR(three_classes()("log_loss"), -std::log(0.7 * 0.3 * 0.6 * 0.4) / 4.0, 1e-15);
  CHECK_NEAR(three_classes()("brier"),
             (0.09 + 0.04 + 0.01 + 0.01 + 0.49 + 0.36 + 0.04 + 0.04 + 0.16 + 0.01 + 0.25 + 0.36) / 4.0,
             1e-15);
  // A true class of probability 0 costs the rounding unit's logarithm.
  CHECK_NEAR(binary({1}, {0.0})("log_loss"), -std::log(std::numeric_limits<double>::epsilon()), 1e-12);
  CHECK(binary({0, 1}, {0.1, 1.2}).error("log_loss") ==
        "log_loss: expected probabilities between 0 and 1 in y_pred, got 1.2");
}

LAMINA_TEST(rows_without_weights_lose_what_rows_of_weight_1_lose) {
  for (const double closest : {0.5, 1e-3, 1e-9, 1e-14}) {
    Case made;
    for (int row = 0; row < 101; ++row) {
      made.targets.push_back(row % 3 == 0 ? 1.0 : 0.0);
      const double miss = closest * (1.0 + row) / 102.0;
      made.outputs.push_back(row % 3 == 0 ? 1.0 - miss : miss);
    }
    const double plain = made("log_loss");
    made.weights.assign(101, 1.0);
    CHECK_NEAR(plain, made("log_loss"), 1e-13 * made("log_loss"));
  }
}

LAMINA_TEST(probabilities_that_do_not_sum_to_1_are_told) {
  Case made;
  made.classes = {0, 1};
  made.rows({{0.5, 0.5}, {0.5, 1.0}});
  CHECK(made.result("log_loss").warning ==
        "log_loss: expected the probabilities of each row in y_pred to sum to 1, got 1.5 in row 1");
  CHECK(three_classes().result("log_loss").warning.empty());
}

LAMINA_TEST(calibration_is_off_by_the_gaps_of_the_bins) {
  // Confidences 0.9, 0.8 (wrong), 0.6 in two bins (0, 0.5] and (0.5, 1]: |2 - 2.3| / 3.
  CHECK_NEAR(binary({1, 0, 1}, {0.9, 0.8, 0.6})("ece", {.bins = 2}), 0.3 / 3.0, 1e-15);
  // In ten bins each row lies in its own: 0.1, 0.8 and 0.4.
  CHECK_NEAR(binary({1, 0, 1}, {0.9, 0.8, 0.6})("ece", {.bins = 10}), 1.3 / 3.0, 1e-15);
  // An edge belongs to the bin below: 0.5 and 0.4 of two rows.
  CHECK_NEAR(binary({1, 1}, {0.5, 0.6})("ece", {.bins = 2}), (0.5 + 0.4) / 2.0, 1e-15);
  CHECK(binary({1}, {0.5}).error("ece", {.bins = 0}).find("expected bins of at least 1, got 0") !=
        std::string::npos);
}

LAMINA_TEST(chosen_classes_are_any_whole_numbers) {
  const auto compute = [](const char* name, std::vector<int64_t> truth, std::vector<int64_t> chosen,
                          const MetricOptions& options = {}, std::vector<std::string> names = {}) {
    const ChosenClasses classes{truth.data(), chosen.data(), static_cast<int64_t>(truth.size()), names};
    MetricData data;
    data.classes = &classes;
    return metric_named(name).compute(data, options).number();
  };
  CHECK_NEAR(compute("accuracy", {7, -3, 7}, {7, -3, -3}), 2.0 / 3.0, 1e-15);
  CHECK_NEAR(compute("accuracy", {INT64_MAX, INT64_MIN, 0}, {INT64_MAX, 0, 0}), 2.0 / 3.0, 1e-15);
  CHECK_NEAR(compute("precision", {-1, 1, 1}, {-1, 1, -1}), 1.0, 1e-15);
  CHECK_NEAR(compute("precision", {1, 1}, {1, 1}), 1.0, 1e-15);
  CHECK_NEAR(compute("f1", {4, 5, 6, 6}, {4, 6, 6, 5}), (1.0 + 0.0 + 0.5) / 3.0, 1e-15);
  for (const auto& [names, sentence] : {std::pair{std::vector<std::string>{}, "got 1 and 2; which"},
                                        {{"'a'", "'b'", "'c'"}, "got 'b' and 'c'; which"}}) {
    std::string message;
    try {
      compute("precision", {1, 2, 2}, {1, 1, 2}, {}, names);
    } catch (const Error& error) {
      message = error.what();
    }
    CHECK(message.find(sentence) != std::string::npos);
  }
}

LAMINA_TEST(what_does_not_go_together_is_refused_in_a_sentence) {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  Case three = three_classes();
  three.classes = {0, 1, 3, 2};
  CHECK(three.error("accuracy") == "accuracy: expected class indices 0 to 2 in y_true for 3 outputs, got 3");
  three.classes = {0, 1, -1, 2};
  CHECK(three.error("accuracy") == "accuracy: expected class indices 0 to 2 in y_true for 3 outputs, got -1");
  CHECK(binary({0, 1, 1}, {0.1, 0.2}).error("f1") == "f1: expected 2 labels, got 3");
  CHECK(binary({0, 2}, {0.1, 0.2}).error("f1").starts_with("f1: expected class indices 0 to 1 in y_true"));
  CHECK(binary({0, 1}, {0.1, nan}).error("roc_auc") ==
        "roc_auc: expected finite numbers in y_pred, got nan in row 1");
  CHECK(binary({0, -infinity}, {0.1, 0.2}).error("mse") ==
        "mean_squared_error: expected finite numbers in y_true, got -inf in row 1");
  for (const double weight : {-1.0, nan, infinity, 0.0})
    CHECK(binary({0, 1}, {0.1, 0.2}, {0.0, weight}).error("r2") ==
          "r2: expected finite weights of at least 0, not all 0");
  CHECK(binary({0, 1, 1}, {0.1, 0.2}).error("r2") ==
        "r2: expected y_pred of shape (3, 1) like y_true, got (2, 1)");
  CHECK(!Case{}.error("accuracy").empty() && !Case{}.error("mse").empty());
  CHECK(three_classes().error("f1", {.average = Average::kBinary}) ==
        "f1: expected two classes for average='binary', got 3 classes; take 'macro', 'micro' or 'weighted'");
  CHECK(three_classes().error("accuracy", {.threshold = 0.5}).find("expected no threshold for 3 classes") !=
        std::string::npos);
}

LAMINA_TEST(metrics_go_by_name_and_alias) {
  CHECK(metric_table().size() == 21);
  for (const Metric& metric : metric_table()) {
    CHECK(find_metric(metric.name) == &metric);
    CHECK(*metric.alias == '\0' || find_metric(metric.alias) == &metric);
    CHECK(better(std::string("val_") + metric.name) == metric.mode);
  }
  CHECK(find_metric("") == nullptr);
  CHECK(better("val_loss") == Mode::kMin && better("mine") == std::nullopt);
  std::string message;
  try {
    metric_named("acuracy");
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK(
      message.starts_with("metrics: unknown name 'acuracy'; expected some of accuracy, acc, label_accuracy"));
}

}  // namespace
}  // namespace lamina

LAMINA_TEST_MAIN
