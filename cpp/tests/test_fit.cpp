// Fits of whole models: epochs, validation, observers, schedules, averages, and what they leave behind.
#include "training/fit_model.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "fit_support.h"
#include "model_file/model_file.h"
#include "training/check_targets.h"
#include "training/hold_out.h"

using namespace lamina;
using namespace lamina::test;

LAMINA_TEST(a_fit_is_its_epochs_and_records_them) {
  Problem problem, twin;
  problem.options.epochs = 4;
  const History history = problem.fit();
  Optimizer<float> by = twin.optimizer();
  std::vector<double> losses, validation;
  for (int64_t epoch = 1; epoch <= 4; ++epoch) {
    losses.push_back(twin.model
                         .run_epoch(twin.data.train, twin.loss, {epoch, 16, true, 0}, by, nullptr, nullptr,
                                    [](int64_t) { return false; })
                         .loss);
    validation.push_back(
        twin.model.evaluate(*twin.data.validation, twin.loss, nullptr, [](int64_t) { return false; }).loss);
  }
  CHECK(weights_of(problem.model) == weights_of(twin.model));
  CHECK(history.values("loss") == losses);
  CHECK(history.values("val_loss") == validation);
  CHECK((history.values("learning_rate") == std::vector<double>(4, 0.01)));
  CHECK(losses.back() < losses.front());
  CHECK(history.stop_reason.empty() && !history.best_epoch);
  CHECK(history.epochs[0].seconds > 0.0);
}

LAMINA_TEST(a_caller_s_order_of_rows_is_that_of_the_epoch) {
  Problem problem(120, 0), twin(120, 0);
  problem.options.epochs = 1;
  std::vector<int64_t> order(120);
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>((i * 7) % order.size());
  problem.options.batches.order = [&](int64_t epoch, int64_t rows) {
    CHECK(epoch == 0 && rows == 120);
    return order;
  };
  problem.fit();
  std::vector<float> x(twin.x);
  std::vector<int32_t> y(twin.y);
  for (size_t i = 0; i < order.size(); ++i) {
    const auto from = static_cast<size_t>(order[i]);
    std::copy_n(x.data() + from * Problem::kInputs, Problem::kInputs, twin.x.data() + i * Problem::kInputs);
    twin.y[i] = y[from];
  }
  twin.options.epochs = 1;
  twin.options.batches.shuffle = false;
  twin.fit();
  CHECK(weights_of(problem.model) == weights_of(twin.model));
  order[3] = order[4];
  CHECK(refusal([&] { problem.fit(); }) ==
        "fit: expected an order that has each of the 120 rows once, by numbers from 0, got row 28 twice");
}

LAMINA_TEST(observers_are_told_in_order_and_may_stop) {
  Problem problem;
  Journal journal;
  auto stop = [](Fit& fit, int64_t epoch, Figures&) {
    if (epoch == 1) fit.stop("enough");
  };
  Watch watch(stop);
  CHECK(problem.fit({&journal, &watch}).stop_reason == "enough");
  CHECK(journal.calls == "begin (00) (11) end enough");
}

LAMINA_TEST(an_observer_s_exception_ends_the_fit_and_all_are_told) {
  Problem problem;
  Journal before, behind;
  auto fail = [](Fit&, int64_t epoch, Figures&) {
    if (epoch == 1) throw std::runtime_error("by hand");
  };
  Watch watch(fail);
  CHECK_THROWS(problem.fit({&before, &watch, &behind}), std::runtime_error);
  CHECK(before.calls == "begin (00) (11) end by hand");
  CHECK(behind.calls == "begin (00) (1end by hand");
  CHECK(problem.fit().epochs.size() == 10);
}

LAMINA_TEST(a_fit_within_a_fit_of_the_same_model_is_refused) {
  Problem problem;
  std::string said;
  auto nest = [&](Fit&, int64_t, Figures&) { said = refusal([&] { problem.fit(); }); };
  Watch watch(nest);
  CHECK(problem.fit({&watch}).epochs.size() == 10);
  CHECK(said.find("in a fit already") != std::string::npos);
}

LAMINA_TEST(learning_rates_follow_a_schedule_that_knows_when_the_fit_ends) {
  struct Linear final : Schedule {
    std::vector<double> noted;
    Linear() : Schedule(0.1, Per::kStep) {}
    std::vector<double> rates(const RateSpan& span) const override {
      CHECK(span.epoch_steps == 8 && span.last_step == 24);
      std::vector<double> found;
      for (int64_t i = span.first_step; i < span.first_step + span.count; ++i)
        found.push_back(rate() * (1.0 - static_cast<double>(i) / 24.0));
      return found;
    }
    void note_epoch(const Figures& record) override {
      noted.push_back(find_figure(record, "val_loss")->value);
    }
    std::unique_ptr<Schedule> clone() const override { return std::make_unique<Linear>(*this); }
    Json to_json() const override { return Json("Linear"); }
  } schedule;
  Problem problem;
  problem.options.epochs = 3;
  Optimizer<float> by = problem.optimizer();
  const History history =
      fit_model<float>({&problem.model, &problem.loss, &by, &schedule}, problem.data, problem.options);
  CHECK(
      (history.values("learning_rate") ==
       std::vector<double>{0.1 * (1.0 - 7.0 / 24.0), 0.1 * (1.0 - 15.0 / 24.0), 0.1 * (1.0 - 23.0 / 24.0)}));
  CHECK(schedule.noted == history.values("val_loss"));
}

