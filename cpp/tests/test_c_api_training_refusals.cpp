// Every bad call of training through the C interface gives a status and a sentence before a weight changes.
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "c_api_world.h"

namespace {

using namespace lamina::test::c;

LAMINA_TEST(data_that_do_not_fit_are_refused_before_a_weight_changes) {
  World w;
  const std::vector<float> before = w.weights();
  OwnedHistory history;
  const auto fit = [&](const std::function<void(lamina_data&)>& change) {
    lamina_data data = w.rows.data();
    change(data);
    return lamina_fit(w.model, &data, nullptr, history.out());
  };
  const std::vector<float> values(2 * kRows, 0.5F);
  std::vector<std::int32_t> classes = w.rows.classes;
  classes[7] = 2;
  std::vector<double> weights(kRows, 1.0);
  REFUSED_VALUE(lamina_fit(w.model, nullptr, nullptr, nullptr),
                "data is NULL; expected rows with their targets");
  REFUSED_VALUE(fit([](lamina_data& d) { d.x = nullptr; }), "x is NULL");
  REFUSED_VALUE(fit([](lamina_data& d) { d.rows = 0; }), "data has no rows");
  REFUSED_VALUE(fit([](lamina_data& d) { d.rows = kHuge; }), "rows is");
  REFUSED_VALUE(fit([](lamina_data& d) { d.x_stride = kHuge - 3; }), "address space");
  REFUSED_VALUE(fit([](lamina_data& d) { d.x_stride = 3; }),
                "stride of x is 3 bytes; expected a multiple of 4");
  REFUSED_VALUE(fit([](lamina_data& d) {
                  const int number = -5;
                  std::memcpy(&d.x_type, &number, sizeof number);
                }),
                "x has type -5");
  REFUSED_VALUE(fit([](lamina_data& d) { d.classes = nullptr; }), "neither classes nor y is given");
  REFUSED_VALUE(fit([&](lamina_data& d) { d.y = values.data(); }), "classes and y are both given");
  REFUSED_VALUE(fit([&](lamina_data& d) { d.classes = nullptr, d.y = values.data(), d.y_columns = 3; }),
                "y is [rows, 3]; expected y of 2 columns for this network and cross_entropy");
  REFUSED_VALUE(fit([&](lamina_data& d) { d.classes = nullptr, d.y = values.data(), d.y_columns = kHuge; }),
                "y_columns is");
  REFUSED_VALUE(fit([&](lamina_data& d) { d.classes = classes.data(); }), "lamina_fit: ");
  weights[3] = kNaN;
  REFUSED_VALUE(fit([&](lamina_data& d) { d.weights = weights.data(); }), "row 3");
  weights[3] = -1.0;
  REFUSED_VALUE(fit([&](lamina_data& d) { d.weights = weights.data(); }), "row 3");
  weights.assign(kRows, 0.0);
  REFUSED_VALUE(fit([&](lamina_data& d) { d.weights = weights.data(); }), "lamina_fit: ");
  CHECK(static_cast<lamina_history*>(history) == nullptr);
  CHECK(w.weights() == before);
}

LAMINA_TEST(fit_options_out_of_range_are_refused_before_a_weight_changes) {
  World w;
  const std::vector<float> before = w.weights();
  lamina_early_stopping stopping = LAMINA_EARLY_STOPPING_INIT;
  lamina_observer observer = LAMINA_OBSERVER_INIT;
  const lamina_class_weight class_weight = {0.0, -2.0};
  lamina_metric metric = {{"acuracy", nullptr, 0}, nullptr, nullptr, -1};
  const lamina_option rate = lamina_number("rate", 0.1), high = lamina_number("rate", 1.5),
                      decay = lamina_number("decay", 2.0);
  const auto fit = [&](const std::function<void(lamina_fit_options&)>& change) {
    lamina_fit_options options = fit_options();
    change(options);
    return lamina_fit(w.model, &w.data, &options, nullptr);
  };
  using Options = lamina_fit_options;
  REFUSED_VALUE(fit([](Options& o) { o.epochs = 0; }), "lamina_fit: expected epochs of at least 1, got 0");
  REFUSED_VALUE(fit([](Options& o) { o.batch_size = 0; }), "batch_size");
  REFUSED_VALUE(fit([](Options& o) { o.accumulate = 0; }), "accumulate");
  REFUSED_VALUE(fit([](Options& o) { o.epochs = kHuge; }), "epochs is");
  REFUSED_VALUE(fit([](Options& o) { o.validation_fraction = kNaN; }), "validation_fraction");
  REFUSED_VALUE(fit([](Options& o) { o.validation_fraction = 1.0; }), "validation_fraction");
  REFUSED_VALUE(fit([](Options& o) { o.time_limit = -1.0; }), "time_limit");
  REFUSED_VALUE(fit([](Options& o) { o.time_limit = kNaN; }), "time_limit");
  REFUSED_VALUE(fit([](Options& o) { o.loss.kind = "cross"; }), "cross");
  REFUSED_VALUE(fit([&](Options& o) { o.loss.count = 1; }), "loss has options, but its kind is NULL");
  REFUSED_VALUE(fit([](Options& o) { o.loss.kind = "binary_cross_entropy"; }), "binary_cross_entropy");
  REFUSED_VALUE(fit([](Options& o) { o.optimizer.kind = "adamm"; }), "adamm");
  REFUSED_VALUE(fit([&](Options& o) { o.optimizer.kind = "adam", o.optimizer_state = w.optimizer; }),
                "both given");
  REFUSED_VALUE(fit([&](Options& o) { o.schedule = {"cosin", &rate, 1}; }), "cosin");
  REFUSED_VALUE(fit([&](Options& o) { o.schedule = {"cosine", nullptr, 0}; }), "rate");
  REFUSED_VALUE(fit([&](Options& o) { o.noise_schedule = {"cosine", &high, 1}; }),
                "from 0 to 1, got a rate of 1.5");
  REFUSED_VALUE(fit([&](Options& o) { o.average = {"weight_average", &decay, 1}; }), "decay");
  REFUSED_VALUE(fit([&](Options& o) { o.average = {"average", nullptr, 0}; }), "expected 'weight_average'");
  REFUSED_VALUE(fit([&](Options& o) { o.metrics = &metric, o.metric_count = 1; }), "acuracy");
  REFUSED_VALUE(fit([&](Options& o) { o.metric_count = 1; }), "metrics is NULL");
  REFUSED_VALUE(fit([&](Options& o) { o.metric_count = kHuge; }), "metric_count is");
  metric.metric.kind = nullptr;
  REFUSED_VALUE(fit([&](Options& o) { o.metrics = &metric, o.metric_count = 1; }),
                "the kind of a metric is NULL");
  metric.metric = {"accuracy", &rate, 1};
  REFUSED_VALUE(fit([&](Options& o) { o.metrics = &metric, o.metric_count = 1; }), "rate");
  REFUSED_VALUE(fit([&](Options& o) { o.class_weights = &class_weight, o.class_weight_count = 1; }), "-2");
  REFUSED_VALUE(fit([&](Options& o) { o.class_weight_count = 1; }), "class_weights is NULL");
  REFUSED_VALUE(fit([&](Options& o) {
                  o.class_weights = &class_weight, o.class_weight_count = 1, o.balanced_classes = 1;
                }),
                "both given");
  REFUSED_VALUE(fit([&](Options& o) { o.validation = &w.data, o.validation_fraction = 0.5; }), "got both");
  stopping.monitor = "val_loss";
  REFUSED_VALUE(fit([&](Options& o) { o.early_stopping = &stopping; }), "val_loss");
  // Also beside observers, which cannot add a figure.
  REFUSED_VALUE(
      fit([&](Options& o) { o.early_stopping = &stopping, o.observers = &observer, o.observer_count = 1; }),
      "val_loss");
  stopping.monitor = nullptr;
  stopping.patience = 0;
  REFUSED_VALUE(fit([&](Options& o) { o.early_stopping = &stopping; }), "patience");
  stopping.struct_size = 0;
  REFUSED_VALUE(fit([&](Options& o) { o.early_stopping = &stopping; }), "early_stopping->struct_size is 0");
  REFUSED_VALUE(fit([&](Options& o) { o.observer_count = 1; }), "observers is NULL");
  observer.struct_size = 0;
  REFUSED_VALUE(fit([&](Options& o) { o.observers = &observer, o.observer_count = 1; }),
                "observers->struct_size is 0");
  CHECK(w.weights() == before);
  CHECK_OK(fit([](Options&) {}));
  CHECK(w.weights() != before);
}

LAMINA_TEST(steps_and_gradients_are_refused_out_of_order) {
  World w;
  const std::vector<float> before = w.weights();
  std::vector<float> values(64, 7.0F);
  double loss = 7.0;
  REFUSED(lamina_get_gradient(w.model, 0, values.data()), LAMINA_ERROR_STATE, "there are no gradients");
  REFUSED(lamina_apply_gradients(w.model, w.optimizer), LAMINA_ERROR_STATE, "lamina_apply_gradients: ");
  REFUSED(lamina_backward(w.model, values.data(), 1, 0, nullptr), LAMINA_ERROR_STATE,
          "lamina_backward: expected");
  REFUSED_VALUE(lamina_train_step(nullptr, &w.data, {}, w.optimizer, 0, &loss), "model is NULL");
  REFUSED_VALUE(lamina_train_step(w.model, nullptr, {}, w.optimizer, 0, &loss), "data is NULL");
  REFUSED_VALUE(lamina_train_step(w.model, &w.data, {}, nullptr, 0, &loss), "optimizer is NULL");
  REFUSED_VALUE(lamina_value_and_gradient(nullptr, &w.data, {}, 0, 0, &loss), "model is NULL");
  REFUSED_VALUE(lamina_value_and_gradient(w.model, nullptr, {}, 0, 0, &loss), "data is NULL");
  REFUSED_VALUE(lamina_evaluate(w.model, &w.data, {}, nullptr), "value is NULL");
  REFUSED_VALUE(lamina_evaluate(nullptr, &w.data, {}, &loss), "model is NULL");
  REFUSED_VALUE(lamina_forward(nullptr, w.rows.x.data(), LAMINA_FLOAT32, 1, 0, 0, 0, values.data()),
                "model is NULL");
  REFUSED_VALUE(lamina_forward(w.model, w.rows.x.data(), LAMINA_FLOAT32, 0, 0, 0, 0, values.data()),
                "rows is 0");
  REFUSED_VALUE(lamina_forward(w.model, w.rows.x.data(), LAMINA_FLOAT32, 1, 0, 0, 0, nullptr), "y is NULL");
  CHECK_OK(lamina_forward(w.model, w.rows.x.data(), LAMINA_FLOAT32, 2, 0, 0, 0, values.data()));
  REFUSED_VALUE(lamina_backward(w.model, values.data(), 3, 0, nullptr), "lamina_backward: expected");
  REFUSED_VALUE(lamina_backward(w.model, nullptr, 2, 0, nullptr), "output_gradient is NULL");
  REFUSED_VALUE(lamina_backward(nullptr, values.data(), 2, 0, nullptr), "model is NULL");
  REFUSED_VALUE(lamina_jacobian(w.model, nullptr, LAMINA_FLOAT32, 1, values.data()), "x is NULL");
  REFUSED_VALUE(lamina_jacobian(w.model, w.rows.x.data(), LAMINA_FLOAT32, 1, nullptr), "jacobian is NULL");
  REFUSED_VALUE(lamina_get_parameter(w.model, kHuge, values.data()), "index is");
  REFUSED_VALUE(lamina_get_parameter(w.model, 0, nullptr), "values is NULL");
  REFUSED_VALUE(lamina_set_parameter(w.model, 0, nullptr), "values is NULL");
  REFUSED_VALUE(lamina_set_parameter(nullptr, 0, values.data()), "model is NULL");
  values[3] = std::numeric_limits<float>::quiet_NaN();
  REFUSED_VALUE(lamina_set_parameter(w.model, 0, values.data()),
                "layers.0.weight would not be finite at element 3");
  CHECK(loss == 7.0);
  CHECK(w.weights() == before);

  OwnedModel other, wide;
  OwnedNetwork network;
  CHECK_OK(lamina_network_create(3, network.out()));
  CHECK_OK(lamina_network_add_dense(network, 2, "softmax"));
  CHECK_OK(lamina_model_create(network, LAMINA_FLOAT32, 0, other.out()));
  CHECK_OK(build(wide.out(), LAMINA_FLOAT64));
  OwnedOptimizer others;
  CHECK_OK(lamina_optimizer_create(other, "adam", nullptr, 0, others.out()));
  REFUSED_VALUE(lamina_train_step(w.model, &w.data, {}, others, 0, nullptr),
                "of a model with other parameters");
  REFUSED(lamina_train_step(wide, &w.data, {}, w.optimizer, 0, nullptr), LAMINA_ERROR_TYPE,
          "of another type");
  lamina_optimizer* made = nullptr;
  REFUSED_VALUE(lamina_optimizer_create(w.model, "adamm", nullptr, 0, &made), "adamm");
  REFUSED_VALUE(lamina_optimizer_create(w.model, "lbfgs", nullptr, 0, &made), "is lamina's in Python alone");
  REFUSED_VALUE(lamina_optimizer_create(w.model, "levenberg_marquardt", nullptr, 0, &made),
                "expected one that steps by batches");
  REFUSED_VALUE(lamina_optimizer_create(w.model, nullptr, nullptr, 0, &made),
                "the kind of optimizer is NULL");
  REFUSED_VALUE(lamina_optimizer_create(w.model, "adam", nullptr, 0, nullptr), "optimizer is NULL");
  CHECK(made == nullptr);
  CHECK(lamina_optimizer_states(w.optimizer) == 2 && lamina_optimizer_states(nullptr) == 0);
  CHECK(lamina_optimizer_steps(w.optimizer) == 0 && lamina_optimizer_steps(nullptr) == 0);
  REFUSED_VALUE(lamina_optimizer_set_steps(w.optimizer, -1), "steps is -1");
  REFUSED_VALUE(lamina_optimizer_set_steps(nullptr, 1), "optimizer is NULL");
  REFUSED_VALUE(lamina_optimizer_get_state(nullptr, 0, 0, values.data()), "optimizer is NULL");
  REFUSED_VALUE(lamina_optimizer_get_state(w.optimizer, 2, 0, values.data()),
                "state is 2; expected one below 2");
  REFUSED_VALUE(lamina_optimizer_get_state(w.optimizer, 0, kHuge, values.data()), "parameter is");
  REFUSED_VALUE(lamina_optimizer_get_state(w.optimizer, 0, 0, nullptr), "values is NULL");
  REFUSED_VALUE(lamina_optimizer_set_state(w.optimizer, 0, 0, values.data()),
                "the state of layers.0.weight would not be finite at element 3");
  CHECK_OK(lamina_optimizer_get_state(w.optimizer, 0, 0, values.data()));
  CHECK(values[3] == 0.0F);
  const double rate = lamina_optimizer_learning_rate(w.optimizer);
  REFUSED_VALUE(lamina_optimizer_set_learning_rate(w.optimizer, kNaN), "learning_rate");
  REFUSED_VALUE(lamina_optimizer_set_learning_rate(w.optimizer, -1.0), "learning_rate");
  REFUSED_VALUE(lamina_optimizer_set_learning_rate(nullptr, 0.1), "optimizer is NULL");
  CHECK(lamina_optimizer_learning_rate(w.optimizer) == rate &&
        lamina_optimizer_learning_rate(nullptr) == 0.0);
}

LAMINA_TEST(histories_are_asked_within_their_range) {
  World w;
  OwnedHistory history;
  const lamina_fit_options options = fit_options();
  CHECK_OK(lamina_fit(w.model, &w.data, &options, history.out()));
  CHECK(std::isnan(lamina_history_figure(history, 1, "loss")) &&
        std::strstr(lamina_error_message(), "epoch is 1; expected one below 1"));
  CHECK(std::isnan(lamina_history_figure(history, 0, "los")) &&
        std::isnan(lamina_history_figure(history, 0, nullptr)));
  CHECK(std::isnan(lamina_history_figure(nullptr, 0, "loss")) &&
        std::isnan(lamina_history_seconds(history, kHuge)));
  CHECK(lamina_history_epochs(nullptr) == 0 && *lamina_history_stop_reason(nullptr) == '\0');
  CHECK(lamina_history_best_epoch(nullptr) == -1 && lamina_history_best_epoch(history) == -1);
  CHECK(std::isnan(lamina_fit_figure(nullptr, "loss")));
  lamina_fit_stop(nullptr, "reason");
}

}  // namespace

LAMINA_TEST_MAIN
