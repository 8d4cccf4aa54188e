// Memory maps and self-tests by the C interface.
#include <cstdio>
#include <filesystem>
#include <string>

#include "c_api_support.h"

namespace {

using namespace lamina::test::c;

LAMINA_TEST(a_file_is_mapped_and_tested_where_that_is_asked_for) {
  const std::string folder = LAMINA_TEST_MODELS;
  lamina_load_options options = LAMINA_LOAD_OPTIONS_INIT;
  options.self_test = 1;
  for (const char* name : {"/1.1/layers-float16.lamina", "/1.1/table-classes.lamina"})
    for (const int map : {0, 1}) {
      options.memory_map = map;
      OwnedModel model;
      CHECK_OK(lamina_load_with((folder + name).c_str(), &options, model.out()));
      CHECK(lamina_outputs(model) > 0);
    }
  OwnedModel model;
  CHECK(lamina_load_with((folder + "/1/layers.lamina").c_str(), &options, model.out()) ==
        LAMINA_ERROR_FORMAT);
  CHECK(std::string(lamina_error_message()).find("expected a self-test in the file") != std::string::npos);
}

LAMINA_TEST(a_table_model_is_saved_whole) {
  OwnedModel model, again;
  CHECK_OK(lamina_load((std::string(LAMINA_TEST_MODELS) + "/1/table-several.lamina").c_str(), model.out()));
  const std::string path = (std::filesystem::temp_directory_path() / "lamina_c_table.lamina").string();
  CHECK_OK(lamina_save(model, path.c_str()));
  CHECK_OK(lamina_load(path.c_str(), again.out()));
  CHECK(lamina_is_table(again) == 1 && lamina_classes(again) == lamina_classes(model));
  std::remove(path.c_str());
}

}  // namespace

LAMINA_TEST_MAIN