LAMINA_TEST(the_average_of_the_weights_is_what_validation_sees_and_the_fit_leaves) {
  for (const Per per : {Per::kStep, Per::kEpoch}) {
    Problem problem;
    problem.options.epochs = 5;
    Optimizer<float> by = problem.optimizer();
    WeightAverage<float> average = problem.model.make_average({1.0, true, 0});
    std::vector<std::vector<float>> seen;
    auto note = [&](Fit&, int64_t, Figures&) { seen.push_back(weights_of(problem.model)); };
    Watch watch(note);
    Observer* observers[] = {&watch};
    const History history = fit_model<float>({&problem.model, &problem.loss, &by, nullptr, &average, per},
                                             problem.data, problem.options, observers);
    CHECK(average.updates() == (per == Per::kStep ? 40 : 5));
    CHECK(weights_of(problem.model) == seen.back());
    CHECK(
        problem.model.evaluate(*problem.data.validation, problem.loss, nullptr, [](int64_t) { return false; })
            .loss == history.values("val_loss").back());
    CHECK(average.applied());
  }
}

LAMINA_TEST(a_loss_that_is_not_finite_keeps_good_weights_and_drops_the_average) {
  Problem problem;
  Optimizer<float> by = problem.optimizer(R"({"kind":"sgd","learning_rate":1e38})");
  WeightAverage<float> average = problem.model.make_average({0.9, true, 0});
  Journal journal;
  Observer* observers[] = {&journal};
  CHECK_THROWS(fit_model<float>({&problem.model, &problem.loss, &by, nullptr, &average}, problem.data,
                                problem.options, observers),
               Error);
  CHECK(journal.calls.find("end fit, epoch ") != std::string::npos);
  CHECK(average.updates() == 0 && !average.applied());
  for (const float weight : weights_of(problem.model)) CHECK(std::isfinite(weight));
}

LAMINA_TEST(a_second_fit_goes_on_where_the_first_one_ended) {
  Problem problem, twin;
  Optimizer<float> by = problem.optimizer(), other = twin.optimizer();
  problem.options.epochs = 2;
  twin.options.epochs = 4;
  problem.fit(by);
  problem.options.batches.epochs_before = 2;
  problem.fit(by);
  twin.fit(other);
  CHECK(weights_of(problem.model) == weights_of(twin.model));
}

LAMINA_TEST(data_that_do_not_fit_are_refused_and_change_nothing) {
  Problem problem;
  const std::vector<float> before = weights_of(problem.model);
  problem.y[130] = 3;
  CHECK(refusal([&] { problem.fit(); }) ==
        "fit, validation_data: expected class indices from 0 to 2 in y for 3 outputs, got 3 in row 10");
  problem.y[5] = -1;
  CHECK(refusal([&] { problem.fit(); }) ==
        "fit: expected class indices from 0 to 2 in y for 3 outputs, got -1 in row 5");
  problem.y[5] = problem.y[130] = 0;
  problem.options.epochs = 0;
  CHECK(refusal([&] { problem.fit(); }) == "fit: expected epochs of at least 1, got 0");
  problem.options.epochs = 1;
  problem.options.batches.batch_size = 0;
  CHECK(refusal([&] { problem.fit(); }) == "fit: expected batch_size of at least 1, got 0");
  problem.data.train.inputs.columns = 4;
  CHECK(refusal([&] { problem.fit(); }).find("expected X of shape [rows, 5]") != std::string::npos);
  CHECK(weights_of(problem.model) == before);
}

LAMINA_TEST(rows_are_held_back_and_classes_weighed_as_the_options_say) {
  Problem problem(120, 0), twin(120, 0);
  problem.options.validation_fraction = twin.options.validation_fraction = 0.25;
  problem.options.balanced_classes = true;
  problem.options.epochs = twin.options.epochs = 3;
  const History history = problem.fit();
  const std::vector<int64_t> classes(problem.y.begin(), problem.y.end());
  const HoldOut parts = hold_out(120, 0.25, 0, classes, "fit");
  const TakenRows<float> train(twin.data.train, parts.train), held(twin.data.train, parts.held);
  twin.data = {train.data, held.data};
  twin.options.validation_fraction = 0.0;
  const std::vector<double> weights =
      class_weighted(train.data.targets, 90, nullptr, twin.loss, 3, std::nullopt, "fit");
  twin.data.train.sample_weights = weights.data();
  CHECK(twin.fit().values("val_loss") == history.values("val_loss"));
  CHECK(weights_of(twin.model) == weights_of(problem.model));
  problem.data.validation = problem.data.train;
  CHECK(refusal([&] { problem.fit(); }) == "fit: expected validation data or validation_fraction, got both");
}

