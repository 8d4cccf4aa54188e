// Layers, losses and optimizers made from options by name, in C++ and from JSON; the plan of a network.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "check.h"
#include "inference/plan.h"
#include "inference/predictor.h"
#include "layers/loss.h"
#include "optimizers/update_rules.h"
#include "training/model.h"

namespace {

using namespace lamina;

constexpr const char* kSpec = R"({"inputs": 5, "layers": [
  {"kind": "dense", "units": 16, "activation": {"kind": "leaky_relu", "negative_slope": 0.2}, "l2": 0.01},
  {"kind": "batch_norm", "momentum": 0.2}, {"kind": "dropout", "rate": 0.25},
  {"kind": "residual", "layers": [{"kind": "layer_norm"}, {"kind": "dense", "units": 16, "activation": "relu",
    "initializer": "he_uniform", "rate_factor": 0.5}]},
  {"kind": "prelu", "shared": true}, {"kind": "scale", "shift": true, "trainable": false},
  {"kind": "dense", "units": 3, "activation": "softmax", "bias": false}]})";

template <class T>
Network<T> made_here(uint64_t seed) {
  auto layers = make_layers<T>(DenseOptions{.units = 16, .activation = {"leaky_relu", 0.2}, .l2 = 0.01},
                               BatchNormOptions{.momentum = 0.2}, DropoutOptions{.rate = 0.25});
  layers.push_back(
      make_residual<T>(make_layers<T>(LayerNormOptions{}, DenseOptions{.units = 16,
                                                                       .activation = "relu",
                                                                       .initializer = "he_uniform",
                                                                       .learning = {.rate_factor = 0.5}})));
  for (auto& layer : make_layers<T>(PReluOptions{.shared = true},
                                    ScaleOptions{.shift = true, .learning = {.trainable = false}},
                                    DenseOptions{.units = 3, .activation = "softmax", .bias = false}))
    layers.push_back(std::move(layer));
  return Network<T>(5, std::move(layers), seed);
}

