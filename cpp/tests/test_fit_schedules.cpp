// Fits whose decay and dropout follow schedules, the last of the best epochs, first weights from data.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "check.h"
#include "fit_support.h"
#include "training/data_init.h"

using namespace lamina;
using namespace lamina::test;

namespace {

const auto never = [](int64_t) { return false; };

// The problem with dropout of this rate behind its first layer.
struct NoisyProblem : Problem {
  explicit NoisyProblem(double rate)
      : noisy(Network<float>(
            kInputs,
            make_layers<float>(DenseOptions{.units = 9, .activation = "tanh"}, DropoutOptions{rate},
                               DenseOptions{.units = 3, .activation = "softmax"}),
            1)) {}
  std::vector<float> fit_with(Schedule* noise_schedule) {
    Optimizer<float> by = noisy.make_optimizer({.update = AdamOptions{.learning_rate = 0.01}});
    FitParts<float> parts{&noisy, &loss, &by};
    parts.noise_schedule = noise_schedule;
    fit_model<float>(parts, data, options);
    return weights_of(noisy);
  }
  Model<float> noisy;
};

}  // namespace

LAMINA_TEST(a_constant_schedule_of_the_decay_is_the_decay) {
  Problem scheduled, constant, without;
  const OptimizerSpec spec{.update = AdamOptions{.learning_rate = 0.01, .decoupled = true},
                           .weight_decay = 0.5};
  Optimizer<float> by = constant.model.make_optimizer(spec);
  constant.fit(by);
  Optimizer<float> own = scheduled.model.make_optimizer({.update = spec.update});
  const auto schedule = make_schedule(0.5, ConstantOptions{});
  FitParts<float> parts{&scheduled.model, &scheduled.loss, &own};
  parts.decay_schedule = schedule.get();
  fit_model<float>(parts, scheduled.data, scheduled.options);
  Optimizer<float> none = without.model.make_optimizer({.update = spec.update});
  without.fit(none);
  CHECK(weights_of(scheduled.model) == weights_of(constant.model));
  CHECK(weights_of(scheduled.model) != weights_of(without.model));
  CHECK(own.weight_decay() == 0.5);
}

LAMINA_TEST(a_flat_cosine_of_the_decay_knows_when_the_fit_ends) {
  Problem problem;
  problem.options.epochs = 2;
  Optimizer<float> by = problem.optimizer();
  const auto schedule = make_schedule(0.5, FlatCosineOptions{});
  FitParts<float> parts{&problem.model, &problem.loss, &by};
  parts.decay_schedule = schedule.get();
  fit_model<float>(parts, problem.data, problem.options);
  // 120 rows in batches of 16: the last of 16 steps is 7 / 8 down the wave.
  CHECK_NEAR(by.weight_decay(), 0.25 * (1.0 + std::cos(std::acos(-1.0) * 7.0 / 8.0)), 1e-15);
}

LAMINA_TEST(factors_of_dropout_multiply_its_rate) {
  const auto half = make_schedule(0.5, ConstantOptions{}), none = make_schedule(0.0, ConstantOptions{});
  const auto above = make_schedule(1.5, ConstantOptions{});
  const std::vector<float> of_a_quarter = NoisyProblem(0.25).fit_with(nullptr);
  CHECK(NoisyProblem(0.5).fit_with(half.get()) == of_a_quarter);
  CHECK(NoisyProblem(0.5).fit_with(nullptr) != of_a_quarter);
  CHECK(NoisyProblem(0.5).fit_with(none.get()) == NoisyProblem(0.0).fit_with(nullptr));
  CHECK_THROWS(NoisyProblem(0.5).fit_with(above.get()), Error);
}

LAMINA_TEST(the_last_of_the_best_epochs_is_kept_where_that_is_asked_for) {
  for (const bool keep_last : {false, true}) {
    Problem problem;
    problem.options.epochs = 4;
    problem.options.early_stopping =
        EarlyStoppingOptions{.monitor = "given", .mode = Mode::kMin, .keep_last = keep_last};
    auto add = [](Fit&, int64_t epoch, Figures& record) {
      record.push_back({"given", std::vector<double>{3.0, 2.0, 2.0, 4.0}[static_cast<size_t>(epoch)]});
    };
    Watch watch(add);
    CHECK(problem.fit({&watch}).best_epoch == (keep_last ? 2 : 1));
  }
}

