// What ends a fit: early stopping, a loss to reach, a limit of time, observers of steps.
#include "training/stopping.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"
#include "fit_support.h"

using namespace lamina;
using namespace lamina::test;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Early stopping by a figure that takes these values, epoch by epoch, and the weights of each.
struct Stopped {
  History history;
  std::vector<std::vector<float>> weights;  // the last: after the fit
};

Stopped stopped(const std::vector<double>& values, EarlyStoppingOptions options) {
  Problem problem;
  Stopped result;
  auto add = [&](Fit&, int64_t epoch, Figures& record) {
    record.push_back({"figure", values[static_cast<size_t>(epoch)]});
    result.weights.push_back(weights_of(problem.model));
  };
  Watch watch(add);
  options.monitor = "figure";
  if (!options.mode) options.mode = Mode::kMin;
  problem.options.epochs = static_cast<int64_t>(values.size());
  problem.options.early_stopping = options;
  result.history = problem.fit({&watch});
  result.weights.push_back(weights_of(problem.model));
  return result;
}

}  // namespace

LAMINA_TEST(early_stopping_waits_for_its_patience_and_puts_the_best_weights_back) {
  EarlyStoppingOptions options;
  options.patience = 2;
  const Stopped found = stopped({5.0, 3.0, 4.0, 2.0, 2.5, 2.1, 1.0, 0.0}, options);
  CHECK(found.history.epochs.size() == 6);
  CHECK(found.history.stop_reason == "figure has not improved for 2 epochs (best 2 in epoch 4)");
  CHECK(found.history.best_epoch == 3);
  CHECK(found.weights.back() == found.weights[3] && found.weights[3] != found.weights[2]);
}

LAMINA_TEST(a_figure_that_is_not_a_number_is_never_the_best) {
  EarlyStoppingOptions options;
  options.patience = 3;
  const Stopped found = stopped({kNan, kNan, 3.0, kNan, 2.0, kNan, kNan, kNan, 1.0}, options);
  CHECK(found.history.epochs.size() == 8 && found.history.best_epoch == 4);
  CHECK(found.weights.back() == found.weights[4]);
  options.patience = 2;
  const Stopped none = stopped({kNan, HUGE_VAL, 1.0}, options);
  CHECK(none.history.stop_reason == "figure was not finite in any of 2 epochs");
  CHECK(none.weights.back() == none.weights[1] && !none.history.best_epoch);
}

LAMINA_TEST(early_stopping_knows_what_improvement_is) {
  const std::vector<double> values{1.0, 2.0, 2.4, 2.6, 2.6, 9.0};
  EarlyStoppingOptions options;
  options.patience = 1;
  const auto epochs = [&](Mode mode, double min_delta) {
    options.mode = mode;
    options.min_delta = min_delta;
    return stopped(values, options).history.epochs.size();
  };
  CHECK(epochs(Mode::kMax, 0.0) == 5);
  CHECK(epochs(Mode::kMin, 0.0) == 2);
  CHECK(epochs(Mode::kMax, 0.5) == 3);
  options.restore_best_weights = false;
  options.mode = Mode::kMin;
  const Stopped left = stopped(values, options);
  CHECK(!left.history.best_epoch && left.weights.back() == left.weights[1]);
}

LAMINA_TEST(best_weights_come_back_also_after_an_exception) {
  Problem problem;
  std::vector<float> best;
  auto act = [&](Fit&, int64_t epoch, Figures& record) {
    for (Figure& figure : record)
      if (figure.name == "val_loss") figure.value = epoch == 1 ? 0.0 : 1.0;
    if (epoch == 1) best = weights_of(problem.model);
    if (epoch == 4) throw std::runtime_error("interrupted");
  };
  Watch watch(act);
  problem.options.early_stopping = EarlyStoppingOptions{};
  CHECK_THROWS(problem.fit({&watch}), std::runtime_error);
  CHECK(!best.empty() && weights_of(problem.model) == best);
}