std::string refused(void (*make)()) {
  try {
    make();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

bool starts_with(const std::string& text, const char* beginning) { return text.rfind(beginning, 0) == 0; }

}  // namespace

LAMINA_TEST(a_network_made_of_options_is_the_one_that_json_describes) {
  const Network<float> here = made_here<float>(4), from_json(Json::parse(kSpec), uint64_t{4});
  CHECK(here.spec() == from_json.spec());
  CHECK(std::equal(here.weights(), here.weights() + here.flat_size(), from_json.weights()));
  CHECK(Network<float>(here.spec(), uint64_t{4}).spec() == here.spec());
}

LAMINA_TEST(a_model_made_of_options_trains_to_the_bits_of_one_from_json) {
  Model<float> here(made_here<float>(4)), from_json(Json::parse(kSpec), uint64_t{4});
  std::vector<float> x;
  for (int i = 0; i < 5 * 12; ++i) x.push_back(static_cast<float>(i * 37 % 41) / 20.0F - 1.0F);
  const std::vector<int32_t> y = {0, 1, 2, 2, 1, 0, 0, 1, 2, 1, 1, 0};
  DataSet<float> data;
  data.inputs = {x.data(), kernels::SourceType::kF32, 12, 5, 5 * sizeof(float), sizeof(float)};
  data.targets.classes = y.data();
  Optimizer<float> nadam = here.make_optimizer({.update = NadamOptions{.learning_rate = 0.01}});
  Optimizer<float> same = from_json.make_optimizer(
      optimizer_from_json(Json::parse(R"({"kind": "nadam", "learning_rate": 0.01})")));
  const auto never = [](int64_t) { return false; };
  for (int step = 0; step < 5; ++step) {
    const double loss = here.train_step(data, make_loss({.kind = "cross_entropy"}), nadam, 4, never);
    CHECK(loss == from_json.train_step(data, loss_from_json(Json("cross_entropy")), same, 4, never));
  }
  const float* weights = here.network().weights();
  CHECK(std::equal(weights, weights + here.network().flat_size(), from_json.network().weights()));
}

LAMINA_TEST(options_out_of_range_are_refused_by_name) {
  CHECK(starts_with(refused([] { make_layer<float>(DenseOptions{}); }), "Dense: expected 'units'"));
  CHECK(starts_with(refused([] { make_layer<float>(DenseOptions{.units = 4, .l1 = -1.0}); }),
                    "Dense: expected 'l1' of at least 0, got -1"));
  CHECK(starts_with(refused([] { make_layer<float>(DenseOptions{.units = 4, .l2 = NAN}); }),
                    "Dense: expected 'l2'"));
  CHECK(starts_with(refused([] { make_layer<float>(DenseOptions{.units = 4, .initializer = "he"}); }),
                    "initializer: unknown name 'he'"));
  CHECK(starts_with(refused([] { make_layer<float>(DenseOptions{.units = 4, .activation = "ReLU"}); }),
                    "activation: unknown name 'ReLU'"));
  CHECK(starts_with(refused([] { make_layer<float>(ActivationOptions{{"elu", 0.0}}); }),
                    "activation elu: expected 'alpha'"));
  CHECK(starts_with(refused([] { make_layer<float>(DropoutOptions{.rate = 1.0}); }),
                    "Dropout: expected a 'rate' below 1"));
  CHECK(starts_with(refused([] { make_layer<float>(ClipOptions{}); }), "Clip: expected 'low' or 'high'"));
  CHECK(starts_with(refused([] { make_layer<float>(ClipOptions{.low = 1.0, .high = 1.0}); }),
                    "Clip: expected 'low' below 'high', got 1.0 and 1.0"));
  CHECK(starts_with(refused([] { make_layer<float>(AffineOptions{.scale = {}}); }),
                    "Affine: expected at least one number for 'scale'"));
  CHECK(starts_with(refused([] { make_layer<float>(ColumnEncodingOptions{{{.edges = {1.0, 0.5}}}}); }),
                    "ColumnEncoding, column 0: expected rising 'edges'"));
  CHECK(starts_with(refused([] { make_residual<float>({}); }), "Residual: expected at least one layer"));
  CHECK(starts_with(refused([] { Network<float>(0, make_layers<float>(DenseOptions{.units = 1}), 1); }),
                    "network: expected 'inputs'"));
  CHECK(starts_with(refused([] { make_loss({.kind = "huber", .delta = 0.0}); }),
                    "loss huber: expected 'delta'"));
  CHECK(starts_with(refused([] { make_loss({.kind = "hubert"}); }), "loss: unknown name 'hubert'"));
  CHECK(starts_with(refused([] { check_optimizer({.update = AdamOptions{.beta1 = 1.0}}); }),
                    "optimizer adam: expected 'beta1' of at least 0 and below 1, got 1"));
  CHECK(starts_with(refused([] { check_optimizer({.update = SgdOptions{.nesterov = true}}); }),
                    "optimizer sgd: expected a 'momentum' above 0 with nesterov"));
  CHECK(starts_with(refused([] { check_optimizer({.clip_norm = -1.0}); }),
                    "optimizer sgd: expected 'clip_norm' of at least 0, got -1"));
}

LAMINA_TEST(options_that_json_could_not_hold_are_refused) {
  CHECK(starts_with(refused([] { make_layer<float>(DenseOptions{.units = 4, .l1 = INFINITY}); }),
                    "Dense: expected 'l1' of at least 0, got inf"));
  CHECK(starts_with(refused([] { make_layer<float>(DenseOptions{.units = 4, .max_norm = INFINITY}); }),
                    "Dense: expected 'max_norm' above 0, got inf"));
  CHECK(starts_with(refused([] {
                      make_layer<float>(DenseOptions{.units = 4, .bias_initializer = {"constant", INFINITY}});
                    }),
                    "initializer constant: expected a finite number, got inf"));
  CHECK(starts_with(refused([] {
                      make_layer<float>(
                          DenseOptions{.units = 4, .initializer = InitializerSpec("orthogonal", NAN)});
                    }),
                    "initializer orthogonal: expected a finite number, got nan"));
  CHECK(starts_with(refused([] { make_layer<float>(BatchNormOptions{.epsilon = INFINITY}); }),
                    "BatchNorm: expected 'epsilon'"));
  CHECK(starts_with(refused([] { check_optimizer({.update = SgdOptions{.learning_rate = INFINITY}}); }),
                    "optimizer sgd: expected 'learning_rate' of at least 0, got inf"));
  CHECK(starts_with(refused([] { check_optimizer({.weight_decay = INFINITY}); }),
                    "optimizer sgd: expected 'weight_decay' of at least 0, got inf"));
}

LAMINA_TEST(losses_made_of_options_are_those_that_json_describes) {
  CHECK(make_loss({.kind = "mse"}) == loss_from_json(Json("mean_squared_error")));
  CHECK(make_loss({.kind = "bce", .label_smoothing = 0.1, .positive_weight = 3.0}) ==
        loss_from_json(Json::parse(
            R"({"kind": "binary_cross_entropy", "label_smoothing": 0.1, "positive_weight": 3})")));
  const LossSpec levels = make_loss({.kind = "quantile", .levels = {0.1, 0.9}});
  CHECK(levels == loss_from_json(Json::parse(R"({"kind": "quantile", "level": [0.1, 0.9]})")));
  CHECK(levels.has_levels());
  const LossSpec rates = make_loss({.kind = "poisson", .mean_over_rows = false, .log_input = false});
  CHECK(rates ==
        loss_from_json(Json::parse(R"({"kind": "poisson", "log_input": false, "reduction": "sum"})")));
  CHECK(!rates.mean_over_columns);
}

LAMINA_TEST(optimizers_keep_their_options_through_json) {
  for (const std::string& name : optimizer_names()) {
    const Json json = optimizer_to_json(optimizer_from_json(Json(name)));
    CHECK(json.at("kind").is(name));
    CHECK(optimizer_to_json(optimizer_from_json(json)) == json);
  }
  const OptimizerSpec adam{.update = AdamOptions{.learning_rate = 0.25, .amsgrad = true}, .clip_norm = 2.0};
  CHECK(optimizer_to_json(adam).at("kind").is("amsgrad"));
  CHECK(optimizer_to_json(adam).at("learning_rate").number() == 0.25);
  CHECK(optimizer_entry(adam).state_count == 3);
  CHECK(optimizer_entry(OptimizerSpec{.update = LionOptions{}}).rule == kernels::UpdateRule::kLion);
  CHECK(std::get<LionOptions>(optimizer_from_json(Json("lion")).update).decoupled);
}

LAMINA_TEST(adamw_is_adam_with_decoupled_decay_unless_told_otherwise) {
  const OptimizerSpec adamw = optimizer_from_json(Json("adamw"));
  CHECK(adamw.weight_decay == 0.01);
  CHECK(std::get<AdamOptions>(adamw.update).decoupled);
  CHECK(optimizer_to_json(adamw).at("kind").is("adam"));
  const OptimizerSpec given =
      optimizer_from_json(Json::parse(R"({"kind": "adamw", "weight_decay": 0.5, "learning_rate": 1})"));
  CHECK(given.weight_decay == 0.5);
  CHECK(first_learning_rate(given) == 1.0);
}

LAMINA_TEST(the_operations_of_a_plan_compute_what_the_predictor_gives) {
  auto layers = make_layers<double>(DenseOptions{.units = 7}, BatchNormOptions{}, ActivationOptions{"tanh"},
                                    DropoutOptions{.rate = 0.5});
  layers.push_back(
      make_residual<double>(make_layers<double>(DenseOptions{.units = 7, .activation = "tanh"})));
  layers.push_back(make_layer<double>(DenseOptions{.units = 2}));
  const Network<double> network(3, std::move(layers), uint64_t{9});
  const Plan<double> plan(network, network.weights());
  // Dense with batch normalisation and tanh; the block's dense, skip and sum; dense.
  CHECK(plan.operations().size() == 5);
  std::vector<std::vector<double>> values(static_cast<size_t>(plan.values()));
  values[0] = {0.5, -1.0, 2.0};
  for (const Operation<double>& operation : plan.operations()) {
    const std::vector<double>& in = values[static_cast<size_t>(operation.input)];
    std::vector<double>& out = values[static_cast<size_t>(operation.output)];
    if (operation.layer->kind() == LayerKind::kResidual) {
      out.resize(static_cast<size_t>(operation.outputs));
      for (size_t i = 0; i < out.size(); ++i) out[i] += in[i];
      continue;
    }
    CHECK(operation.layer->kind() == LayerKind::kDense);
    std::vector<double> weight(static_cast<size_t>(operation.outputs * operation.inputs));
    out.assign(static_cast<size_t>(operation.outputs), 0.0);
    unpack_parameter(operation.parameters[0], plan.weights(), weight.data());
    unpack_parameter(operation.parameters[1], plan.weights(), out.data());
    for (size_t o = 0; o < out.size(); ++o)
      for (size_t i = 0; i < in.size(); ++i) out[o] += weight[o * in.size() + i] * in[i];
    if (operation.layer->output_activation()->name == "tanh")
      for (double& value : out) value = std::tanh(value);
  }
  double expected[2];
  Predictor<double>(network, network.weights()).predict_row(values[0].data(), expected);
  const std::vector<double>& got = values[static_cast<size_t>(plan.output())];
  for (size_t i = 0; i < 2; ++i) CHECK_NEAR(got[i], expected[i], 1e-14);
}

LAMINA_TEST_MAIN
