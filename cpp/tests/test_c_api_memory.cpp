// Lets every allocation behind the C interface fail in turn: each call gives a status, leaks nothing, and
// leaves its handles as they can be used.
#include <new>

#include "c_api_support.h"
#include "failing_allocator.h"
#include "table_model_fixture.h"

namespace {

using namespace lamina::test;
using namespace lamina::test::c;

// Runs `call` with its n-th allocation failing, alone or with all after it, for n from 1 until none is left;
// it returns its status, having freed what it got where that is LAMINA_OK.
template <class Call>
void fail_each(const char* name, Call call) {
  call();  // caches and statics are there from now on
  for (const bool alone : {false, true})
    for (long n = 1;; ++n) {
      const long before = live_blocks;
      only_one = alone;
      allocations = 0;
      fail_at = n;
      const lamina_status status = call();
      fail_at = 0;
      const long made = allocations;
      if (live_blocks != before)
        lamina::test::fail(name, static_cast<int>(n), std::to_string(live_blocks - before) + " blocks leak");
      if (status == LAMINA_OK && made < n) {
        CHECK(n > 1);
        break;
      }
      if (status != LAMINA_OK && status != LAMINA_ERROR_MEMORY)
        lamina::test::fail(name, static_cast<int>(n), lamina_error_message());
      if (status != LAMINA_OK && std::strlen(lamina_error_message()) < 10)
        lamina::test::fail(name, static_cast<int>(n), "no sentence");
    }
}

std::string table_file() {
  const std::string path = temporary("lamina_c_api_memory_table.lamina");
  tables::Fixture fixture;
  fixture.write(path, fixture.contents());
  return path;
}

LAMINA_TEST(building_loading_saving_and_copying) {
  OwnedModel model;
  CHECK_OK(build(model.out()));
  const std::string path = temporary("lamina_c_api_memory.lamina"), table = table_file();
  CHECK_OK(lamina_save(model, path.c_str()));
  const std::vector<unsigned char> bytes = bytes_of(model);
  const auto freed = [](auto make) {
    return [make] {
      lamina_model* made = nullptr;
      const lamina_status status = make(&made);
      if ((made == nullptr) != (status != LAMINA_OK))
        lamina::test::fail("freed", 0, "an output of a call that failed");
      lamina_free(made);
      return status;
    };
  };
  fail_each("build", freed([](lamina_model** out) { return build(out); }));
  fail_each("load", freed([&](lamina_model** out) { return lamina_load(path.c_str(), out); }));
  fail_each("load a table", freed([&](lamina_model** out) { return lamina_load(table.c_str(), out); }));
  fail_each("load_memory",
            freed([&](lamina_model** out) { return lamina_load_memory(bytes.data(), bytes.size(), out); }));
  fail_each("clone", freed([&](lamina_model** out) { return lamina_clone(model, out); }));
  fail_each("save", [&] { return lamina_save(model, path.c_str()); });
  fail_each("save_memory", [&] {
    std::size_t size = 0;
    return lamina_save_memory(model, nullptr, 0, &size);
  });
  CHECK(bytes_of(model) == bytes);
  OwnedModel loaded;
  CHECK_OK(lamina_load(path.c_str(), loaded.out()));  // the file is whole
  std::filesystem::remove(path);
  std::filesystem::remove(table);
}

LAMINA_TEST(predicting_leaves_outputs_untouched) {
  lamina_set_num_threads(2);
  OwnedModel model, table;
  CHECK_OK(build(model.out(), LAMINA_FLOAT64));
  const std::string path = table_file();
  CHECK_OK(lamina_load(path.c_str(), table.out()));
  std::filesystem::remove(path);
  const Rows rows;
  std::vector<float> y(2 * kRows), seven(2 * kRows, 7.0F);
  fail_each("predict", [&] {
    y = seven;
    const lamina_status status = lamina_predict(model, rows.x.data(), kRows, y.data());
    CHECK((status == LAMINA_OK) != (y == seven));
    return status;
  });
  fail_each("predictor", [&] {
    lamina_predictor* predictor = nullptr;
    const lamina_status status = lamina_predictor_create(model, &predictor);
    lamina_predictor_free(predictor);
    return status;
  });
  const lamina_cell cells[] = {
      {"age", nullptr, 30.0}, {"colour", " red ", 0.0}, {"price", "$5", 0.0}, {"day", "1.1.2022", 0.0}};
  double outputs[4];
  fail_each("table_predict", [&] {
    outputs[0] = 7.0;
    const lamina_status status = lamina_table_predict(table, cells, 4, LAMINA_PREDICTIONS, outputs);
    CHECK((status == LAMINA_OK) == (outputs[0] != 7.0));
    return status;
  });
  const double ages[] = {30.0, 31.0};
  const char* colours[] = {"red", nullptr};
  const char* days[] = {"1.1.2022", nullptr};
  const lamina_column columns[] = {
      {"age", ages, nullptr}, {"colour", nullptr, colours}, {"price", ages, nullptr}, {"day", nullptr, days}};
  fail_each("table_predict_columns", [&] {
    outputs[3] = 7.0;
    const lamina_status status =
        lamina_table_predict_columns(table, columns, 4, 2, LAMINA_PREDICTIONS, outputs);
    CHECK((status == LAMINA_OK) == (outputs[3] != 7.0));
    return status;
  });
}

// Of a fit with all that one can have; the data are in the struct.
struct WholeFit {
  Rows rows, held{20};
  lamina_data data = rows.data(), validation = held.data();
  lamina_early_stopping stopping = LAMINA_EARLY_STOPPING_INIT;
  lamina_observer observer = LAMINA_OBSERVER_INIT;
  lamina_metric metric = {{"accuracy", nullptr, 0}, nullptr, nullptr, -1};
  lamina_option rate = lamina_number("rate", 0.01);
  lamina_class_weight weight = {1.0, 2.0};
  lamina_fit_options options;

