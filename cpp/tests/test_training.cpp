// Training of models beside each other: executions of their own, and gradients that are joined by a hook.
#include <algorithm>
#include <array>
#include <barrier>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/execution.h"
#include "base/json.h"
#include "base/thread_count.h"
#include "check.h"
#include "optimizers/update_rules.h"
#include "training/model.h"

namespace {

using namespace lamina;

constexpr int64_t kInputs = 6, kRows = 64;

constexpr const char* kSpec = R"({"inputs": 6, "layers": [
  {"kind": "dense", "units": 24, "activation": "tanh"}, {"kind": "dropout", "rate": 0.25},
  {"kind": "dense", "units": 24, "activation": "relu"}, {"kind": "dense", "units": 3, "activation": "softmax"}]})";
constexpr const char* kPenalised = R"({"inputs": 6, "layers": [
  {"kind": "dense", "units": 16, "activation": "tanh", "l1": 0.001, "l2": 0.01},
  {"kind": "dense", "units": 3, "activation": "softmax"}]})";

const auto never = [](int64_t) { return false; };

template <class T>
struct Rows {
  std::vector<T> x;
  std::vector<int32_t> y;

  explicit Rows(int64_t rows = kRows) {
    for (int64_t i = 0; i < rows * kInputs; ++i) x.push_back(static_cast<T>(i * 37 % 101) / T(50) - T(1));
    for (int64_t i = 0; i < rows; ++i) y.push_back(static_cast<int32_t>(i * i % 3));
  }
  DataSet<T> data(int64_t first, int64_t rows) const {
    constexpr auto type = sizeof(T) == 4 ? kernels::SourceType::kF32 : kernels::SourceType::kF64;
    constexpr auto size = static_cast<int64_t>(sizeof(T));
    DataSet<T> part;
    part.inputs = {x.data() + first * kInputs, type, rows, kInputs, kInputs * size, size};
    part.targets.classes = y.data() + first;
    return part;
  }
};

template <class T>
std::vector<T> weights_of(const Model<T>& model) {
  const Network<T>& network = model.network();
  std::vector<T> all;
  for (const Parameter& parameter : network.parameters()) {
    std::vector<T> dense(static_cast<size_t>(parameter.element_count()));
    unpack_parameter(parameter, network.weights(), dense.data());
    all.insert(all.end(), dense.begin(), dense.end());
  }
  return all;
}

template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
  double largest = 0.0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

LossSpec cross_entropy() { return make_loss({.kind = "cross_entropy"}); }

std::vector<float> trained(uint64_t seed, const Execution& execution) {
  const Rows<float> rows;
  Model<float> model(Json::parse(kSpec), seed, execution);
  Optimizer<float> optimizer = model.make_optimizer({.update = AdamOptions{}});
  for (int64_t epoch = 1; epoch <= 20; ++epoch)
    model.run_epoch(rows.data(0, kRows), cross_entropy(), {.epoch = epoch, .batch_size = 16, .seed = seed},
                    optimizer, nullptr, nullptr, never);
  return weights_of(model);
}

}  // namespace

LAMINA_TEST(two_models_with_executions_of_their_own_train_at_once_on_one_pool) {
  const std::vector<float> first = trained(1, {}), second = trained(2, {});
  std::array<std::vector<float>, 2> at_once;
  run_team(2, [&](Team& team) {
    for (int i = team.index; i < 2; i += team.size)
      at_once[static_cast<size_t>(i)] = trained(static_cast<uint64_t>(i) + 1, Execution(1));
  });
  CHECK(at_once[0] == first);
  CHECK(at_once[1] == second);
  std::thread other([&] { at_once[0] = trained(1, Execution(3)); });
  at_once[1] = trained(2, Execution(2));
  other.join();
  CHECK(at_once[0] == first);
  CHECK(at_once[1] == second);
}

LAMINA_TEST(an_execution_has_its_threads_or_those_of_the_process) {
  CHECK(Execution(3).threads() == 3);
  const int before = get_num_threads();
  set_num_threads(5);
  CHECK(Execution().threads() == 5);
  set_num_threads(before);
  CHECK_THROWS(Execution(0), Error);
  CHECK_THROWS(Execution(kMaxThreads + 1), Error);
}

LAMINA_TEST(a_hook_that_changes_nothing_keeps_the_bits_of_batches_of_a_power_of_two) {
  // Deltas divided by 32, or their sum: both only move exponents.
  const Rows<float> rows;
  const auto train = [&](const GradientHook<float>* hook) {
    Model<float> model(Json::parse(kSpec), 7);
    Optimizer<float> optimizer = model.make_optimizer({.update = AdamOptions{}});
    for (int64_t epoch = 1; epoch <= 3; ++epoch)
      model.run_epoch(rows.data(0, kRows), cross_entropy(), {.epoch = epoch, .batch_size = 32, .seed = 7},
                      optimizer, nullptr, nullptr, never, hook);
    return weights_of(model);
  };
  int64_t calls = 0;
  const auto look = [&](GradientSum<float>& gradient) {
    ++calls;
    CHECK(gradient.weight == 32.0);
  };
  const GradientHook<float> hook = look;
  CHECK(train(&hook) == train(nullptr));
  CHECK(calls == 6);
}

