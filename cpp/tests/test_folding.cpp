// Networks for inference: which layers remain, and the same outputs up to rounding.
#include "inference/folding.h"

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "check.h"
#include "inference/evaluation.h"
#include "inference/predictor.h"

namespace {

using namespace lamina;
using Layers = Json::Array;

const Json kBatchNorm = {{"kind", "batch_norm"}, {"epsilon", 1e-3}};
const Json kRelu = {{"kind", "activation"}, {"activation", "relu"}};
const Json kDropout = {{"kind", "dropout"}, {"rate", 0.5}};

Json dense(int64_t units, bool bias = true, const std::string& activation = "identity") {
  return {{"kind", "dense"}, {"units", units}, {"bias", bias}, {"activation", activation}};
}

Json residual(const Layers& layers) { return {{"kind", "residual"}, {"layers", layers}}; }

Json ensemble(const Layers& layers, const std::string& adapters = "first") {
  return {{"kind", "ensemble"}, {"k", 3}, {"adapters", adapters}, {"layers", layers}};
}

// "dense relu, batch_norm": the kinds that remain, dense layers with their activation.
std::string kinds(const Json& layers) {
  std::ostringstream text;
  for (const Json& layer : layers.elements()) {
    if (text.tellp() > 0) text << ", ";
    text << layer.at("kind").text();
    if (layer.find("layers") != nullptr) text << '(' << kinds(layer.at("layers")) << ')';
    if (layer.at("kind").is("dense") && !layer.at("activation").is("identity"))
      text << ' ' << layer.at("activation").text();
  }
  return text.str();
}

// Every parameter a number of its own, variances between 0.5 and 1.5.
template <class T>
void fill_parameters(Network<T>& network) {
  int k = 0;
  for (size_t i = 0; i < network.parameters().size(); ++i) {
    const Parameter& parameter = network.parameters()[i];
    const bool around_one = parameter.name.ends_with("running_var");
    std::vector<T> values(static_cast<size_t>(parameter.element_count()));
    for (T& value : values) value = static_cast<T>((around_one ? 1.0 : 0.0) + 0.5 * std::sin(0.7 * ++k));
    network.set_parameter(i, values.data());
  }
}

template <class T>
std::vector<T> outputs_of(const Network<T>& network, const std::vector<T>& x) {
  const int64_t rows = static_cast<int64_t>(x.size()) / network.inputs(), size = sizeof(T);
  std::vector<T> y(static_cast<size_t>(rows * network.outputs()));
  const auto type = size == 4 ? kernels::SourceType::kF32 : kernels::SourceType::kF64;
  const ArraySource source{x.data(), type, rows, network.inputs(), network.inputs() * size, size};
  predict(network, network.weights(), source, y.data(), [](int64_t) { return false; });
  return y;
}

template <class T>
void check_outputs(const Layers& layers, const std::string& expected_kinds) {
  Network<T> network(Json{{"inputs", 5}, {"layers", layers}}, 1);
  fill_parameters(network);
  const Network<T> folded = inference_network(network, network.weights());
  CHECK(kinds(folded.spec().at("layers")) == expected_kinds);
  std::vector<T> x;
  for (int i = 0; i < 5 * 9; ++i) x.push_back(static_cast<T>(std::cos(0.3 * i)));
  const std::vector<T> expected = outputs_of(network, x), got = outputs_of(folded, x);
  const Predictor<T> predictor(network, network.weights());
  std::vector<T> row(static_cast<size_t>(network.outputs()));
  // Sums of a few terms of about 1 in another order, through a few layers.
  const double tolerance = 64 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto wanted = static_cast<double>(expected[i]);
    CHECK_NEAR(got[i], wanted, tolerance * (1 + std::fabs(wanted)));
    if (i % row.size() == 0) predictor.predict_row(x.data() + i / row.size() * 5, row.data());
    CHECK_NEAR(row[i % row.size()], wanted, tolerance * (1 + std::fabs(wanted)));
  }
}

void check(const Layers& layers, const std::string& expected_kinds) {
  check_outputs<float>(layers, expected_kinds);
  check_outputs<double>(layers, expected_kinds);
}

LAMINA_TEST(batch_normalisation_joins_the_dense_layer_before_it) {
  check({dense(7), kBatchNorm, kRelu, dense(3)}, "dense relu, dense");
  check({dense(7, false), kBatchNorm, dense(20, false), kBatchNorm}, "dense, dense");
  check({dense(7), kBatchNorm, kBatchNorm, kDropout, kRelu}, "dense relu");
}

LAMINA_TEST(batch_normalisation_joins_the_dense_layer_after_it) {
  check({kBatchNorm, dense(7, false, "tanh")}, "dense tanh");
  check({dense(7, true, "tanh"), kBatchNorm, kDropout, dense(3)}, "dense tanh, dense");
  check({kRelu, kBatchNorm, dense(3), kRelu}, "activation, dense relu");
}

LAMINA_TEST(batch_normalisation_without_a_dense_layer_beside_it_stays) {
  check({kBatchNorm}, "batch_norm");
  check({dense(7, true, "tanh"), kBatchNorm, kRelu, dense(3)}, "dense tanh, batch_norm, activation, dense");
}

LAMINA_TEST(blocks_are_folded_within_themselves) {
  check({dense(5), residual({kBatchNorm, kRelu, dense(5)})},
        "dense, residual(batch_norm, activation, dense)");
  check({residual({dense(8, false), kBatchNorm, kRelu, dense(3, false), kBatchNorm}), kBatchNorm, dense(2)},
        "residual(dense relu, dense), dense");
  check({residual({residual({kBatchNorm, dense(4)}), kBatchNorm, dense(5)})},
        "residual(residual(dense), dense)");
  check({dense(5), kBatchNorm, residual({kDropout})}, "dense, residual(activation)");
}

LAMINA_TEST(what_members_of_an_ensemble_share_is_folded_where_it_has_no_adapters) {
  const Layers layers = {dense(7), kBatchNorm, kDropout, kRelu, dense(2, true, "softmax")};
  check({ensemble(layers)}, "ensemble(dense relu, dense softmax)");
  check({dense(4), kBatchNorm, kDropout, ensemble(layers, "all")},
        "dense, ensemble(dense, batch_norm, activation, dense softmax)");
  check({ensemble({kDropout, dense(6, true, "tanh"), residual({kBatchNorm, dense(6)}), dense(3)}, "all")},
        "ensemble(dense tanh, residual(batch_norm, dense), dense)");
  check({kBatchNorm, ensemble({dense(3)})}, "batch_norm, ensemble(dense)");
  check({ensemble({kDropout, dense(3)})}, "ensemble(activation, dense)");
}

LAMINA_TEST(options_without_scale_and_shift_fold_too) {
  for (const bool scale : {false, true})
    for (const bool shift : {false, true}) {
      const Json norm = {{"kind", "batch_norm"}, {"scale", scale}, {"shift", shift}};
      check({dense(7), norm, kRelu, norm, dense(3)}, "dense relu, dense");
    }
}

LAMINA_TEST(the_network_itself_stays_as_it_was) {
  Network<float> network(Json{{"inputs", 5}, {"layers", Layers{dense(7, false), kBatchNorm}}}, 1);
  const Json spec = network.spec();
  const std::vector<float> weights(network.weights(), network.weights() + network.flat_size());
  (void)inference_network(network, network.weights());
  CHECK(network.spec() == spec);
  CHECK(std::equal(weights.begin(), weights.end(), network.weights()));
}

}  // namespace

LAMINA_TEST_MAIN
