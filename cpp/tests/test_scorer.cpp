// The scorer: outputs read as the loss and the last activation mean them, and what is refused before
// training.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "check.h"
#include "layers/loss.h"
#include "metrics/scorer.h"

namespace lamina {
namespace {

LossSpec loss(const char* name) { return loss_from_json(Json{{"kind", name}}); }

std::string sentence(const auto& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Scorer scorer(std::initializer_list<const char*> names) {
  std::vector<ScoredMetric> metrics;
  for (const char* name : names) metrics.push_back(ScoredMetric::of(name));
  return Scorer(std::move(metrics));
}

// The figures of these outputs, after the scorer was prepared on the same targets.
Figures figures(Scorer scorer, const OutputKind& kind, const NumberView& targets, const NumberView& outputs,
                const double* weights = nullptr) {
  scorer.prepare(kind, std::vector{targets});
  return scorer.score(targets, outputs, weights);
}

LAMINA_TEST(a_loss_and_an_activation_say_what_outputs_mean) {
  const auto kind = [](const char* name, const char* last, int64_t outputs) {
    const LossSpec spec = loss(name);
    return output_kind(&spec, last, outputs);
  };
  CHECK(kind("cross_entropy", "softmax", 3).task == Task::kMulticlass);
  CHECK(kind("cross_entropy", "softmax", 3).checked);
  CHECK(!kind("mean_squared_error", "softmax", 3).checked);
  CHECK(kind("binary_cross_entropy", "sigmoid", 1).task == Task::kBinary);
  CHECK(kind("binary_cross_entropy", "sigmoid", 3).task == Task::kMultilabel);
  CHECK(kind("hinge", "tanh", 1).scale == OutputScale::kMargins);
  CHECK(kind("poisson", "identity", 1).scale == OutputScale::kLogarithms);
  CHECK(kind("gamma", "identity", 1).scale == OutputScale::kLogarithms);
  CHECK(kind("gaussian_negative_log_likelihood", "identity", 2).scale == OutputScale::kMeans);
  CHECK(kind("quantile", "identity", 1).levels == (std::vector<double>{0.5}));
  CHECK(kind("mean_squared_error", "identity", 1).scale == OutputScale::kScores);
  CHECK(kind("mean_squared_error", "identity", 2).scale == OutputScale::kValues);
  CHECK(output_kind(nullptr, "identity", 2).scale == OutputScale::kUnknown);
  CHECK(output_kind(nullptr, "softmax", 2).task == Task::kMulticlass);
  const LossSpec rates = loss_from_json(Json{{"kind", "poisson"}, {"log_input", false}});
  CHECK(output_kind(&rates, "softplus", 1).scale == OutputScale::kScores);
  CHECK(kind("hinge", "tanh", 1).what() == "the margins that hinge gives after tanh");
}

LAMINA_TEST(figures_come_in_the_order_of_the_metrics_and_by_the_weights) {
  const LossSpec spec = loss("cross_entropy");
  const std::vector<int32_t> classes = {0, 1, 1};
  const std::vector<float> outputs = {0.75F, 0.25F, 0.75F, 0.25F, 0.25F, 0.75F};
  const std::vector<double> weights = {1.0, 1.0, 2.0};
  const Figures found = figures(scorer({"log_loss", "acc"}), output_kind(&spec, "softmax", 2),
                                {classes.data(), 3}, {outputs.data(), 3, 2}, weights.data());
  CHECK(found.size() == 2 && found[0].name == "log_loss" && found[1].name == "acc");
  CHECK_NEAR(found[0].value, -(3.0 * std::log(0.75) + std::log(0.25)) / 4.0, 1e-12);
  CHECK_NEAR(found[1].value, 0.75, 1e-15);
  CHECK(find_figure(found, "acc") == &found[1] && find_figure(found, "f1") == nullptr);
}

LAMINA_TEST(margins_and_signs_are_chosen_above_0_and_other_scores_above_a_half) {
  const std::vector<double> signs = {-1, 1}, classes = {0, 1}, outputs = {0.2, 0.6};
  const LossSpec hinge = loss("hinge"), squares = loss("mean_squared_error");
  const auto accuracy = [&](const LossSpec& spec, const std::vector<double>& targets) {
    return figures(scorer({"accuracy"}), output_kind(&spec, "identity", 1), {targets.data(), 2, 1},
                   {outputs.data(), 2, 1})[0]
        .value;
  };
  CHECK(accuracy(hinge, signs) == 0.5);
  CHECK(accuracy(hinge, classes) == 0.5);
  CHECK(accuracy(squares, signs) == 0.5);
  CHECK(accuracy(squares, classes) == 1.0);
}

LAMINA_TEST(quantities_are_in_the_targets_units) {
  const std::vector<double> targets = {1.0, 4.0}, outputs = {0.0, std::log(2.0)};
  const LossSpec poisson = loss("poisson"), gaussian = loss("gaussian_negative_log_likelihood");
  const Figures rates = figures(scorer({"mae"}), output_kind(&poisson, "identity", 1), {targets.data(), 2, 1},
                                {outputs.data(), 2, 1});
  CHECK_NEAR(rates[0].value, 1.0, 1e-15);
  const std::vector<double> means = {1.5, 9.0, 4.5, -9.0};  // each before its log variance
  const Figures errors = figures(scorer({"mae"}), output_kind(&gaussian, "identity", 2),
                                 {targets.data(), 2, 1}, {means.data(), 2, 2});
  CHECK_NEAR(errors[0].value, 0.5, 1e-15);
}

LAMINA_TEST(pinball_has_the_levels_of_the_loss_unless_it_has_its_own) {
  const LossSpec spec = loss_from_json(Json::parse(R"({"kind": "quantile", "level": [0.1, 0.9]})"));
  const std::vector<double> targets = {1.0}, outputs = {0.0, 3.0};
  std::vector<ScoredMetric> metrics = {ScoredMetric::of("pinball"),
                                       ScoredMetric::of("pinball", {.levels = {0.5, 0.5}})};
  metrics[1].name = "half";
  const Figures found = figures(Scorer(metrics), output_kind(&spec, "identity", 2), {targets.data(), 1, 1},
                                {outputs.data(), 1, 2});
  CHECK_NEAR(found[0].value, (0.1 * 1.0 + 0.1 * 2.0) / 2.0, 1e-15);
  CHECK_NEAR(found[1].value, (0.5 * 1.0 + 0.5 * 2.0) / 2.0, 1e-15);
}

LAMINA_TEST(outputs_that_are_not_finite_give_no_number) {
  const LossSpec spec = loss("mean_squared_error");
  for (const double wrong : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    const std::vector<double> targets = {1.0, 2.0}, outputs = {1.0, wrong};
    const Figures found = figures(scorer({"mse"}), output_kind(&spec, "identity", 1), {targets.data(), 2, 1},
                                  {outputs.data(), 2, 1});
    CHECK(std::isnan(found[0].value));
  }
}

LAMINA_TEST(functions_get_targets_outputs_and_weights_as_they_are) {
  ScoredMetric mine;
  mine.name = "mine";
  mine.mode = Mode::kMax;
  mine.function = [](const NumberView& targets, const NumberView& outputs, const double* weights) {
    CHECK(targets.int32 != nullptr && outputs.columns == 2);
    return weights[1] + outputs.at(1, 0);
  };
  const std::vector<int32_t> classes = {0, 1};
  const std::vector<double> outputs = {0.5, 0.5, 0.25, 0.75}, weights = {1.0, 2.0};
  Scorer one({mine});
  CHECK(one.modes()[0].mode == Mode::kMax);
  const Figures found = figures(one, output_kind(nullptr, "softmax", 2), {classes.data(), 2},
                                {outputs.data(), 2, 2}, weights.data());
  CHECK(found[0].value == 2.25);
}

LAMINA_TEST(metrics_that_cannot_judge_the_outputs_are_refused_before_training) {
  const std::vector<double> values = {0.0, 1.0}, pairs = {0.0, 1.0, 1.0, 0.0};
  const std::vector<int32_t> classes = {0, 1};
  const auto refused = [&](const char* metric, const char* name, const char* last, int64_t outputs,
                           const NumberView& targets) {
    return sentence([&] {
      const LossSpec spec = loss(name);
      Scorer one = scorer({metric});
      one.prepare(output_kind(&spec, last, outputs), std::vector{targets});
    });
  };
  const NumberView column(values.data(), 2, 1), matrix(pairs.data(), 2, 2), indices(classes.data(), 2);
  CHECK(refused("log_loss", "hinge", "identity", 1, column) ==
        "log_loss: expected probabilities, after softmax or sigmoid, got the margins that hinge gives after "
        "identity");
  CHECK(refused("rmse", "hinge", "identity", 1, column).find("in the target's units") != std::string::npos);
  CHECK(refused("accuracy", "mean_squared_error", "identity", 2, matrix).find("task='multiclass'") !=
        std::string::npos);
  CHECK(refused("roc_auc", "poisson", "identity", 1, column).find("got the logarithms of means") !=
        std::string::npos);
  CHECK(refused("rmse", "cross_entropy", "softmax", 2, indices).find("got class indices") !=
        std::string::npos);
  CHECK(refused("confusion_matrix", "cross_entropy", "softmax", 2, indices)
            .find("gives an array, which is no figure to follow in fit") != std::string::npos);
  const std::vector<double> wrong = {0.0, 7.0};
  CHECK(refused("accuracy", "mean_squared_error", "identity", 1, {wrong.data(), 2, 1}) ==
        "accuracy: expected class indices 0 and 1 (or -1 and 1) in y for one output, got 7");
  CHECK(refused("accuracy", "cross_entropy", "softmax", 2, indices).empty());
}

LAMINA_TEST(names_are_not_shared) {
  CHECK(sentence([] { scorer({"f1", "f1"}); }).starts_with("metrics: two are named 'f1'"));
  ScoredMetric mine = ScoredMetric::of("f1");
  for (const char* name : {"loss", "learning_rate", "val_f1"}) {
    mine.name = name;
    CHECK(sentence([&] {
            Scorer({mine});
          }).starts_with("metrics: '" + std::string(name) + "' is a figure of lamina's own"));
  }
}

LAMINA_TEST(the_watched_figure_is_that_of_validation_unless_it_is_named) {
  const FigureModes figures = {
      {"loss", Mode::kMin}, {"f1", Mode::kMax}, {"val_loss", Mode::kMin}, {"mine", {}}};
  CHECK(monitored("EarlyStopping", "", {}, figures).name == "val_loss");
  CHECK(monitored("EarlyStopping", "", {}, {{"loss", Mode::kMin}}).name == "loss");
  CHECK(monitored("EarlyStopping", "f1", {}, figures).larger_is_better);
  CHECK(monitored("EarlyStopping", "mine", Mode::kMax, figures).larger_is_better);
  CHECK(sentence([&] { monitored("EarlyStopping", "mine", {}, figures); }) ==
        "EarlyStopping: expected mode='min' or mode='max' for 'mine', of which lamina does not know whether "
        "less or more is better");
  CHECK(sentence([&] { monitored("EarlyStopping", "auc", {}, {{"loss", Mode::kMin}}); }) ==
        "EarlyStopping: no figure named 'auc'; there are loss");
  const FigureModes modes = modes_of({{"f1", 0.5}, {"mine", 1.0}}, {{"mine", Mode::kMin}});
  CHECK(modes[0].mode == Mode::kMax && modes[1].mode == Mode::kMin);
}

}  // namespace
}  // namespace lamina

LAMINA_TEST_MAIN
