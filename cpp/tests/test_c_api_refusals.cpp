// Every bad call of the C interface gives a status and a sentence, and changes nothing.
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "c_api_world.h"

namespace {

using namespace lamina::test::c;

LAMINA_TEST(null_handles_and_outputs_are_refused_by_name) {
  World w;
  lamina_model* model = nullptr;
  REFUSED_VALUE(lamina_load(nullptr, &model), "lamina_load: path is NULL; expected the path of a file");
  REFUSED_VALUE(lamina_load("x", nullptr), "lamina_load: model is NULL");
  REFUSED_VALUE(lamina_load("", &model), "path is empty");
  REFUSED_VALUE(lamina_load_memory(nullptr, 3, &model), "lamina_load_memory: data is NULL");
  REFUSED_VALUE(lamina_load_memory("abc", 3, nullptr), "model is NULL");
  REFUSED_VALUE(lamina_load_with(nullptr, nullptr, &model), "lamina_load_with: path is NULL");
  REFUSED_VALUE(lamina_save(nullptr, "x"), "lamina_save: model is NULL; expected one that lamina_load");
  REFUSED_VALUE(lamina_save(w.model, nullptr), "path is NULL");
  REFUSED_VALUE(lamina_save_memory(w.model, nullptr, 0, nullptr), "size is NULL");
  std::size_t size = 77;
  REFUSED_VALUE(lamina_save_memory(nullptr, nullptr, 0, &size), "model is NULL");
  CHECK(size == 77);
  REFUSED_VALUE(lamina_clone(nullptr, &model), "model is NULL");
  REFUSED_VALUE(lamina_clone(w.model, nullptr), "copy is NULL");
  CHECK(model == nullptr);
  REFUSED_VALUE(lamina_predict(nullptr, w.rows.x.data(), 1, w.y),
                "lamina_predict: model is NULL; expected one that lamina_load or lamina_model_create gave");
  REFUSED_VALUE(lamina_predict(w.model, nullptr, 1, w.y),
                "lamina_predict: x is NULL; expected 1 rows of 4 numbers");
  REFUSED_VALUE(lamina_predict(w.model, w.rows.x.data(), 1, nullptr),
                "lamina_predict: y is NULL; expected room for");
  CHECK_OK(lamina_predict(w.model, nullptr, 0, nullptr));
  REFUSED_VALUE(lamina_predict_double(nullptr, w.wide, 1, w.wide), "lamina_predict_double: model is NULL");
  lamina_predictor* predictor = nullptr;
  REFUSED_VALUE(lamina_predictor_create(nullptr, &predictor), "model is NULL");
  REFUSED_VALUE(lamina_predictor_create(w.model, nullptr), "predictor is NULL");
  REFUSED_VALUE(lamina_predictor_predict(nullptr, w.rows.x.data(), 1, w.y), "predictor is NULL");
  REFUSED_VALUE(lamina_predictor_predict(w.predictor, nullptr, 1, w.y), "x is NULL");
  REFUSED_VALUE(lamina_predictor_predict(w.predictor, w.rows.x.data(), 1, nullptr), "y is NULL");
  REFUSED_VALUE(lamina_predictor_predict_double(w.predictor, nullptr, 1, w.wide), "x is NULL");
  CHECK(lamina_inputs(nullptr) == 0 && std::strstr(lamina_error_message(), "lamina_inputs: model is NULL"));
  CHECK(lamina_outputs(nullptr) == 0 && std::strstr(lamina_error_message(), "lamina_outputs: model is NULL"));
  CHECK(lamina_model_type(nullptr) == LAMINA_FLOAT32 && lamina_is_table(nullptr) == 0);
  CHECK(lamina_input_name(nullptr, 0) == nullptr && lamina_describe(nullptr) == nullptr);
  CHECK(lamina_input_name(w.table, 99) == nullptr &&
        std::strstr(lamina_error_message(), "index is 99; expected"));
  CHECK(lamina_input_name(w.model, 0) == nullptr && std::strstr(lamina_error_message(), "have no names"));
  lamina_free(nullptr);
  lamina_predictor_free(nullptr);
  lamina_network_free(nullptr);
  lamina_optimizer_free(nullptr);
  lamina_history_free(nullptr);
}

LAMINA_TEST(a_table_model_is_no_network_and_the_reverse) {
  World w;
  lamina_predictor* predictor = nullptr;
  lamina_optimizer* optimizer = nullptr;
  const lamina_status type = LAMINA_ERROR_TYPE;
  REFUSED(lamina_predict(w.table, w.rows.x.data(), 1, w.y), type,
          "lamina_predict: model is a table model; expected a network alone (lamina_table_predict takes");
  REFUSED(lamina_predictor_create(w.table, &predictor), type, "table model");
  REFUSED(lamina_optimizer_create(w.table, "adam", nullptr, 0, &optimizer), type, "table model");
  REFUSED(lamina_fit(w.table, &w.data, nullptr, nullptr), type, "lamina_fit: model is a table model");
  REFUSED(lamina_evaluate(w.table, &w.data, {}, w.wide), type, "table model");
  REFUSED(lamina_train_step(w.table, &w.data, {}, w.optimizer, 0, nullptr), type, "table model");
  REFUSED(lamina_jacobian(w.table, w.rows.x.data(), LAMINA_FLOAT32, 1, w.y), type, "table model");
  REFUSED(lamina_get_parameter(w.table, 0, w.y), type, "table model");
  CHECK(lamina_parameters(w.table) == 0 &&
        std::strstr(lamina_error_message(), "lamina_parameters: model is a table"));
  lamina_cell cell = {"age", nullptr, 1.0};
  REFUSED(lamina_table_predict(w.model, &cell, 1, LAMINA_PREDICTIONS, w.wide), type,
          "model is a network alone; expected a table model");
  CHECK(lamina_table_outputs(w.model, LAMINA_PREDICTIONS) == 0 && lamina_classes(w.model) == 0);
  CHECK(lamina_class_name(w.model, 0) == nullptr);
}

LAMINA_TEST(values_and_sizes_that_cannot_be_are_refused) {
  World w;
  std::vector<float> y(2, 7.0F);
  float x[kInputs] = {1.0F, 2.0F, 3.0F, std::numeric_limits<float>::quiet_NaN()};
  REFUSED_VALUE(lamina_predict(w.model, x, 1, y.data()),
                "expected finite numbers in x, got nan in row 0, column 3");
  x[3] = std::numeric_limits<float>::infinity();
  REFUSED_VALUE(lamina_predict(w.model, x, 1, y.data()), "got inf in row 0, column 3");
  const double wide[kInputs] = {1e300, 0.0, 0.0, 0.0};
  REFUSED_VALUE(lamina_predict_double(w.model, wide, 1, w.wide), "beyond float32's range");
  for (const std::size_t rows : {kHuge, kHuge / 2, (std::size_t{1} << 40) + 1})
    REFUSED_VALUE(lamina_predict(w.model, x, rows, y.data()), "lamina_predict: rows is");
  REFUSED_VALUE(lamina_predictor_predict(w.predictor, x, kHuge, y.data()), "rows is");
  const auto* odd = reinterpret_cast<const float*>(reinterpret_cast<const char*>(w.rows.x.data()) + 1);
  REFUSED_VALUE(lamina_predict(w.model, odd, 1, y.data()), "x is not aligned");
  CHECK(y == std::vector<float>(2, 7.0F));
}

LAMINA_TEST(files_that_are_none_are_refused_by_kind) {
  World w;
  lamina_model* model = nullptr;
  REFUSED(lamina_load("/nowhere/model.lamina", &model), LAMINA_ERROR_NOT_FOUND, "/nowhere/model.lamina");
  REFUSED(lamina_load("/", &model), LAMINA_ERROR_IO, "lamina_load: ");
  std::vector<unsigned char> bytes = w.bytes();
  REFUSED(lamina_load_memory("no model file at all", 20, &model), LAMINA_ERROR_FORMAT,
          "lamina_load_memory: ");
  REFUSED(lamina_load_memory(bytes.data(), 0, &model), LAMINA_ERROR_FORMAT, "");
  REFUSED(lamina_load_memory(bytes.data(), bytes.size() - 1, &model), LAMINA_ERROR_FORMAT, "");
  bytes[bytes.size() / 2] = static_cast<unsigned char>(bytes[bytes.size() / 2] ^ 1U);
  REFUSED(lamina_load_memory(bytes.data(), bytes.size(), &model), LAMINA_ERROR_FORMAT, "");
  CHECK(model == nullptr);
  REFUSED(lamina_save(w.model, "/nowhere/model.lamina"), LAMINA_ERROR_NOT_FOUND, "/nowhere");
}

LAMINA_TEST(options_by_name_are_checked_with_their_place) {
  World w;
  const auto add = [&](const char* kind, std::vector<lamina_option> options) {
    return lamina_network_add(w.network, kind, options.data(), options.size());
  };
  REFUSED_VALUE(lamina_network_add(nullptr, "dense", nullptr, 0), "network is NULL");
  REFUSED_VALUE(add(nullptr, {}), "the kind of layer is NULL; expected a text");
  REFUSED_VALUE(add("dence", {}), "lamina_network_add: ");
  REFUSED_VALUE(add("dense", {lamina_integer("unit", 3)}), "unit");
  REFUSED_VALUE(add("dense", {}), "units");
  REFUSED_VALUE(add("dense", {lamina_integer("units", 0)}), "units");
  REFUSED_VALUE(add("dense", {lamina_integer("units", std::numeric_limits<std::int64_t>::max())}), "units");
  REFUSED_VALUE(add("dense", {lamina_integer("units", 3), lamina_integer("units", 4)}),
                "option 'units' is given twice");
  REFUSED_VALUE(add("dense", {lamina_text("kind", "dropout")}), "option 'kind' is given twice");
  REFUSED_VALUE(add("dense", {lamina_text(nullptr, "x")}), "the name of option 0 is NULL");
  REFUSED_VALUE(add("dense", {lamina_text("units", nullptr)}), "option 'units' is NULL");
  REFUSED_VALUE(add("dropout", {lamina_number("rate", kNaN)}),
                "option 'rate' is nan; expected a finite number");
  REFUSED_VALUE(add("dropout", {lamina_number("rate", 1.5)}), "rate");
  REFUSED_VALUE(add("dense", {lamina_text("activation", "\xff\xfe")}), "is no UTF-8");
  REFUSED_VALUE(add("\xc3\x28", {}), "is no UTF-8");
  REFUSED_VALUE(add("affine", {lamina_numbers("scale", nullptr, 3)}),
                "'scale' is NULL; expected an array of 3");
  const double one = 1.0;
  REFUSED_VALUE(add("affine", {lamina_numbers("scale", &one, kHuge)}), "'scale' has a count of");
  lamina_option odd = lamina_integer("units", 3);
  const int kind = 99;
  std::memcpy(&odd.kind, &kind, sizeof kind);
  REFUSED_VALUE(add("dense", {odd}), "option 'units' has kind 99; expected one of lamina_option_kind");
  std::vector<lamina_option> deep(40);
  for (std::size_t i = 0; i < deep.size(); ++i)
    deep[i] = lamina_options("activation", &deep[(i + 1) % deep.size()], 1);
  REFUSED_VALUE(lamina_network_add(w.network, "dense", deep.data(), 1), "deep");
  REFUSED_VALUE(lamina_network_add(w.network, "dense", nullptr, 2),
                "'options' is NULL; expected an array of 2");
  REFUSED_VALUE(lamina_network_add_dense(w.network, kHuge, nullptr), "units");
  REFUSED_VALUE(lamina_network_add_dense(w.network, 4, "rely"), "rely");
  REFUSED(lamina_network_end(w.network), LAMINA_ERROR_STATE, "no block is open");
  REFUSED_VALUE(lamina_network_begin(w.network, "dense", nullptr, 0), "expected a layer that holds layers");
  lamina_model* model = nullptr;
  REFUSED_VALUE(lamina_model_create(w.network, LAMINA_FLOAT32, 0, &model), "network has no layers");
  CHECK_OK(lamina_network_begin(w.network, "residual", nullptr, 0));
  REFUSED(lamina_model_create(w.network, LAMINA_FLOAT32, 0, &model), LAMINA_ERROR_STATE,
          "the block 'residual' is still open; call lamina_network_end first");
  CHECK_OK(lamina_network_add_dense(w.network, 4, nullptr));
  CHECK_OK(lamina_network_end(w.network));
  int number = 7;
  lamina_type type;
  std::memcpy(&type, &number, sizeof number);
  REFUSED_VALUE(lamina_model_create(w.network, type, 0, &model), "type is 7; expected LAMINA_FLOAT32");
  REFUSED_VALUE(lamina_model_create(w.network, LAMINA_FLOAT32, 0, nullptr), "model is NULL");
  REFUSED_VALUE(lamina_model_create(nullptr, LAMINA_FLOAT32, 0, &model), "network is NULL");
  CHECK(model == nullptr);
  CHECK_OK(lamina_model_create(w.network, LAMINA_FLOAT32, 0, &model));
  lamina_free(model);
  lamina_network* network = nullptr;
  REFUSED_VALUE(lamina_network_create(0, &network), "inputs is 0; expected 1 to");
  REFUSED_VALUE(lamina_network_create(kHuge, &network), "inputs is");
  REFUSED_VALUE(lamina_network_create(3, nullptr), "network is NULL");
}

LAMINA_TEST(a_network_beyond_memory_is_refused) {
  OwnedNetwork network;
  CHECK_OK(lamina_network_create(std::size_t{1} << 24, network.out()));
  for (int i = 0; i < 3; ++i) CHECK_OK(lamina_network_add_dense(network, std::size_t{1} << 24, nullptr));
  lamina_model* model = nullptr;
  const lamina_status status = lamina_model_create(network, LAMINA_FLOAT64, 0, &model);
  CHECK(status == LAMINA_ERROR_MEMORY || status == LAMINA_ERROR_VALUE);
  CHECK(std::strlen(lamina_error_message()) > 20 && model == nullptr);
}

LAMINA_TEST(structs_say_their_size) {
  World w;
  lamina_fit_options options = fit_options();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{23}, kHuge, std::size_t{1} << 20}) {
    options.struct_size = size;
    REFUSED_VALUE(lamina_fit(w.model, &w.data, &options, nullptr), "lamina_fit: options->struct_size is");
    w.data.struct_size = size;
    REFUSED_VALUE(lamina_fit(w.model, &w.data, nullptr, nullptr), "data->struct_size is");
    lamina_parameter info = LAMINA_PARAMETER_INIT;
    info.struct_size = size;
    REFUSED_VALUE(lamina_parameter_info(w.model, 0, &info), "info->struct_size is");
    CHECK(info.name == nullptr);
    lamina_load_options load = LAMINA_LOAD_OPTIONS_INIT;
    load.struct_size = size;
    lamina_model* model = nullptr;
    REFUSED_VALUE(lamina_load_with("x", &load, &model), "options->struct_size is");
    REFUSED_VALUE(lamina_fit_options_init(&options, size), "options->struct_size is");
  }
  REFUSED_VALUE(lamina_fit_options_init(nullptr, sizeof options), "options is NULL");
}

