// Predictors against the networks that they were made from.
#include "inference/predictor.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/thread_count.h"
#include "check.h"
#include "inference/evaluation.h"

namespace {

using namespace lamina;

Json dense(int64_t units, const Json& activation = "identity") {
  return {{"kind", "dense"},
          {"units", units},
          {"activation", activation},
          {"bias_initializer", {{"kind", "constant"}, {"value", 0.1}}}};
}

template <class T>
std::vector<T> numbers(int64_t n) {
  std::vector<T> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<T>(std::sin(1.0 + 0.7 * static_cast<double>(i)));
  return values;
}

template <class T>
std::vector<T> predicted_by_network(const Network<T>& network, const std::vector<T>& x) {
  const int64_t rows = static_cast<int64_t>(x.size()) / network.inputs(), size = sizeof(T);
  std::vector<T> y(static_cast<size_t>(rows * network.outputs()));
  const auto type = size == 4 ? kernels::SourceType::kF32 : kernels::SourceType::kF64;
  const ArraySource source{x.data(), type, rows, network.inputs(), network.inputs() * size, size};
  predict(network, network.weights(), source, y.data(), [](int64_t) { return false; });
  return y;
}

// Rows together to the bit, and each row alone within rounding; the same bits from every way to ask for it.
template <class T>
void check_equal(const Json::Array& layers, int64_t inputs, int64_t rows) {
  const Network<T> network(Json{{"inputs", inputs}, {"layers", layers}}, 5);
  const Predictor<T> predictor(network, network.weights());
  CHECK(predictor.inputs() == inputs && predictor.outputs() == network.outputs());
  const std::vector<T> x = numbers<T>(rows * inputs);
  const std::vector<T> expected = predicted_by_network(network, x);
  const auto width = static_cast<size_t>(network.outputs());
  std::vector<T> together(expected.size()), alone(width), again(width);
  Workspace<T> workspace = predictor.make_workspace(5);
  predictor.predict(x.data(), rows, together.data(), workspace);
  CHECK(together == expected);
  // A few roundings of values of about 1, through sums of up to some hundred terms.
  const double tolerance = 64 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (int64_t row = 0; row < rows; ++row) {
    const T* in = x.data() + row * inputs;
    predictor.predict_row(in, alone.data());
    for (size_t j = 0; j < width; ++j) {
      const auto wanted = static_cast<double>(expected[static_cast<size_t>(row) * width + j]);
      CHECK_NEAR(alone[j], wanted, tolerance * (1.0 + std::fabs(wanted)));
    }
    predictor.predict(in, 1, again.data(), workspace);
    CHECK(again == alone);
  }
}

void check_both(const Json::Array& layers, int64_t inputs, int64_t rows = 13) {
  check_equal<float>(layers, inputs, rows);
  check_equal<double>(layers, inputs, rows);
}

LAMINA_TEST(rows_alone_and_together_agree_with_the_network) {
  check_both({dense(32, "relu"), dense(32, "tanh"), dense(1)}, 8);
  check_both({dense(128, "gelu"), dense(130, "silu"), dense(2, "sigmoid")}, 30);
  check_both({dense(1, "softplus"), dense(3, "relu"), dense(4)}, 1);
  check_both({dense(513, {{"kind", "leaky_relu"}, {"negative_slope", 0.2}}), dense(10, "softmax")}, 100);
  check_both({dense(17, "relu"), dense(3, "log_softmax")}, 7);
}

LAMINA_TEST(layers_without_bias_predict_too) {
  Json layer = dense(3, "tanh");
  layer["bias"] = false;
  check_both({dense(20, "relu"), layer}, 6);
}

LAMINA_TEST(dropout_vanishes_and_a_lone_activation_joins_the_layer_before_it) {
  const Json dropout = {{"kind", "dropout"}, {"rate", 0.5}};
  const Json relu = {{"kind", "activation"}, {"activation", "relu"}};
  const Json softmax = {{"kind", "activation"}, {"activation", "softmax"}};
  check_both({dropout, dense(20), dropout, relu, dense(4), softmax}, 6);
  check_both({relu, dense(20, "relu"), relu, softmax, dense(2)}, 6);
  check_both({dropout}, 6);
}

LAMINA_TEST(very_wide_layers_predict_without_a_stack_of_their_size) {
  check_both({dense(20'000, "relu"), dense(2)}, 3, 2);
}

Json residual(const Json::Array& layers) { return {{"kind", "residual"}, {"layers", layers}}; }

LAMINA_TEST(blocks_keep_their_input_for_the_skip) {
  const Json dropout = {{"kind", "dropout"}, {"rate", 0.5}};
  const Json relu = {{"kind", "activation"}, {"activation", "relu"}};
  const auto network = [](const Json::Array& layers) { check_both(layers, 8); };
  network({residual({dense(8, "tanh")})});
  network({residual({dense(40, "tanh"), dense(5)}), dense(3)});
  network({residual({dropout}), residual({relu, residual({relu, dense(30)}), dense(8)}), relu});
  network({dense(6), residual({residual({residual({dense(6, "sigmoid")})}), dense(1)}), dense(2, "softmax")});
}

LAMINA_TEST(outputs_may_take_the_place_of_the_inputs) {
  const Network<float> network(Json{{"inputs", 4}, {"layers", Json::Array{dense(9, "tanh"), dense(4)}}}, 1);
  const Predictor<float> predictor(network, network.weights());
  std::vector<float> in = numbers<float>(4), out(4);
  predictor.predict_row(in.data(), out.data());
  predictor.predict_row(in.data(), in.data());
  CHECK(in == out);
}

LAMINA_TEST(a_row_has_the_same_bits_whoever_shares_it) {
  const Json::Array layers = {dense(1000, "relu"), residual({dense(520, "tanh"), dense(1000)}),
                              dense(7, "softmax")};
  const Network<float> network(Json{{"inputs", 300}, {"layers", layers}}, 5);
  const Predictor<float> predictor(network, network.weights());
  const std::vector<float> in = numbers<float>(300);
  std::vector<float> alone(7), shared(7);
  AlignedBuffer<float> workspace(predictor.row_workspace_size());
  predictor.predict_row(in.data(), alone.data(), workspace.data());
  // One call after another, so that workers are awake for most.
  for (const int threads : {1, 2, 3})
    for (int call = 0; call < 200; ++call) {
      set_num_threads(threads, true);
      predictor.predict_row(in.data(), shared.data());
      CHECK(shared == alone);
    }
}

LAMINA_TEST(a_predictor_keeps_the_weights_that_it_was_given) {
  Network<float> network(Json{{"inputs", 4}, {"layers", Json::Array{dense(9, "tanh"), dense(1)}}}, 1);
  const Predictor<float> predictor(network, network.weights());
  const std::vector<float> in = numbers<float>(4);
  float before = 0, after = 0;
  predictor.predict_row(in.data(), &before);
  network.initialize(2, [](int64_t) { return false; });
  predictor.predict_row(in.data(), &after);
  CHECK(before == after);
}

LAMINA_TEST(rows_of_another_width_are_refused) {
  const Network<float> network(Json{{"inputs", 3}, {"layers", Json::Array{dense(2)}}}, 5);
  const Predictor<float> predictor(network, network.weights());
  const std::vector<float> x = numbers<float>(8);
  std::vector<float> y(8);
  const auto refused = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto never = [](int64_t) { return false; };
  const auto wide = [&](int64_t rows) {
    return ArraySource{x.data(), kernels::SourceType::kF32, rows, 4, 4 * sizeof(float), sizeof(float)};
  };
  for (const int64_t rows : {1, 2}) {
    const std::string sentence =
        "predict: expected X of shape [rows, 3], got [" + std::to_string(rows) + ", 4]";
    CHECK(refused([&] { predictor.predict(wide(rows), y.data(), never); }) == sentence);
    CHECK(refused([&] { predict(network, network.weights(), wide(rows), y.data(), never); }) == sentence);
  }
  DataSet<float> data;
  data.inputs = {x.data(), kernels::SourceType::kF32, 0, 3, 3 * sizeof(float), sizeof(float)};
  data.targets.values = x.data();
  CHECK(refused([&] {
          evaluate(network, network.weights(), make_loss({}), data, static_cast<float*>(nullptr), never);
        }) == "evaluate: expected X of shape [rows, 3] with at least one row, got [0, 3]");
}

LAMINA_TEST(nan_goes_through) {
  const Network<float> network(Json{{"inputs", 4}, {"layers", Json::Array{dense(9, "tanh"), dense(1)}}}, 1);
  const Predictor<float> predictor(network, network.weights());
  std::vector<float> in = numbers<float>(4);
  in[2] = std::numeric_limits<float>::quiet_NaN();
  float out = 0;
  predictor.predict_row(in.data(), &out);
  CHECK(std::isnan(out));
}

}  // namespace

LAMINA_TEST_MAIN
