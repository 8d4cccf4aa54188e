// Handles of the C interface that several threads use at once.
#include <atomic>
#include <thread>

#include "c_api_support.h"

namespace {

using namespace lamina::test::c;

struct Meeting {
  std::atomic<bool> training{false}, done{false};
  lamina_optimizer* optimizer = nullptr;
};

LAMINA_TEST(a_second_thread_that_trains_gets_a_status_and_the_first_goes_on) {
  OwnedModel model;
  CHECK_OK(build(model.out()));
  const Rows rows;
  const lamina_data data = rows.data();
  Meeting meeting;
  lamina_observer observer = LAMINA_OBSERVER_INIT;
  observer.user = &meeting;
  observer.on_epoch_end = [](lamina_fit_state*, std::size_t, void* user) {
    auto& met = *static_cast<Meeting*>(user);
    met.training = true;
    while (!met.done) std::this_thread::yield();
    return 0;
  };
  lamina_fit_options options;
  CHECK_OK(lamina_fit_options_init(&options, sizeof options));
  options.epochs = 2;
  options.observers = &observer;
  options.observer_count = 1;
  std::thread first([&] { CHECK_OK(lamina_fit(model, &data, &options, nullptr)); });
  while (!meeting.training) std::this_thread::yield();

  OwnedOptimizer optimizer;
  CHECK_OK(lamina_optimizer_create(model, "adam", nullptr, 0, optimizer.out()));
  std::vector<float> values(256);
  const lamina_status state = LAMINA_ERROR_STATE;
  CHECK_REFUSED(lamina_fit(model, &data, nullptr, nullptr), state,
                "lamina_fit: network: another thread is training it");
  CHECK_REFUSED(lamina_train_step(model, &data, {}, optimizer, 0, nullptr), state,
                "another thread is training");
  CHECK_REFUSED(lamina_value_and_gradient(model, &data, {}, 0, 0, nullptr), state,
                "another thread is training");
  CHECK_REFUSED(lamina_forward(model, rows.x.data(), LAMINA_FLOAT32, 2, 1, 0, 0, values.data()), state,
                "another thread");
  CHECK_REFUSED(lamina_backward(model, values.data(), 2, 0, nullptr), state, "another thread is training");
  CHECK_REFUSED(lamina_apply_gradients(model, optimizer), state, "another thread is training");
  CHECK_REFUSED(lamina_get_gradient(model, 0, values.data()), state, "another thread is training");
  CHECK_REFUSED(lamina_set_parameter(model, 0, values.data()), state, "another thread is training");
  CHECK_REFUSED(lamina_jacobian(model, rows.x.data(), LAMINA_FLOAT32, 2, values.data()), state,
                "another thread");
  // Reading goes on.
  double loss = -1.0;
  CHECK_OK(lamina_evaluate(model, &data, {}, &loss));
  CHECK(loss > 0.0);
  CHECK(predictions(model, rows).size() == 2 * kRows);
  OwnedModel copy;
  CHECK_OK(lamina_clone(model, copy.out()));
  std::size_t size = 0;
  CHECK_OK(lamina_save_memory(model, nullptr, 0, &size));
  meeting.done = true;
  first.join();
  CHECK_OK(lamina_fit(model, &data, nullptr, nullptr));
}

LAMINA_TEST(predictions_go_on_while_another_thread_makes_and_frees_models) {
  OwnedModel model;
  CHECK_OK(build(model.out()));
  const Rows rows;
  const std::vector<float> expected = predictions(model, rows);
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      while (!done) {
        std::vector<float> y(expected.size());
        const lamina_status status = lamina_predict(model, rows.x.data(), kRows, y.data());
        if (status != LAMINA_OK || y != expected) ++wrong;
      }
    });
  for (int i = 0; i < 50; ++i) {
    OwnedModel other;
    CHECK_OK(build(other.out()));
    CHECK(predictions(other, rows) == expected);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

LAMINA_TEST(an_optimizer_serves_one_thread_at_a_time) {
  OwnedModel model, copy;
  CHECK_OK(build(model.out()));
  CHECK_OK(lamina_clone(model, copy.out()));
  OwnedOptimizer optimizer;
  CHECK_OK(lamina_optimizer_create(model, "adam", nullptr, 0, optimizer.out()));
  const Rows rows;
  const lamina_data data = rows.data();
  Meeting meeting;
  lamina_observer observer = LAMINA_OBSERVER_INIT;
  observer.user = &meeting;
  observer.on_fit_begin = [](lamina_fit_state*, void* user) {
    auto& met = *static_cast<Meeting*>(user);
    met.training = true;
    while (!met.done) std::this_thread::yield();
    return lamina_optimizer_set_learning_rate(met.optimizer, 0.25) == LAMINA_OK ? 0 : 1;  // its own thread's
  };
  meeting.optimizer = optimizer;
  lamina_fit_options options;
  CHECK_OK(lamina_fit_options_init(&options, sizeof options));
  options.optimizer_state = optimizer;
  options.observers = &observer;
  options.observer_count = 1;
  std::thread first([&] { CHECK_OK(lamina_fit(model, &data, &options, nullptr)); });
  while (!meeting.training) std::this_thread::yield();
  const lamina_status state = LAMINA_ERROR_STATE;
  const char* const text = "another thread uses the optimizer";
  CHECK_REFUSED(lamina_train_step(copy, &data, {}, optimizer, 0, nullptr), state, text);
  CHECK_REFUSED(lamina_apply_gradients(copy, optimizer), state, text);
  CHECK_REFUSED(lamina_optimizer_set_learning_rate(optimizer, 0.1), state, text);
  meeting.done = true;
  first.join();
  CHECK(lamina_optimizer_learning_rate(optimizer) == 0.25);
  CHECK_OK(lamina_train_step(copy, &data, {}, optimizer, 0, nullptr));
}

// What a callback throws ends the fit as a status.
LAMINA_TEST(an_exception_of_a_callback_becomes_a_status) {
  OwnedModel model;
  CHECK_OK(build(model.out()));
  const Rows rows;
  const lamina_data data = rows.data();
  lamina_observer observer = LAMINA_OBSERVER_INIT;
  observer.on_step_end = [](lamina_fit_state*, std::size_t, std::size_t, double, void*) -> int { throw 7; };
  lamina_fit_options options;
  CHECK_OK(lamina_fit_options_init(&options, sizeof options));
  options.observers = &observer;
  options.observer_count = 1;
  CHECK_REFUSED(lamina_fit(model, &data, &options, nullptr), LAMINA_ERROR_INTERNAL, "lamina_fit: ");
  CHECK_OK(lamina_fit(model, &data, nullptr, nullptr));
}

LAMINA_TEST(predictions_beside_a_training_are_those_of_an_epochs_end) {
  OwnedModel model;
  CHECK_OK(build(model.out()));
  const Rows rows;
  const lamina_data data = rows.data();
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      std::vector<float> y(2 * kRows), wide(2 * kRows);
      while (!done) {
        CHECK_OK(lamina_predict(model, rows.x.data(), kRows, y.data()));
        for (std::size_t row = 0; row < kRows; ++row) CHECK_NEAR(y[2 * row] + y[2 * row + 1], 1.0, 1e-5);
        OwnedPredictor predictor;
        CHECK_OK(lamina_predictor_create(model, predictor.out()));
        CHECK_OK(lamina_predictor_predict(predictor, rows.x.data(), kRows, wide.data()));
      }
    });
  lamina_fit_options options;
  CHECK_OK(lamina_fit_options_init(&options, sizeof options));
  options.epochs = 30;
  options.batch_size = 4;
  CHECK_OK(lamina_fit(model, &data, &options, nullptr));
  done = true;
  for (std::thread& reader : readers) reader.join();
}