// A caller of a later version, whose struct has two fields more.
struct LaterOptions {
  lamina_fit_options options;
  std::int64_t further[2];
};

LAMINA_TEST(older_and_newer_callers_are_understood) {
  const Rows rows;
  const lamina_data data = rows.data();
  const auto trained = [&](const lamina_fit_options* options) {
    OwnedModel model;
    CHECK_OK(build(model.out()));
    CHECK_OK(lamina_fit(model, &data, options, nullptr));
    return predictions(model, rows);
  };
  const std::vector<float> expected = trained(nullptr);
  // An older caller's struct ends behind the seed; what lies behind it is not looked at.
  lamina_fit_options older;
  std::memset(&older, 0x5A, sizeof older);
  CHECK_OK(lamina_fit_options_init(&older, offsetof(lamina_fit_options, validation)));
  CHECK(older.epochs == 10 && older.validation_fraction != 0.0);
  CHECK(trained(&older) == expected);
  LaterOptions later;
  CHECK_OK(lamina_fit_options_init(&later.options, sizeof later));
  CHECK(later.further[0] == 0 && later.further[1] == 0);
  CHECK(trained(&later.options) == expected);
  later.further[1] = 1;
  OwnedModel model;
  CHECK_OK(build(model.out()));
  REFUSED_VALUE(lamina_fit(model, &data, &later.options, nullptr),
                "options sets a field that this version of lamina does not have");
}

