// Metrics of quantities, and what all metrics share: types, weights.
#include <limits>

#include "check.h"
#include "metric_support.h"

namespace lamina {
namespace {

using namespace test;

LAMINA_TEST(errors_of_values_are_those_of_their_formulas) {
  const Case made = binary({1, 2, 4}, {2, 2, 1}, {1, 1, 2});
  CHECK_NEAR(made("mse"), (1.0 + 0.0 + 2.0 * 9.0) / 4.0, 1e-15);
  CHECK_NEAR(made("rmse"), std::sqrt(19.0 / 4.0), 1e-15);
  CHECK_NEAR(made("mae"), (1.0 + 0.0 + 2.0 * 3.0) / 4.0, 1e-15);
  CHECK_NEAR(made("mape"), (1.0 + 0.0 + 2.0 * 0.75) / 4.0, 1e-15);
  // The mean of the targets is 11 / 4; their squares about it sum to 6.75.
  CHECK_NEAR(made("r2"), 1.0 - 19.0 / 6.75, 1e-14);
  CHECK_NEAR(made("pinball", {.levels = {0.9}}), (0.1 * 1.0 + 0.0 + 2.0 * 0.9 * 3.0) / 4.0, 1e-15);
  Case two;
  two.target_rows({{1, 10}, {3, 20}});
  two.rows({{2, 10}, {2, 30}});
  CHECK_NEAR(two("mse"), (1.0 + 0.0 + 1.0 + 100.0) / 4.0, 1e-15);
  CHECK_NEAR(two("r2"), (0.0 + (1.0 - 100.0 / 50.0)) / 2.0, 1e-15);
}

LAMINA_TEST(the_median_has_half_of_the_weight_on_each_side) {
  const std::vector<double> zeros(4, 0.0), errors = {1, 2, 4, 9};
  CHECK(binary(zeros, errors)("median_absolute_error") == 3.0);
  CHECK(binary(zeros, errors, {1, 1, 0, 2})("median_absolute_error") == 5.5);
  CHECK(binary(zeros, errors, {0, 0, 3, 0})("median_absolute_error") == 4.0);
}

LAMINA_TEST(r2_of_a_constant_target_is_1_when_exact_and_0_otherwise) {
  CHECK(binary({2, 2, 2}, {2, 2, 2})("r2") == 1.0);
  CHECK(binary({2, 2, 2}, {3, 3, 3})("r2") == 0.0);
  CHECK(binary({0.3, 0.3, 0.3, 9.0}, {1.3, 1.3, 1.3, 9.0}, {0.1, 0.2, 0.7, 0.0})("r2") == 0.0);
  CHECK(std::isnan(binary({1}, {2})("r2")));
}

LAMINA_TEST(several_quantile_levels_have_an_output_each) {
  Case made;
  made.targets = {1.0, 3.0};
  made.rows({{0.0, 2.0}, {2.0, 4.0}});
  // max(q d, (q - 1) d) of distances 1, -1, 1, -1.
  CHECK_NEAR(made("pinball", {.levels = {0.1, 0.9}}), (0.1 + 0.1 + 0.1 + 0.1) / 4.0, 1e-15);
  CHECK(made.error("pinball", {.levels = {0.1, 0.5, 0.9}}) ==
        "pinball: expected 3 columns in y_pred for 3 levels and one in y_true, got 2 and 1");
  CHECK(made.error("pinball", {.levels = {1.5}}) ==
        "pinball: expected level in [0, 1], or a sequence of such, got 1.5");
}

LAMINA_TEST(float32_outputs_give_what_their_values_give_in_float64) {
  const Case made = random_rows(500, 3, 1000);
  std::vector<float> narrow(made.outputs.begin(), made.outputs.end());
  const std::vector<double> wide(narrow.begin(), narrow.end());
  const MetricData in_float{{made.targets.data(), 500, 1}, {narrow.data(), 500, 1}, made.weights.data()};
  const MetricData in_double{{made.targets.data(), 500, 1}, {wide.data(), 500, 1}, made.weights.data()};
  for (const char* name : {"accuracy", "roc_auc", "average_precision", "mse", "median_absolute_error", "f1"})
    CHECK(metric_named(name).compute(in_float, {}).values ==
          metric_named(name).compute(in_double, {}).values);
}

LAMINA_TEST(weights_of_any_size_give_the_same_figures) {
  Case made = random_rows(100, 5, 50);
  for (double& output : made.outputs) output += 0.5;
  for (const char* name : {"accuracy", "f1", "roc_auc", "average_precision", "log_loss", "mse", "r2"}) {
    Case scaled = made;
    for (const double size : {1e-300, 1e300}) {
      for (std::size_t i = 0; i < 100; ++i) scaled.weights[i] = made.weights[i] * size;
      CHECK_NEAR(scaled(name), made(name), 1e-12);
    }
  }
}

}  // namespace
}  // namespace lamina

LAMINA_TEST_MAIN