LAMINA_TEST(iterations_of_a_minimiser_are_epochs_of_the_same_policy) {
  Problem problem;
  Optimizer<float> by = problem.optimizer();
  ModelLearner<float> learner({&problem.model, &problem.loss, &by}, problem.data, {});
  Journal journal;
  EarlyStopping stopping({"", 2});
  Observer* observers[] = {&journal, &stopping};
  Fit fit(learner, 9, observers);
  fit.check(true);
  int iterations = 0;
  fit.run([&]() -> std::string {
    for (;; ++iterations)
      if (!fit.end_iteration({{"loss", 1.0 / (1.0 + iterations)}}, {{"damping", 0.5}})) return "not this";
  });
  // The weights stay, and so does the validation loss.
  CHECK(iterations == 2 && stopping.best_epoch() == 0);
  CHECK(fit.history().stop_reason.find("val_loss has not improved for 2 epochs") == 0);
  CHECK(journal.calls.find("begin (00) (11) (22) end val_loss") == 0);
  CHECK((fit.history().values("damping") == std::vector<double>(3, 0.5)));
  Fit other(learner, 9, {});
  other.run([&]() -> std::string { return other.end_iteration({{"loss", 1.0}}, {}) ? "flat" : "over"; });
  CHECK(other.history().stop_reason == "flat" && other.history().epochs.size() == 1);
}

// Trains what a file describes, and compares with the weights in it: what tests/test_core_fit.py asks for.

namespace {

const TensorView& tensor(const ModelFile& file, const std::string& name) {
  for (const TensorView& view : file.tensors)
    if (view.name == name) return view;
  throw Error(Error::Kind::kFormat, "no tensor named " + name);
}

bool same(const TensorView& expected, const void* data, size_t bytes) {
  const bool equal = expected.byte_count() == bytes && std::memcmp(expected.data, data, bytes) == 0;
  if (!equal) std::printf("differs: %s\n", expected.name.c_str());
  return equal;
}

int train_file(const char* path) {
  const ModelFile file = read_model_file(path);
  const Json record = Json::parse(file.record);
  const auto number = [&](const char* name) { return record.at(name).number(); };
  const auto seed = static_cast<uint64_t>(number("seed"));
  Model<float> model(record.at("network"), seed);
  const std::vector<Parameter>& parameters = model.network().parameters();
  std::vector<std::pair<size_t, const float*>> first;
  for (size_t i = 0; i < parameters.size(); ++i)
    first.emplace_back(i, static_cast<const float*>(tensor(file, "first." + parameters[i].name).data));
  model.set_parameters(first);

  const TensorView& x = tensor(file, "x");
  const int64_t rows = x.shape[0], columns = x.shape[1];
  std::vector<int32_t> classes(static_cast<size_t>(rows));
  const TensorView& y = tensor(file, "y");
  read_classes({y.data, kernels::SourceType::kI64, rows, 1, 8, 8}, model.network().outputs(), "y",
               classes.data());
  DataSet<float> data;
  data.inputs = {x.data, kernels::SourceType::kF32, rows, columns, 4 * columns, 4};
  data.targets.classes = classes.data();
  const LossSpec loss = loss_from_json(record.at("loss"));
  Optimizer<float> by = model.make_optimizer(optimizer_from_json(record.at("optimizer")));
  FitOptions options;
  options.epochs = static_cast<int64_t>(number("epochs"));
  options.batches.batch_size = static_cast<int64_t>(number("batch_size"));
  options.batches.seed = seed;
  options.validation_fraction = number("validation_fraction");
  options.early_stopping.emplace().patience = static_cast<int64_t>(number("patience"));
  const History history = fit_model<float>({&model, &loss, &by}, {data, {}}, options);

  std::printf("%zu epochs; %s\n", history.epochs.size(), history.stop_reason.c_str());
  const std::vector<double> losses = history.values("val_loss");
  bool equal = same(tensor(file, "val_loss"), losses.data(), 8 * losses.size());
  const std::vector<float> flat = weights_of(model);
  for (const Parameter& parameter : parameters) {
    std::vector<float> dense(static_cast<size_t>(parameter.element_count()));
    unpack_parameter(parameter, flat.data(), dense.data());
    equal = same(tensor(file, "trained." + parameter.name), dense.data(), 4 * dense.size()) && equal;
  }
  return equal ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], "--file") != 0) return lamina::test::run_all(argc, argv);
  try {
    return train_file(argv[2]);
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