LAMINA_TEST(cells_and_columns_are_checked_by_name) {
  World w;
  std::vector<double> outputs(8, 7.0);
  const lamina_cell cells[] = {
      {"age", nullptr, 30.0}, {"colour", "red", 0.0}, {"price", "$5", 0.0}, {"day", "1.1.2022", 0.0}};
  const auto predict = [&](std::vector<lamina_cell> row, int kind = LAMINA_PREDICTIONS) {
    lamina_table_output output;
    std::memcpy(&output, &kind, sizeof kind);
    return lamina_table_predict(w.table, row.data(), row.size(), output, outputs.data());
  };
  const auto changed = [&](std::size_t place, lamina_cell cell) {
    std::vector<lamina_cell> row(cells, cells + 4);
    row[place] = cell;
    return predict(row);
  };
  CHECK_OK(predict({cells, cells + 4}));
  CHECK(outputs[0] + outputs[1] == 1.0 && outputs[2] == 7.0);
  outputs.assign(8, 7.0);
  REFUSED_VALUE(predict({cells, cells + 3}), "no column 'day', which the model reads");
  REFUSED_VALUE(changed(3, {"age", nullptr, 1.0}), "two columns named 'age'");
  REFUSED_VALUE(changed(0, {nullptr, nullptr, 1.0}), "the column of cell 0 is NULL");
  REFUSED_VALUE(changed(0, {"\xff", nullptr, 1.0}), "no UTF-8");
  REFUSED_VALUE(changed(1, {"colour", "\xff", 1.0}), "the text of column 'colour' is no UTF-8");
  REFUSED_VALUE(changed(0, {"age", "old", 1.0}), "column 'age'");
  REFUSED_VALUE(changed(0, {"age", nullptr, 1e200}), "column 'age'");
  REFUSED_VALUE(predict({cells, cells + 4}, 9), "kind is 9; expected one of lamina_table_output");
  REFUSED_VALUE(predict({cells, cells + 4}, LAMINA_QUANTILES), "trained without quantiles");
  REFUSED_VALUE(predict({cells, cells + 4}, LAMINA_INTERVALS), "trained without an interval");
  REFUSED_VALUE(lamina_table_predict(w.table, nullptr, 4, LAMINA_PREDICTIONS, outputs.data()),
                "cells is NULL");
  REFUSED_VALUE(lamina_table_predict(w.table, cells, kHuge, LAMINA_PREDICTIONS, outputs.data()), "count is");
  REFUSED_VALUE(lamina_table_predict(w.table, cells, 4, LAMINA_PREDICTIONS, nullptr), "outputs is NULL");
  REFUSED_VALUE(lamina_table_predict(nullptr, cells, 4, LAMINA_PREDICTIONS, outputs.data()), "model is NULL");
  CHECK(lamina_table_outputs(w.table, LAMINA_QUANTILES) == 0 &&
        std::strstr(lamina_error_message(), "quantiles"));
  CHECK(lamina_class_name(w.table, 2) == nullptr && std::strstr(lamina_error_message(), "index is 2"));

  const double ages[] = {30.0, 40.0};
  const char* texts[] = {"red", nullptr};
  const char* wrong[] = {"red", "\xff"};
  const auto columns = [&](std::vector<lamina_column> table, std::size_t rows = 2) {
    return lamina_table_predict_columns(w.table, table.data(), table.size(), rows, LAMINA_PREDICTIONS,
                                        outputs.data());
  };
  const lamina_column age{"age", ages, nullptr}, colour{"colour", nullptr, texts},
      price{"price", ages, nullptr}, day{"day", nullptr, texts};
  REFUSED_VALUE(columns({age, colour, price}), "no column 'day'");
  REFUSED_VALUE(columns({age, colour, price, day}), "column 'day'");
  REFUSED_VALUE(columns({age, {"colour", nullptr, wrong}, price, day}), "no UTF-8");
  REFUSED_VALUE(columns({age, {"colour", ages, texts}, price, day}), "column 'colour' has numbers and texts");
  REFUSED_VALUE(columns({age, {"colour", nullptr, nullptr}, price, day}), "column 'colour' has neither");
  REFUSED_VALUE(columns({age, {nullptr, ages, nullptr}, price, day}), "the name of column 1 is NULL");
  REFUSED_VALUE(columns({age, colour, price, day}, kHuge), "rows is");
  CHECK(outputs == std::vector<double>(8, 7.0));
}

}  // namespace

LAMINA_TEST_MAIN
