// A handle of each kind, for the tests of what the C interface refuses.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "c_api_support.h"
#include "table_model_fixture.h"

namespace lamina::test::c {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max();

// A network, a table model, and something of each other kind.
struct World {
  OwnedModel model, table;
  OwnedPredictor predictor;
  OwnedOptimizer optimizer;
  OwnedNetwork network;
  Rows rows;
  lamina_data data;
  float y[2 * kRows];
  double wide[2 * kRows];

  World() : data(rows.data()) {
    CHECK_OK(build(model.out()));
    lamina::test::tables::Fixture fixture;
    const std::string path = temporary("lamina_c_api_refusals.lamina");
    fixture.write(path, fixture.contents());
    CHECK_OK(lamina_load(path.c_str(), table.out()));
    std::filesystem::remove(path);
    CHECK_OK(lamina_predictor_create(model, predictor.out()));
    CHECK_OK(lamina_optimizer_create(model, "adam", nullptr, 0, optimizer.out()));
    CHECK_OK(lamina_network_create(kInputs, network.out()));
  }
  std::vector<unsigned char> bytes() const { return bytes_of(model); }
  std::vector<float> weights() const { return weights_of(model); }
};

inline lamina_fit_options fit_options() {
  lamina_fit_options options;
  CHECK_OK(lamina_fit_options_init(&options, sizeof options));
  options.epochs = 1;
  return options;
}

inline void refused(int line, lamina_status got, lamina_status expected, const char* text) {
  if (got != expected || std::strstr(lamina_error_message(), text) == nullptr)
    lamina::test::fail(__FILE__, line, std::string(lamina_status_name(got)) + ": " + lamina_error_message());
}
#define REFUSED(call, status, text) ::lamina::test::c::refused(__LINE__, call, status, text)
#define REFUSED_VALUE(call, text) ::lamina::test::c::refused(__LINE__, call, LAMINA_ERROR_VALUE, text)

}  // namespace lamina::test::c
