// What the C interface refuses of own losses, sparse rows, orders and evaluations, and threads that use them.
#include <atomic>
#include <cmath>
#include <functional>
#include <thread>

#include "c_api_world.h"

namespace {

using namespace lamina::test::c;

LAMINA_TEST(handles_and_outputs_that_are_null_are_refused_by_name) {
  World w;
  OwnedEvaluation evaluation;
  lamina_figure figure = LAMINA_FIGURE_INIT;
  const StoredRows stored(w.rows);
  lamina_sparse_rows sparse = stored.rows();
  const auto wrong = [] {
    lamina_type type;
    const int number = 9;
    std::memcpy(&type, &number, sizeof type);
    return type;
  }();
  REFUSED_VALUE(lamina_evaluate_with(nullptr, &w.data, nullptr, evaluation.out()), "model is NULL");
  REFUSED_VALUE(lamina_evaluate_with(w.model, nullptr, nullptr, evaluation.out()), "data is NULL");
  REFUSED_VALUE(lamina_evaluate_with(w.model, &w.data, nullptr, nullptr), "evaluation is NULL");
  REFUSED(lamina_evaluate_with(w.table, &w.data, nullptr, evaluation.out()), LAMINA_ERROR_TYPE,
          "table model");
  lamina_evaluate_options options = LAMINA_EVALUATE_OPTIONS_INIT;
  options.metric_count = 1;
  REFUSED_VALUE(lamina_evaluate_with(w.model, &w.data, &options, evaluation.out()), "metrics is NULL");
  options.metric_count = kHuge;
  REFUSED_VALUE(lamina_evaluate_with(w.model, &w.data, &options, evaluation.out()), "metric_count is");
  options.struct_size = 5;
  REFUSED_VALUE(lamina_evaluate_with(w.model, &w.data, &options, evaluation.out()), "struct_size is 5");
  CHECK(static_cast<lamina_evaluation*>(evaluation) == nullptr);
  CHECK_OK(lamina_evaluate_with(w.model, &w.data, nullptr, evaluation.out()));
  CHECK(lamina_evaluation_figures(evaluation) == 1 && lamina_evaluation_figures(nullptr) == 0);
  REFUSED_VALUE(lamina_evaluation_figure(nullptr, 0, &figure), "evaluation is NULL");
  REFUSED_VALUE(lamina_evaluation_figure(evaluation, 0, nullptr), "figure is NULL");
  REFUSED_VALUE(lamina_evaluation_figure(evaluation, 1, &figure), "index is 1; expected one below 1");
  CHECK(figure.name == nullptr);
  CHECK_OK(lamina_evaluation_figure(evaluation, 0, &figure));
  CHECK(figure.elements == 1 && figure.values[0] == lamina_evaluation_value(evaluation, "loss"));
  CHECK(std::isnan(lamina_evaluation_value(evaluation, nullptr)) &&
        std::isnan(lamina_evaluation_value(nullptr, "loss")) &&
        std::isnan(lamina_evaluation_value(evaluation, "los")));
  lamina_evaluation_free(nullptr);

  REFUSED_VALUE(lamina_predict_sparse(nullptr, &sparse, kRows, LAMINA_FLOAT32, w.y), "model is NULL");
  REFUSED_VALUE(lamina_predict_sparse(w.model, nullptr, kRows, LAMINA_FLOAT32, w.y), "x is NULL");
  REFUSED_VALUE(lamina_predict_sparse(w.model, &sparse, kRows, LAMINA_FLOAT32, nullptr), "y is NULL");
  REFUSED_VALUE(lamina_predict_sparse(w.model, &sparse, kRows, wrong, w.y), "y_type is 9");
  REFUSED_VALUE(lamina_predict_sparse(w.model, &sparse, kHuge, LAMINA_FLOAT32, w.y), "rows is");
  REFUSED(lamina_predict_sparse(w.table, &sparse, kRows, LAMINA_FLOAT32, w.y), LAMINA_ERROR_TYPE,
          "table model");
  sparse.indices = nullptr;
  REFUSED_VALUE(lamina_predict_sparse(w.model, &sparse, kRows, LAMINA_FLOAT32, w.y),
                "indices of sparse rows");
  CHECK(std::string(lamina_status_name(LAMINA_ERROR_CALLBACK)) == "callback");
}

struct Meeting {
  std::atomic<bool> asked{false}, done{false};
};

LAMINA_TEST(while_a_loss_is_computed_other_threads_predict_but_do_not_train) {
  World w;
  Meeting meeting;
  const OwnLoss loss(
      [](const lamina_loss_batch* batch, double* value, void* user) {
        auto& met = *static_cast<Meeting*>(user);
        met.asked = true;
        while (!met.done) std::this_thread::yield();
        return OwnLoss::mean_score(batch, value, nullptr);
      },
      &meeting);
  lamina_fit_options options = fit_options();
  options.loss = loss.description();
  std::thread first([&] { CHECK_OK(lamina_fit(w.model, &w.data, &options, nullptr)); });
  while (!meeting.asked) std::this_thread::yield();
  const OwnLoss other;
  const lamina_status state = LAMINA_ERROR_STATE;
  REFUSED(lamina_train_step(w.model, &w.data, other.description(), w.optimizer, 0, nullptr), state,
          "another thread is training");
  REFUSED(lamina_value_and_gradient(w.model, &w.data, other.description(), 0, 0, nullptr), state,
          "another thread is training");
  REFUSED(lamina_fit(w.model, &w.data, &options, nullptr), state, "another thread is training");
  double value = 0.0;
  CHECK_OK(lamina_evaluate(w.model, &w.data, other.description(), &value));
  CHECK(value < 0.0);
  OwnedEvaluation evaluation;
  CHECK_OK(lamina_evaluate_with(w.model, &w.data, nullptr, evaluation.out()));
  CHECK(predictions(w.model, w.rows).size() == 2 * kRows);
  meeting.done = true;
  first.join();
}

LAMINA_TEST(an_exception_of_a_loss_or_an_order_becomes_a_status) {
  World w;
  const std::vector<float> before = w.weights();
  const OwnLoss loss([](const lamina_loss_batch*, double*, void*) -> int { throw 7; });
  lamina_fit_options options = fit_options();
  options.loss = loss.description();
  REFUSED(lamina_fit(w.model, &w.data, &options, nullptr), LAMINA_ERROR_INTERNAL, "lamina_fit: ");
  options.loss = {nullptr, nullptr, 0};
  options.row_order = [](std::size_t, std::int64_t*, std::size_t, void*) -> int { throw 7; };
  REFUSED(lamina_fit(w.model, &w.data, &options, nullptr), LAMINA_ERROR_INTERNAL, "lamina_fit: ");
  options.row_order = [](std::size_t, std::int64_t* order, std::size_t rows, void*) {
    for (std::size_t i = 0; i < rows; ++i) order[i] = std::numeric_limits<std::int64_t>::max();
    return 0;
  };
  REFUSED_VALUE(lamina_fit(w.model, &w.data, &options, nullptr), "got row number 9223372036854775807");
  CHECK(w.weights() == before);
  CHECK_OK(lamina_fit(w.model, &w.data, nullptr, nullptr));
}

LAMINA_TEST(an_own_loss_of_values_sees_what_the_data_hold) {
  World w;
  const std::vector<double> y(3 * kRows, 0.25);
  lamina_data data = w.data;
  data.classes = nullptr;
  data.y = y.data();
  data.y_type = LAMINA_FLOAT64;
  data.y_columns = 3;
  const OwnLoss loss([](const lamina_loss_batch* batch, double* value, void*) {
    const auto* own = static_cast<const float*>(batch->y);
    CHECK(batch->struct_size == sizeof(lamina_loss_batch) && batch->type == LAMINA_FLOAT32);
    CHECK(batch->classes == nullptr && batch->y_columns == 3 && batch->outputs_columns == 2);
    *value = static_cast<double>(own[3 * batch->rows - 1]);
    return 0;
  });
  double value = 0.0;
  CHECK_OK(lamina_evaluate(w.model, &data, loss.description(), &value));
  CHECK(value == 0.25);
  data.y_columns = 0;
  REFUSED_VALUE(lamina_evaluate(w.model, &data, loss.description(), &value), "y_columns is 0");
  CHECK(value == 0.25);
}

}  // namespace

LAMINA_TEST_MAIN
