// The C interface: building, training, predicting, files and copies.
#include <cmath>

#include "c_api_support.h"
#include "table_model_fixture.h"

namespace {

using namespace lamina::test::c;

LAMINA_TEST(the_library_tells_what_it_is) {
  CHECK(std::strlen(lamina_version()) >= 5);
  CHECK(lamina_version_number() > 0);
  CHECK(std::strlen(lamina_instruction_set()) > 0);
  const int threads = lamina_num_threads();
  CHECK_OK(lamina_set_num_threads(3));
  CHECK(lamina_num_threads() == 3);
  CHECK_REFUSED(lamina_set_num_threads(0), LAMINA_ERROR_VALUE, "lamina_set_num_threads");
  CHECK(lamina_num_threads() == 3);
  CHECK_OK(lamina_set_num_threads(threads));
  CHECK(std::strcmp(lamina_status_name(LAMINA_ERROR_STATE), "state") == 0);
  CHECK(std::strcmp(lamina_status_name(static_cast<lamina_status>(15)), "unknown") == 0);
}

LAMINA_TEST(a_built_network_learns_and_its_file_predicts_the_same) {
  OwnedModel model, loaded;
  CHECK_OK(build(model.out()));
  const Rows rows;
  const lamina_data data = rows.data();
  lamina_fit_options options;
  CHECK_OK(lamina_fit_options_init(&options, sizeof options));
  options.epochs = 40;
  options.batch_size = 8;
  OwnedHistory history;
  CHECK_OK(lamina_fit(model, &data, &options, history.out()));
  CHECK(lamina_history_epochs(history) == 40);
  const double first = lamina_history_figure(history, 0, "loss"),
               last = lamina_history_figure(history, 39, "loss");
  CHECK(last < 0.5 * first);
  CHECK(std::isnan(lamina_history_figure(history, 0, "val_loss")));

  const std::string path = temporary("lamina_test_c_api.lamina");
  CHECK_OK(lamina_save(model, path.c_str()));
  CHECK_OK(lamina_load(path.c_str(), loaded.out()));
  CHECK(lamina_inputs(loaded) == kInputs && lamina_outputs(loaded) == 2);
  CHECK(predictions(loaded, rows) == predictions(model, rows));
  CHECK(lamina_model_type(loaded) == LAMINA_FLOAT32 && lamina_is_table(loaded) == 0);
  std::filesystem::remove(path);
}

LAMINA_TEST(paths_and_sentences_are_utf_8_on_every_system) {
  OwnedModel model, loaded;
  CHECK_OK(build(model.out()));
  const std::string name = "lamina_test_m\xc3\xa4\xe6\xa8\xa1\xd1\x8f.lamina";
  const std::string path = temporary("") + name;
  const std::filesystem::path file(std::u8string(path.begin(), path.end()));
  CHECK_OK(lamina_save(model, path.c_str()));
  CHECK_OK(lamina_save(model, path.c_str()));  // in its own place
  CHECK(std::filesystem::file_size(file) > 0);
  CHECK_OK(lamina_load(path.c_str(), loaded.out()));
  CHECK(predictions(loaded, Rows()) == predictions(model, Rows()));
  std::filesystem::remove(file);
  CHECK_REFUSED(lamina_load(path.c_str(), loaded.out()), LAMINA_ERROR_NOT_FOUND, name.c_str());
  CHECK_REFUSED(lamina_save(model, (path + "/no folder").c_str()), LAMINA_ERROR_NOT_FOUND, name.c_str());
}

LAMINA_TEST(a_model_in_memory_goes_on_as_one_in_a_file) {
  OwnedModel model, loaded, copy;
  CHECK_OK(build(model.out(), LAMINA_FLOAT64));
  const Rows rows;
  const lamina_data data = rows.data();
  CHECK_OK(lamina_fit(model, &data, nullptr, nullptr));
  std::size_t size = 0;
  CHECK_OK(lamina_save_memory(model, nullptr, 0, &size));
  std::vector<unsigned char> bytes(size);
  CHECK_REFUSED(lamina_save_memory(model, bytes.data(), size - 1, &size), LAMINA_ERROR_VALUE,
                "data has room for");
  CHECK_OK(lamina_save_memory(model, bytes.data(), bytes.size(), &size));
  CHECK_OK(lamina_load_memory(bytes.data(), bytes.size(), loaded.out()));
  CHECK_OK(lamina_clone(model, copy.out()));
  // The next epochs of all three are the same: seed and epochs are in the file and in the copy.
  for (const OwnedModel* each : {&model, &loaded, &copy})
    CHECK_OK(lamina_fit(*each, &data, nullptr, nullptr));
  CHECK(predictions(loaded, rows) == predictions(model, rows));
  CHECK(predictions(copy, rows) == predictions(model, rows));
}

LAMINA_TEST(a_model_from_memory_needs_the_bytes_no_longer) {
  lamina::test::tables::Fixture fixture;
  const std::string path = temporary("lamina_test_c_api_table.lamina");
  fixture.write(path, fixture.contents());
  OwnedModel file, network;
  CHECK_OK(lamina_load(path.c_str(), file.out()));
  CHECK_OK(build(network.out()));
  std::filesystem::remove(path);
  for (const OwnedModel* each : {&file, &network}) {
    const std::vector<unsigned char> bytes = bytes_of(*each);
    std::vector<unsigned char> given = bytes;
    OwnedModel loaded;
    CHECK_OK(lamina_load_memory(given.data(), given.size(), loaded.out()));
    given.assign(given.size(), 0x5A);
    CHECK(bytes_of(loaded) == bytes);
    CHECK(lamina_is_table(loaded) == lamina_is_table(*each));
    CHECK(std::strcmp(lamina_describe(loaded), lamina_describe(*each)) == 0);
  }
  CHECK(lamina_inputs(file) == 4 && lamina_outputs(file) == 2 && lamina_classes(file) == 2);
  CHECK(std::strcmp(lamina_input_name(file, 1), "colour") == 0);
  CHECK(std::strcmp(lamina_class_name(file, 1), "yes") == 0);
}

LAMINA_TEST(files_hold_half_the_bits_and_a_self_test) {
  const std::string path = temporary("lamina_test_c_api_stored.lamina");
  OwnedModel model, loaded;
  CHECK_OK(build(model.out()));
  const Rows rows;
  lamina_save_options save = LAMINA_SAVE_OPTIONS_INIT;
  lamina_load_options load = LAMINA_LOAD_OPTIONS_INIT;
  load.self_test = load.memory_map = 1;
  CHECK_OK(lamina_save_with(model, path.c_str(), &save));
  CHECK_REFUSED(lamina_load_with(path.c_str(), &load, loaded.out()), LAMINA_ERROR_FORMAT,
                "lamina_load_with: ");
  save.storage = LAMINA_STORAGE_FLOAT16;
  save.self_test_x = rows.x.data();
  save.self_test_rows = kRows;
  CHECK_OK(lamina_save_with(model, path.c_str(), &save));
  CHECK_OK(lamina_load_with(path.c_str(), &load, loaded.out()));
  const std::vector<float> stored = predictions(loaded, rows), own = predictions(model, rows);
  CHECK(stored != own);
  for (std::size_t i = 0; i < own.size(); ++i) CHECK_NEAR(stored[i], own[i], 0.01);

  lamina::test::tables::Fixture fixture;
  fixture.write(path, fixture.contents());
  CHECK_OK(lamina_load(path.c_str(), model.out()));
  const double ages[] = {30.0, 31.0};
  const char* colours[] = {"red", nullptr};
  const char* days[] = {"1.1.2022", nullptr};
  const lamina_column columns[] = {
      {"age", ages, nullptr}, {"colour", nullptr, colours}, {"price", ages, nullptr}, {"day", nullptr, days}};
  save = LAMINA_SAVE_OPTIONS_INIT;
  save.self_test_columns = columns;
  save.self_test_column_count = 4;
  save.self_test_rows = 2;
  CHECK_OK(lamina_save_with(model, path.c_str(), &save));
  CHECK_OK(lamina_load_with(path.c_str(), &load, loaded.out()));
  save.self_test_column_count = 3;
  CHECK_REFUSED(lamina_save_with(model, path.c_str(), &save), LAMINA_ERROR_VALUE, "no column 'day'");
  save = LAMINA_SAVE_OPTIONS_INIT;
  const int number = 3;
  std::memcpy(&save.storage, &number, sizeof number);
  CHECK_REFUSED(lamina_save_with(model, path.c_str(), &save), LAMINA_ERROR_VALUE,
                "storage is 3; expected one of");
  CHECK_REFUSED(lamina_save_with(nullptr, path.c_str(), &save), LAMINA_ERROR_VALUE, "model is NULL");
  CHECK_OK(lamina_load_with(path.c_str(), &load, loaded.out()));  // the file is as it was
  std::filesystem::remove(path);
}

LAMINA_TEST(predictors_agree_with_predictions) {
  for (const lamina_type type : {LAMINA_FLOAT32, LAMINA_FLOAT64}) {
    OwnedModel model;
    CHECK_OK(build(model.out(), type));
    OwnedPredictor predictor;
    CHECK_OK(lamina_predictor_create(model, predictor.out()));
    const Rows rows;
    const std::vector<float> expected = predictions(model, rows);
    std::vector<float> got(expected.size());
    CHECK_OK(lamina_predictor_predict(predictor, rows.x.data(), kRows, got.data()));
    for (std::size_t i = 0; i < got.size(); ++i) CHECK_NEAR(got[i], expected[i], 1e-6);
    const std::vector<double> wide(rows.x.begin(), rows.x.end());
    std::vector<double> wide_got(expected.size());
    CHECK_OK(lamina_predictor_predict_double(predictor, wide.data(), kRows, wide_got.data()));
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(static_cast<float>(wide_got[i]) == got[i]);
  }
}

}  // namespace

LAMINA_TEST_MAIN
