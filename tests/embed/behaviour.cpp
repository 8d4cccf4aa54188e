// What the C++ headers promise beside options: exceptions, stops, steps, gradients, files, errors. Arguments:
// a folder with Python's network.lamina, table.lamina and steps.lamina, into which the program writes its
// own.
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "catalogue.hpp"

namespace {

using namespace lamina;

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

// Runs a call that must raise an Error, and returns its message.
template <class Call>
std::string refused(lamina_status status, Call call) {
  try {
    call();
  } catch (const Error& error) {
    expect(error.status() == status, error.what());
    return error.what();
  }
  expect(false, "expected an Error");
  return "";
}

const std::vector<float> kX = sawtooth(kRows * kInputs, 37), kY = sawtooth(kRows * 2, 29);

Sequential made_net() { return {kInputs, {Dense{8, "tanh"}, Dense{2}}, {.seed = 5}}; }

struct Own : std::exception {};

void exceptions_pass_through_fit() {
  const auto throws = [](auto... /*whatever*/) { throw Own(); };
  const std::vector<std::pair<const char*, Callbacks>> all = {
      {"on_fit_begin", {.on_fit_begin = throws}}, {"on_epoch_begin", {.on_epoch_begin = throws}},
      {"on_step_end", {.on_step_end = throws}},   {"on_epoch_end", {.on_epoch_end = throws}},
      {"on_fit_end", {.on_fit_end = throws}},     {"on_poll", {.on_poll = []() -> bool { throw Own(); }}}};
  for (const auto& [name, callbacks] : all) {
    Sequential net = made_net();
    int calls = 0;
    bool caught = false;
    try {
      net.fit(kX, kY, {.epochs = 50, .observers = {callbacks, [&](const Epoch&) { ++calls; }}});
    } catch (const Own&) {
      caught = true;
    }
    expect(caught, name);
    expect(calls <= 1 || callbacks.on_fit_end, "nothing is called after an exception");
    expect(net.fit(kX, kY, {.epochs = 1}).epochs() == 1, "the network can be trained again");
  }
  bool caught = false;
  try {
    made_net().fit(kX, kY, {.metrics = {{"own", [](Rows<double>, Rows<double>) -> double { throw Own(); }}}});
  } catch (const Own&) {
    caught = true;
  }
  expect(caught, "a metric's exception");
}

void exceptions_and_refusals_of_losses_and_orders() {
  const auto throws = [](const LossBatch<float>&) -> double { throw Own(); };
  const auto caught = [](auto call) {
    try {
      call();
    } catch (const Own&) {
      return true;
    }
    return false;
  };
  Sequential net = made_net();
  const std::vector<float> before = net.parameter("layers.0.weight");
  Optimizer optimizer(net, "sgd");
  expect(caught([&] { net.fit(kX, kY, {.loss = throws}); }), "a loss's exception in fit");
  expect(caught([&] { net.train_step(kX, kY, optimizer, {.loss = throws}); }), "in train_step");
  expect(caught([&] { net.value_and_gradient(kX, kY, {.loss = throws}); }), "in value_and_gradient");
  expect(caught([&] { (void)net.evaluate(kX, kY, {.loss = throws}); }), "in evaluate");
  expect(caught([&] { (void)net.evaluate_with(kX, kY, {.loss = throws}); }), "in evaluate_with");
  expect(caught([&] {
           net.fit(kX, kY, {.row_order = [](std::size_t, std::span<std::int64_t>) { throw Own(); }});
         }),
         "an order's exception");
  const auto of_double = [](const LossBatch<double>&) { return 0.0; };
  const std::string said = refused(LAMINA_ERROR_TYPE, [&] { net.fit(kX, kY, {.loss = of_double}); });
  expect(said.find("expected a function of lamina::LossBatch<float>") != std::string::npos, said.c_str());
  // Nothing is set of the gradient, or too few rows of the order.
  const auto no_gradient = [](const LossBatch<float>&) { return 1.0; };
  refused(LAMINA_ERROR_NOT_FINITE, [&] { net.fit(kX, kY, {.loss = no_gradient}); });
  refused(LAMINA_ERROR_VALUE,
          [&] { net.fit(kX, kY, {.row_order = [](std::size_t, std::span<std::int64_t>) {}}); });
  const std::vector<double> weights(kRows, 1.0);
  refused(LAMINA_ERROR_VALUE, [&] { net.fit(kX, kY, {.loss = no_gradient, .sample_weight = weights}); });

  const std::vector<float> values{1, 2};
  const std::vector<std::int32_t> indices{0, 1}, starts{0, 1, 2};
  refused(LAMINA_ERROR_VALUE, [&] { SparseRows(values, starts, starts); });
  refused(LAMINA_ERROR_VALUE, [&] { SparseRows(values, indices, std::vector<std::int32_t>{}); });
  const SparseRows rows(values, indices, starts);
  refused(LAMINA_ERROR_VALUE, [&] { (void)net.forward(rows); });
  refused(LAMINA_ERROR_VALUE, [&] { (void)net.jacobian(rows); });
  refused(LAMINA_ERROR_VALUE, [&] { (void)net.predict(SparseRows(values, starts, starts)); });
  const Evaluation evaluation = net.evaluate_with(kX, kY, {.metrics = {"rmse"}});
  expect(evaluation.names() == std::vector<std::string>{"loss", "rmse"}, "names of an evaluation");
  refused(LAMINA_ERROR_VALUE, [&] { (void)evaluation["mse"]; });
  expect(net.parameter("layers.0.weight") == before, "the weights are as before");
  expect(net.fit(kX, kY, {.epochs = 1}).epochs() == 1, "the network can be trained");
}

void observers_stop_a_fit() {
  Sequential net = made_net();
  std::size_t steps = 0, epochs = 0;
  const History history =
      net.fit(kX, kY,
              {.epochs = 50,
               .batch_size = 20,
               .metrics = {{"largest",
                            [](Rows<double> targets, Rows<double> outputs, std::span<const double> weights) {
                              expect(targets.rows() == kRows && outputs.columns() == 2 && weights.empty(),
                                     "a metric's data");
                              return outputs[3][1];
                            },
                            "max"}},
               .observers = {Callbacks{.on_step_end = [&](const Step& step) { steps += step.loss > 0.0; }},
                             [&](const Epoch& epoch) {
                               expect(epoch.index == epochs++, "epochs count from 0");
                               expect(epoch.loss() > 0.0 && std::isnan(epoch.val_loss()), "figures");
                               expect(!std::isnan(epoch["largest"]), "the metric's figure");
                               if (epoch.index == 2) epoch.stop("enough");
                             }}});
  expect(history.epochs() == 3 && history.stop_reason() == "enough" && steps == 9,
         "three epochs of three steps");
  expect(history.names() == std::vector<std::string>{"loss", "largest", "learning_rate"}, "names of figures");
  refused(LAMINA_ERROR_VALUE, [&] { (void)history["los"]; });
  expect(history["loss"].size() == 3 && history.seconds(2) >= 0.0 && !history.best_epoch(), "the history");
}

void an_optimizer_keeps_its_state() {
  Sequential whole = made_net(), parts = made_net(), stepwise = made_net();
  const FitOptions plain{.epochs = 2, .optimizer = Adam{.learning_rate = 0.01}};
  whole.fit(kX, kY, plain);
  Optimizer optimizer(parts, Adam{.learning_rate = 0.01});
  for (int i = 0; i < 2; ++i) parts.fit(kX, kY, {.epochs = 1, .optimizer = optimizer});
  expect(whole.parameter("layers.0.weight") == parts.parameter("layers.0.weight"), "two fits are one");
  optimizer.set_learning_rate(0.5);
  expect(optimizer.learning_rate() == 0.5, "the rate that was set");

  Optimizer sgd(stepwise, SGD{.learning_rate = 0.1, .momentum = 0.9});
  for (int i = 0; i < 3; ++i) stepwise.train_step(kX, kY, sgd, {.loss = "mean_absolute_error"});
  const double loss = stepwise.value_and_gradient(kX, kY, {.loss = Huber{.delta = 0.5}});
  expect(std::abs(loss - stepwise.evaluate(kX, kY, {.loss = Huber{.delta = 0.5}})) < 1e-6,
         "value_and_gradient");
  sgd.step(stepwise);
  Matrix<float> outputs = stepwise.forward(kX, {.training = true});
  for (float& value : outputs) value *= 0.01F;
  const Matrix<float> gradient = stepwise.backward(outputs);
  expect(gradient.rows() == kRows && gradient.columns() == kInputs, "the gradient of the inputs");
  expect(stepwise.gradient("layers.1.bias").size() == 2, "the gradient of a bias");
  sgd.step(stepwise);
  say("behaviour", "steps", stepwise.evaluate(kX, kY));
  say("behaviour", "jacobian", stepwise.jacobian(kX)[1][5]);
}

void values_are_values(const std::filesystem::path& folder) {
  const Sequential net = Sequential::load(folder / "network.lamina");
  Sequential copy = net, moved = std::move(copy);
  copy = net;
  std::vector<float> bias = moved.parameter("layers.0.bias");
  for (float& value : bias) value += 1.0F;
  moved.set_parameter("layers.0.bias", bias);
  expect(moved.parameter("layers.0.bias") == bias, "what was set");
  expect(net.predict(kX).values() == copy.predict(kX).values(), "a copy's weights are its own");
  expect(net.predict(kX).values() != moved.predict(kX).values(), "and so are those of what was moved");
  const Sequential again = Sequential::from_bytes(net.to_bytes());
  const Matrix<float> predicted = again.predict(kX);
  expect(predicted.values() == net.predict(kX).values(), "through bytes");
  expect(predicted.rows() == kRows && predicted[2].size() == 2 && argmax(predicted[2]) < 2,
         "a matrix of rows");
  std::vector<float> out(kRows * 2);
  net.compile_predictor()(kX, out);
  for (std::size_t i = 0; i < out.size(); ++i)
    expect(std::abs(out[i] - predicted.values()[i]) < 1e-6F, "predictor");
  const Parameter first = net.parameters().front();
  expect(first.name == "layers.0.weight" && first.shape == std::vector<std::size_t>{8, 4} && first.trainable,
         "a parameter");
  say("behaviour", "prediction", predicted[2][1]);
  moved = net;
  moved.fit(kX, kY, {.epochs = 2});
  moved.save(folder / "trained.lamina");
  Sequential members(kInputs, {Ensemble{.layers = {Dense{3, "relu"}, Dense{2}}, .k = 5}});
  const Matrix<float> outputs = members.forward(kX, {.training = true});
  expect(outputs.columns() == 10 && members.forward(kX).columns() == 2, "outputs of members");
  Sequential wide(kInputs, {Dense{2}}, {.dtype = LAMINA_FLOAT64, .scale_targets = true});
  wide.fit(kX, kY, {.epochs = 1});
  expect(wide.parameter<double>("layers.1.rows").front() == 60.0, "scaled targets");
  expect(wide.forward<double>(kX).columns() == 2, "double");
}

void tables_are_asked_by_name(const std::filesystem::path& folder) {
  const Table table = Table::load(folder / "table.lamina");
  expect(table.columns() == std::vector<std::string>{"size", "colour"}, "columns");
  const std::vector<double> one = table.predict({{"size", 2}, {"colour", "red"}});
  say("behaviour", "row", one.back());
  say("behaviour", "class", table.predict_class({{"colour", "blue"}, {"size", missing}}));
  const std::vector<std::string> colours{"red", "blue"};
  const Columns rows{{"size", {2, 3}}, {"colour", colours}};
  const Matrix<double> both = table.predict(rows);
  expect(both.rows() == 2 && both[0].back() == one.back(), "columns and rows agree");
  expect(table.predict_class(rows).size() == 2 && table.classes().size() == 2, "classes");
  refused(LAMINA_ERROR_VALUE, [&] { (void)table.predict_quantiles(rows); });
  const std::string lacking = refused(LAMINA_ERROR_VALUE, [&] { (void)table.predict({{"size", 2}}); });
  expect(lacking.find("colour") != std::string::npos, lacking.c_str());
  expect(Table::from_bytes(table.to_bytes()).predict(rows).values() == both.values(),
         "a table through bytes");
}

void what_cannot_be_is_refused(const std::filesystem::path& folder) {
  Sequential net = made_net();
  const std::vector<float> odd(7);
  const std::vector<double> weights_of_nothing;
  const std::string said = refused(LAMINA_ERROR_VALUE, [&] { (void)net.predict(odd); });
  expect(said == "predict: expected rows of 4 numbers, got 7 numbers", said.c_str());
  refused(LAMINA_ERROR_VALUE, [&] { net.fit(kX, odd); });
  refused(LAMINA_ERROR_VALUE, [&] { net.fit(kX, std::vector<int>{1, 2}); });
  refused(LAMINA_ERROR_VALUE, [&] { net.fit(kX, std::vector<std::int64_t>{std::int64_t{1} << 40}); });
  refused(LAMINA_ERROR_VALUE, [&] { net.fit(kX, kY, {.epochs = 0}); });
  refused(LAMINA_ERROR_VALUE, [&] { net.fit(kX, kY, {.optimizer = "adem"}); });
  refused(LAMINA_ERROR_VALUE, [&] { net.fit(kX, kY, {.optimizer = std::string("adam\0w", 6)}); });
  refused(LAMINA_ERROR_VALUE, [&] { net.fit(kX, kY, {.sample_weight = weights_of_nothing}); });
  refused(LAMINA_ERROR_VALUE, [&] { net.fit(kX, kY, {.early_stopping = EarlyStopping{.mode = "least"}}); });
  refused(LAMINA_ERROR_VALUE, [&] { Sequential(4, {Dense{0}}); });
  refused(LAMINA_ERROR_VALUE, [&] { Sequential(4, {Dense{2, "rilu"}}); });
  refused(LAMINA_ERROR_VALUE, [&] { Sequential(4, {}); });
  refused(LAMINA_ERROR_VALUE, [&] { (void)net.parameter("layers.9.weight"); });
  refused(LAMINA_ERROR_VALUE, [&] { net.set_parameter("layers.0.bias", odd); });
  Sequential emptied = net;
  const Sequential taken = std::move(emptied);
  const std::string moved =
      refused(LAMINA_ERROR_VALUE, [&] { (void)emptied.predict(kX); });  // NOLINT: on purpose
  expect(moved == "predict: expected a network, got one that was moved from", moved.c_str());
  refused(LAMINA_ERROR_TYPE, [&] { (void)net.parameter<double>("layers.0.weight"); });
  refused(LAMINA_ERROR_TYPE, [&] { (void)Table::load(folder / "network.lamina"); });
  refused(LAMINA_ERROR_TYPE, [&] { (void)Sequential::load(folder / "table.lamina"); });
  refused(LAMINA_ERROR_NOT_FOUND, [&] { (void)Sequential::load(folder / "nothing.lamina"); });
  refused(LAMINA_ERROR_FORMAT, [&] { (void)Sequential::from_bytes(std::vector<std::byte>(20)); });
  refused(LAMINA_ERROR_STATE, [&] { (void)net.gradient("layers.0.weight"); });
  Optimizer scheduled(net, SGD{.learning_rate = CosineSchedule{0.1}});
  refused(LAMINA_ERROR_VALUE, [&] { net.train_step(kX, kY, scheduled); });
  const std::vector<float> huge(kRows * 2, 1e30F);
  refused(LAMINA_ERROR_NOT_FINITE, [&] { net.fit(kX, huge, {.optimizer = SGD{.learning_rate = 1e20}}); });
}

}  // namespace

int main(int, char** arguments) {
  const std::filesystem::path folder = arguments[1];
  exceptions_pass_through_fit();
  exceptions_and_refusals_of_losses_and_orders();
  observers_stop_a_fit();
  an_optimizer_keeps_its_state();
  values_are_values(folder);
  tables_are_asked_by_name(folder);
  what_cannot_be_is_refused(folder);
  return failures;
}