LAMINA_TEST(threads_share_a_predictor_whose_rows_need_more_than_a_stack_has) {
  OwnedNetwork network;
  OwnedModel model;
  CHECK_OK(lamina_network_create(kInputs, network.out()));
  CHECK_OK(lamina_network_add_dense(network, 12000, "relu"));
  CHECK_OK(lamina_network_add_dense(network, 3, nullptr));
  CHECK_OK(lamina_model_create(network, LAMINA_FLOAT32, 1, model.out()));
  OwnedPredictor predictor;
  CHECK_OK(lamina_predictor_create(model, predictor.out()));
  const Rows rows;
  std::vector<float> expected(3 * kRows);
  CHECK_OK(lamina_predictor_predict(predictor, rows.x.data(), kRows, expected.data()));
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i)
    threads.emplace_back([&] {
      std::vector<float> y(3 * kRows);
      for (int j = 0; j < 5; ++j) {
        CHECK_OK(lamina_predictor_predict(predictor, rows.x.data(), kRows, y.data()));
        CHECK(y == expected);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

LAMINA_TEST(each_thread_has_its_own_message) {
  CHECK_REFUSED(lamina_predict(nullptr, nullptr, 1, nullptr), LAMINA_ERROR_VALUE, "lamina_predict");
  std::thread([] {
    CHECK(*lamina_error_message() == '\0');
    CHECK_REFUSED(lamina_clone(nullptr, nullptr), LAMINA_ERROR_VALUE, "lamina_clone");
  }).join();
  CHECK(std::strstr(lamina_error_message(), "lamina_predict") != nullptr);
}

// A callback may predict and stop, but not train the model whose epoch runs.
LAMINA_TEST(callbacks_may_predict_but_not_train_within_an_epoch) {
  struct Seen {
    lamina_model* model;
    lamina_data data;
    int steps = 0, epochs = 0;
    lamina_status nested = LAMINA_OK;
    double loss = 0.0, last_loss = 0.0;
  } seen;
  OwnedModel model;
  CHECK_OK(build(model.out()));
  const Rows rows;
  seen.model = model;
  seen.data = rows.data();
  lamina_observer observer = LAMINA_OBSERVER_INIT;
  observer.user = &seen;
  observer.on_step_end = [](lamina_fit_state*, std::size_t, std::size_t, double, void* user) {
    auto& s = *static_cast<Seen*>(user);
    ++s.steps;
    s.nested = lamina_fit(s.model, &s.data, nullptr, nullptr);
    float y[2] = {-1.0F, -1.0F};
    return lamina_predict(s.model, static_cast<const float*>(s.data.x), 1, y) == LAMINA_OK && y[0] >= 0.0F
               ? 0
               : 1;
  };
  observer.on_epoch_end = [](lamina_fit_state* fit, std::size_t epoch, void* user) {
    auto& s = *static_cast<Seen*>(user);
    ++s.epochs;
    s.loss = lamina_fit_figure(fit, "loss");
    if (epoch == 2) lamina_fit_stop(fit, "enough");
    return epoch == 2 ? 1 : 0;
  };
  lamina_fit_options options;
  CHECK_OK(lamina_fit_options_init(&options, sizeof options));
  options.observers = &observer;
  options.observer_count = 1;
  OwnedHistory history;
  CHECK_OK(lamina_fit(model, &seen.data, &options, history.out()));
  CHECK(seen.nested == LAMINA_ERROR_STATE && seen.steps == 6 && seen.epochs == 3);
  CHECK(lamina_history_epochs(history) == 3 && seen.loss == lamina_history_figure(history, 2, "loss"));
  CHECK(std::strcmp(lamina_history_stop_reason(history), "enough") == 0);
}

}  // namespace

LAMINA_TEST_MAIN