  WholeFit() {
    CHECK_OK(lamina_fit_options_init(&options, sizeof options));
    observer.on_step_end = [](lamina_fit_state*, std::size_t, std::size_t, double, void*) { return 0; };
    options.epochs = 1;
    options.batch_size = 16;
    options.validation = &validation;
    options.early_stopping = &stopping;
    options.observers = &observer;
    options.observer_count = 1;
    options.metrics = &metric;
    options.metric_count = 1;
    options.schedule = {"cosine", &rate, 1};
    options.average = {"weight_average", nullptr, 0};
    options.class_weights = &weight;
    options.class_weight_count = 1;
  }
};

void repeat_each(const WholeFit& whole) {
  {
    OwnedModel model;  // caches and statics are there from now on
    CHECK_OK(build(model.out()));
    CHECK_OK(lamina_fit(model, &whole.data, &whole.options, nullptr));
  }
  for (const bool alone : {false, true})
    for (long n = 1;; ++n) {
      const long before = live_blocks;
      bool done = false;
      {
        OwnedModel model;
        CHECK_OK(build(model.out()));
        const std::vector<float> first = weights_of(model);
        lamina_history* history = nullptr;
        only_one = alone;
        allocations = 0;
        fail_at = n;
        const lamina_status status = lamina_fit(model, &whole.data, &whole.options, &history);
        fail_at = 0;
        done = status == LAMINA_OK && allocations < n;
        if (status != LAMINA_OK) {
          if (status != LAMINA_ERROR_MEMORY)
            lamina::test::fail("fit", static_cast<int>(n), lamina_error_message());
          CHECK(history == nullptr);
          CHECK_OK(lamina_fit(model, &whole.data, &whole.options, &history));
        }
        CHECK(weights_of(model) != first);
        lamina_history_free(history);
      }
      if (live_blocks != before)
        lamina::test::fail("fit", static_cast<int>(n), std::to_string(live_blocks - before) + " blocks leak");
      if (done) {
        CHECK(n > 50);
        break;
      }
    }
}

LAMINA_TEST(a_fit_that_fails_can_be_repeated) {
  lamina_set_num_threads(2);
  repeat_each(WholeFit());
}

LAMINA_TEST(a_fit_of_an_own_loss_in_an_own_order_on_sparse_rows_too) {
  lamina_set_num_threads(2);
  WholeFit whole;
  const OwnLoss loss;
  const StoredRows stored(whole.rows);
  const lamina_sparse_rows sparse = stored.rows();
  whole.data.x = nullptr;
  whole.data.sparse_x = &sparse;
  whole.options.loss = loss.description();
  whole.options.class_weight_count = 0;
  whole.options.row_order = [](std::size_t, std::int64_t* order, std::size_t rows, void*) {
    for (std::size_t i = 0; i < rows; ++i) order[i] = static_cast<std::int64_t>(rows - 1 - i);
    return 0;
  };
  repeat_each(whole);
}

LAMINA_TEST(steps_fail_with_the_weights_as_they_were) {
  OwnedModel model;
  CHECK_OK(build(model.out()));
  const Rows rows;
  const lamina_data data = rows.data();
  const std::vector<float> before = weights_of(model);
  fail_each("optimizer", [&] {
    lamina_optimizer* optimizer = nullptr;
    const lamina_status status = lamina_optimizer_create(model, "adam", nullptr, 0, &optimizer);
    lamina_optimizer_free(optimizer);
    return status;
  });
  double loss = 0.0;
  std::vector<float> y(2 * kRows), jacobian(2 * kInputs * kRows);
  fail_each("evaluate", [&] { return lamina_evaluate(model, &data, {}, &loss); });
  const lamina_metric metrics[] = {{{"accuracy", nullptr, 0}, nullptr, nullptr, -1},
                                   {{"confusion_matrix", nullptr, 0}, nullptr, nullptr, -1}};
  lamina_evaluate_options options = LAMINA_EVALUATE_OPTIONS_INIT;
  options.metrics = metrics;
  options.metric_count = 2;
  fail_each("evaluate_with", [&] {
    lamina_evaluation* evaluation = nullptr;
    const lamina_status status = lamina_evaluate_with(model, &data, &options, &evaluation);
    CHECK((evaluation != nullptr) == (status == LAMINA_OK));
    lamina_evaluation_free(evaluation);
    return status;
  });
  const OwnLoss own;
  fail_each("evaluate by an own loss",
            [&] { return lamina_evaluate(model, &data, own.description(), &loss); });
  fail_each("value_and_gradient by an own loss",
            [&] { return lamina_value_and_gradient(model, &data, own.description(), 0, 0, &loss); });
  const StoredRows stored(rows);
  const lamina_sparse_rows sparse = stored.rows();
  fail_each("predict_sparse",
            [&] { return lamina_predict_sparse(model, &sparse, kRows, LAMINA_FLOAT32, y.data()); });
  fail_each("value_and_gradient", [&] { return lamina_value_and_gradient(model, &data, {}, 0, 0, &loss); });
  fail_each("forward",
            [&] { return lamina_forward(model, rows.x.data(), LAMINA_FLOAT32, kRows, 1, 0, 1, y.data()); });
  fail_each("backward", [&] { return lamina_backward(model, y.data(), kRows, 0, nullptr); });
  fail_each("jacobian",
            [&] { return lamina_jacobian(model, rows.x.data(), LAMINA_FLOAT32, kRows, jacobian.data()); });
  CHECK(weights_of(model) == before);
  OwnedOptimizer optimizer;
  CHECK_OK(lamina_optimizer_create(model, "adam", nullptr, 0, optimizer.out()));
  for (long n = 1;; ++n) {
    const std::vector<float> last = weights_of(model);
    allocations = 0;
    fail_at = n;
    const lamina_status status = lamina_train_step(model, &data, {}, optimizer, 0, &loss);
    fail_at = 0;
    CHECK((weights_of(model) == last) == (status != LAMINA_OK));
    if (status == LAMINA_OK && allocations < n) break;
    CHECK(status == LAMINA_OK ||
          status == LAMINA_ERROR_MEMORY);  // helpers that cannot be had are done without
  }
}

}  // namespace

LAMINA_TEST_MAIN