// Both halves add the sums in the same order, so their models stay equal to the bit. From the whole batch
// they differ by the rounding of one addition in another order (and of a division where rows are no power of
// two).
template <class T>
void check_halves(int64_t rows_in_all, int64_t rows_first, double tolerance) {
  const Rows<T> rows(rows_in_all);
  const auto make_optimizer = [&](Model<T>& model) {
    return model.make_optimizer({.update = SgdOptions{.learning_rate = 0.5}, .clip_norm = 0.2});
  };
  Model<T> whole(Json::parse(kPenalised), 3);
  Optimizer<T> whole_optimizer = make_optimizer(whole);
  const std::vector<T> before = weights_of(whole);
  const double loss = whole.train_step(rows.data(0, rows_in_all), cross_entropy(), whole_optimizer, 3, never);

  std::array<std::vector<T>, 2> sums;
  std::array<double, 2> weights{}, losses{};
  std::barrier<> all(2);
  std::array<std::vector<T>, 2> after;
  const auto train_half = [&](size_t half) {
    Model<T> model(Json::parse(kPenalised), 3, Execution(1));
    Optimizer<T> optimizer = make_optimizer(model);
    const auto join = [&](GradientSum<T>& gradient) {
      sums[half].assign(gradient.values, gradient.values + gradient.size);
      weights[half] = gradient.weight;
      all.arrive_and_wait();
      for (size_t i = 0; i < sums[0].size(); ++i) gradient.values[i] = sums[0][i] + sums[1][i];
      gradient.weight = weights[0] + weights[1];
    };
    const GradientHook<T> hook = join;
    const int64_t first = half == 0 ? 0 : rows_first;
    const int64_t count = half == 0 ? rows_first : rows_in_all - rows_first;
    losses[half] = model.train_step(rows.data(first, count), cross_entropy(), optimizer, 3, never, &hook);
    after[half] = weights_of(model);
  };
  std::thread second(train_half, 1);
  train_half(0);
  second.join();
  CHECK(after[0] == after[1]);
  CHECK(largest_difference(before, after[0]) > 0.01);
  CHECK_NEAR(largest_difference(weights_of(whole), after[0]), 0.0, tolerance);
  // Each half's loss has the penalty of all weights.
  CHECK_NEAR((weights[0] * losses[0] + weights[1] * losses[1]) / (weights[0] + weights[1]), loss, 1e-5);
}

LAMINA_TEST(a_hook_joins_the_halves_of_a_batch_to_the_step_of_the_whole) {
  check_halves<double>(32, 16, 1e-15);
  check_halves<float>(32, 16, 5e-7);
  check_halves<double>(45, 17, 1e-15);  // by weight
}

LAMINA_TEST(a_hook_that_throws_leaves_weights_and_optimizer_as_they_were) {
  const Rows<double> rows;
  Model<double> model(Json::parse(kSpec), 3);
  Optimizer<double> optimizer = model.make_optimizer({.update = AdamOptions{}});
  const std::vector<double> before = weights_of(model);
  const auto fail = [](GradientSum<double>&) { throw std::runtime_error("the other machine is gone"); };
  const GradientHook<double> hook = fail;
  CHECK_THROWS(model.train_step(rows.data(0, 32), cross_entropy(), optimizer, 3, never, &hook),
               std::runtime_error);
  CHECK(weights_of(model) == before);
  CHECK(optimizer.steps() == 0);
  model.train_step(rows.data(0, 32), cross_entropy(), optimizer, 3, never);
  CHECK(weights_of(model) != before);
}

LAMINA_TEST(gradients_stay_while_a_thread_holds_the_right_to_train) {
  const Rows<float> rows;
  Model<float> model(Json::parse(kSpec), 3);
  const auto compute = [&](int64_t first) {
    return model.value_and_gradient(rows.data(first, 16), cross_entropy(), 3, 0, false, never);
  };
  const auto gradients = [&] {
    return std::vector<float>(model.gradients(), model.gradients() + model.network().flat_size());
  };
  compute(0);
  const std::vector<float> alone = gradients();
  int refused = 0;
  const auto compute_elsewhere = [&] {
    std::thread([&] {
      try {
        compute(16);
      } catch (const Error& error) {
        refused += error.kind() == Error::Kind::kState;
      }
    }).join();
  };
  {
    const auto right = model.hold_training();
    compute(0);
    compute_elsewhere();
    CHECK(gradients() == alone);
  }
  CHECK(refused == 1);
  compute_elsewhere();
  CHECK(refused == 1);
  CHECK(gradients() != alone);
}

LAMINA_TEST_MAIN