LAMINA_TEST(a_figure_that_is_not_recorded_is_refused_before_training) {
  Problem problem;
  const std::vector<float> before = weights_of(problem.model);
  problem.options.early_stopping = EarlyStoppingOptions{"val_accuracy"};
  CHECK(refusal([&] { problem.fit(); }) ==
        "EarlyStopping: no figure named 'val_accuracy'; there are loss, val_loss, learning_rate");
  problem.options.early_stopping = EarlyStoppingOptions{"learning_rate"};
  CHECK(refusal([&] { problem.fit(); }).find("expected mode='min' or mode='max' for 'learning_rate'") !=
        std::string::npos);
  CHECK(weights_of(problem.model) == before);
}

LAMINA_TEST(training_stops_at_the_target_loss) {
  Problem problem;
  problem.options.epochs = 500;
  problem.options.target_loss = 0.5;
  const History history = problem.fit();
  const std::vector<double> losses = history.values("loss");
  CHECK(losses.size() > 1 && losses.back() <= 0.5 && losses[losses.size() - 2] > 0.5);
  CHECK(history.stop_reason.find(" reached the target 0.5") != std::string::npos);
}

LAMINA_TEST(a_time_limit_ends_training_after_an_epoch_or_within_it) {
  Problem problem;
  problem.options.epochs = 1000000000;
  problem.options.time_limit = 0.05;
  const History history = problem.fit();
  CHECK(history.stop_reason == "the time limit of 0.05 s was reached");
  double seconds = 0.0;
  for (const History::Epoch& epoch : history.epochs) seconds += epoch.seconds;
  CHECK(seconds < 5.0 && history.epochs.size() < 1000000);
  // An epoch of many small steps is broken off, and gives no record.
  Problem large(400000, 0);
  large.options.batches.batch_size = 1;
  large.options.time_limit = 0.001;
  Optimizer<float> by = large.optimizer();
  CHECK(large.fit(by).epochs.empty());
  CHECK(by.steps() > 0 && by.steps() < 400000);
  problem.options.time_limit = 0.0;
  CHECK(refusal([&] { problem.fit(); }) == "fit: expected time_limit above 0 s, got 0.0");
}

LAMINA_TEST(each_step_is_told_with_its_loss_and_may_be_the_last) {
  struct Steps : Observer {
    std::vector<double> losses;
    int64_t last;
    explicit Steps(int64_t last_step) : last(last_step) {}
    bool wants_steps() const override { return true; }
    void on_step_end(Fit& fit, int64_t epoch, int64_t step, double loss) override {
      losses.push_back(loss);
      if (epoch == 0 && step == last) fit.break_off("enough");
    }
  };
  Problem problem, twin, cut;
  Steps all(-1), few(4);
  problem.options.epochs = 1;
  problem.options.batches.shuffle = cut.options.batches.shuffle = false;
  const History history = problem.fit({&all});
  CHECK(all.losses.size() == 8);
  // The last batch has half of the rows.
  double mean = 0.0;
  for (size_t i = 0; i < all.losses.size(); ++i) mean += all.losses[i] * (i < 7 ? 16.0 : 8.0) / 120.0;
  CHECK_NEAR(mean, history.values("loss")[0], 1e-12);
  const History broken = cut.fit({&few});
  CHECK(broken.epochs.empty() && broken.stop_reason == "enough");
  Optimizer<float> by = twin.optimizer();
  for (int64_t step = 0; step < 5; ++step)
    CHECK(twin.model.train_step(twin.part(16 * step, 16), twin.loss, by, 0, [](int64_t) { return false; }) ==
          few.losses[static_cast<size_t>(step)]);
  CHECK(weights_of(cut.model) == weights_of(twin.model));
}

LAMINA_TEST(an_exception_at_a_step_reaches_the_caller) {
  struct Fails : Observer {
    bool wants_steps() const override { return true; }
    void on_step_end(Fit&, int64_t, int64_t step, double) override {
      if (step == 2) throw std::runtime_error("third");
    }
  } fails;
  Problem problem;
  Optimizer<float> by = problem.optimizer();
  CHECK_THROWS(problem.fit(by, {&fails}), std::runtime_error);
  CHECK(by.steps() == 3);
}

LAMINA_TEST_MAIN