LAMINA_TEST(first_weights_from_data_give_products_of_variance_1) {
  Problem problem;
  const auto training = weights_of(problem.model);
  CHECK(!initialize_from_data(problem.model, problem.data.train.inputs, {}, [](int64_t) { return true; }));
  CHECK(weights_of(problem.model) == training);
  CHECK(initialize_from_data(problem.model, problem.data.train.inputs, {.bias_rows = 0}, never));
  const Network<float>& network = problem.model.network();
  std::vector<float> weight(9 * Problem::kInputs);
  unpack_parameter(network.parameters()[0], network.weights(), weight.data());
  for (size_t unit = 0; unit < 9; ++unit) {
    double sum = 0.0, squares = 0.0;
    for (size_t row = 0; row < 120; ++row) {
      double product = 0.0;
      for (size_t i = 0; i < Problem::kInputs; ++i)
        product += static_cast<double>(problem.x[row * Problem::kInputs + i]) *
                   static_cast<double>(weight[unit * Problem::kInputs + i]);
      sum += product;
      squares += product * product;
    }
    CHECK_NEAR(squares / 120.0 - sum * sum / 14400.0, 1.0, 1e-5);
  }
  CHECK_THROWS(initialize_from_data(problem.model, problem.data.train.inputs, {.bias_rows = -1}, never),
               Error);
}

namespace {

// A dense layer of four units, its parameters, and rows of numbers around `center`.
struct Layer4 {
  explicit Layer4(int64_t rows, double center, double spread)
      : x(static_cast<size_t>(3 * rows)),
        inputs{x.data(), kernels::SourceType::kF64, rows, 3, 24, 8},
        model(Network<float>(3, make_layers<float>(DenseOptions{.units = 4}), 5)) {
    const RandomStream random(3, StreamTag::kUser);
    for (size_t i = 0; i < x.size(); ++i) x[i] = center + spread * random.normal(i);
  }
  std::vector<float> parameter(size_t index) const {
    const Parameter& parameter = model.network().parameters()[index];
    std::vector<float> values(static_cast<size_t>(parameter.element_count()));
    unpack_parameter(parameter, model.network().weights(), values.data());
    return values;
  }
  std::vector<double> x;
  ArraySource inputs;
  Model<float> model;
};

}  // namespace

LAMINA_TEST(biases_from_data_are_minus_means_of_a_units_products) {
  for (const int64_t rows : {50, 9000}) {
    Layer4 layer(rows, 2.0, 1.0);
    CHECK(initialize_from_data(layer.model, layer.inputs, {.seed = 7}, never));
    const std::vector<float> weight = layer.parameter(0), bias = layer.parameter(1);
    for (size_t unit = 0; unit < 4; ++unit) {
      double low = 1e9, high = -1e9;
      for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
        double product = 0.0;
        for (size_t i = 0; i < 3; ++i)
          product += layer.x[3 * row + i] * static_cast<double>(weight[3 * unit + i]);
        low = std::min(low, product);
        high = std::max(high, product);
      }
      CHECK(-static_cast<double>(bias[unit]) > low && -static_cast<double>(bias[unit]) < high);
    }
    Layer4 again(rows, 2.0, 1.0), other(rows, 2.0, 1.0);
    CHECK(initialize_from_data(again.model, again.inputs, {.seed = 7}, never));
    CHECK(initialize_from_data(other.model, other.inputs, {.seed = 8}, never));
    CHECK(again.parameter(1) == bias && again.parameter(0) == weight);
    CHECK(other.parameter(1) != bias);
  }
}

LAMINA_TEST(units_whose_products_vary_by_rounding_or_cannot_be_scaled_stay) {
  for (const auto& [center, spread] : {std::pair{1.7e9, 1.0}, std::pair{1.0, 0.0}, std::pair{0.0, 1e-41}}) {
    Layer4 layer(40, center, spread);
    const std::vector<float> before = weights_of(layer.model);
    CHECK(initialize_from_data(layer.model, layer.inputs, {}, never));
    CHECK(weights_of(layer.model) == before);
  }
}

LAMINA_TEST_MAIN
