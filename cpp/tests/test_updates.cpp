// Optimizer updates of every instruction set against the reference: states, backup, the finite flag.
#include <algorithm>

#include "kernel_support.h"
#include "reference/elementwise.h"

namespace {

using namespace lamina::test;
using lamina::kernels::KernelTable;
using lamina::kernels::Update;
using lamina::kernels::UpdateRule;

struct Entry {
  UpdateRule rule;
  const char* name;
  std::vector<double> coefficients;
  int states;
};

std::vector<Entry> entries() {
  return {
      {UpdateRule::kSgd, "sgd", {0.1, 0, 0, 0, 0}, 0},
      {UpdateRule::kSgd, "sgd with both decays", {0.1, 0.01, 0, 0.02, 0}, 0},
      {UpdateRule::kSgd, "momentum", {0.1, 0.01, 0.9, 0, 0, 0}, 1},
      {UpdateRule::kSgd, "Nesterov", {0.1, 0.01, 0.9, 0.02, 1, 0}, 1},
      {UpdateRule::kSgd, "momentum, rate in velocity", {0.1, 0.01, 0.9, 0, 0, 1}, 1},
      {UpdateRule::kSgd, "Nesterov, rate in velocity", {0.1, 0.01, 0.9, 0.02, 1, 1}, 1},
      {UpdateRule::kAdam, "Adam", {0.01, 0.1, 0.001, 3.2, 1e-8, 0, 0}, 2},
      {UpdateRule::kAdam, "Adam with both decays", {0.01, 0.1, 0.001, 3.2, 1e-8, 0.1, 0.02}, 2},
      {UpdateRule::kAdam, "Adam of short memory", {0.01, 0.9, 0.7, 1.2, 1e-8, 0, 0}, 2},
      {UpdateRule::kAdam, "AdamW of short memory", {0.01, 1, 1, 1, 1e-8, 0, 0.02}, 2},
      {UpdateRule::kAmsgrad, "AMSGrad", {0.01, 0.1, 0.1, 3.2, 1e-8, 0.1, 0.02}, 3},
      {UpdateRule::kAdagrad, "Adagrad", {0.05, 0.01, 0.02, 1e-10, 0.1}, 1},
      {UpdateRule::kAdadelta, "Adadelta", {1, 0.01, 0.02, 0.1, 1e-6}, 2},
      {UpdateRule::kRmsprop, "RMSprop", {0.01, 0.01, 0.02, 0.01, 1e-8, 0, 0}, 1},
      {UpdateRule::kRmsprop, "RMSprop with momentum", {0.01, 0, 0, 0.1, 1e-8, 0.9, 0}, 2},
      {UpdateRule::kRmsprop, "centered RMSprop", {0.01, 0, 0, 0.1, 1e-2, 0.9, 1}, 3},
      {UpdateRule::kAdamax, "Adamax", {0.02, 0.01, 0.02, 0.1, 0.999, 1e-8}, 2},
      {UpdateRule::kNadam, "NAdam", {0.01, 0.01, 0.02, 0.1, 0.001, 3.2, 1e-8, 0.03}, 2},
      {UpdateRule::kRadam, "RAdam at first", {0.01, 0.01, 0.02, 0.1, 0.001, 0, 1e-8, 0}, 2},
      {UpdateRule::kRadam, "rectified RAdam", {0.01, 0.01, 0.02, 0.1, 0.001, 0, 1e-8, 1}, 2},
      {UpdateRule::kLion, "Lion", {0.001, 0.01, 0.02, 0.1, 0.01}, 1},
      {UpdateRule::kRprop, "Rprop", {0.01, 0, 0, 0.5, 1.2, 1e-6, 50, 0.5}, 2},
  };
}

constexpr int64_t kCount = 1008;  // a multiple of 64 bytes, with every vector's tail of the loop

template <class T>
struct Case {
  explicit Case(const Entry& entry)
      : weights(kCount),
        gradients(kCount),
        state{Aligned<T>(kCount), Aligned<T>(kCount), Aligned<T>(kCount)},
        backup(kCount, T(77)),
        coefficients(entry.coefficients.begin(), entry.coefficients.end()) {
    Uniform uniform(3);
    uniform.fill(weights, -2, 2);
    uniform.fill(gradients, -1, 1);
    coefficients.resize(lamina::kernels::kMaxCoefficients);
    for (int s = 0; s < 3; ++s) states[s] = s < entry.states ? state[s].data() : nullptr;
  }
  Update<T> job(bool with_backup) {
    return {kCount,
            weights.data(),
            gradients.data(),
            {states[0], states[1], states[2]},
            with_backup ? backup.data() : nullptr,
            coefficients.data()};
  }
  Aligned<T> weights, gradients, state[3], backup;
  T* states[3];
  std::vector<T> coefficients;
};

// Three steps, so that the states count, the second with the gradients' signs turned; a few roundings each.
LAMINA_TEST(three_steps_of_every_rule_equal_the_reference) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : entries()) {
      Case<T> c(entry);
      const Aligned<T> start(c.weights);
      Aligned<T> old(start);
      for (int step = 0; step < 3; ++step) {
        CHECK(table.update[static_cast<int>(entry.rule)](c.job(false)));
        for (int64_t i = 0; i < kCount; ++i) c.gradients[i] = -c.gradients[i];
      }
      const double tolerance = 30 * static_cast<double>(std::numeric_limits<T>::epsilon());
      const std::vector<double> coefficients(c.coefficients.begin(), c.coefficients.end());
      for (int64_t i = 0; i < kCount; ++i) {
        double state[3] = {0, 0, 0};
        double w = static_cast<double>(old[i]);
        for (int step = 0; step < 3; ++step) {
          const double g = static_cast<double>(c.gradients[i]) * (step == 1 ? 1 : -1);
          w = lamina::reference::update(entry.rule, coefficients, w, g, state);
        }
        CHECK_NEAR(c.weights[i], w, tolerance * std::max(1.0, std::fabs(w)));
        for (int s = 0; s < entry.states; ++s) {
          CHECK_NEAR(c.state[s][i], state[s], tolerance * std::max(1.0, std::fabs(state[s])));
        }
      }
    }
  });
}

// From weights of 0 the step itself shows its roundings: a quotient that was not corrected would be 1e-4 off.
LAMINA_TEST(a_step_from_zero_is_right_to_a_few_roundings) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : entries()) {
      Case<T> c(entry);
      c.coefficients[0] = T(1);
      for (int64_t i = 0; i < kCount; ++i) c.weights[i] = T(0);
      CHECK(table.update[static_cast<int>(entry.rule)](c.job(false)));
      const std::vector<double> coefficients(c.coefficients.begin(), c.coefficients.end());
      for (int64_t i = 0; i < kCount; ++i) {
        double state[3] = {0, 0, 0};
        const double w = lamina::reference::update(entry.rule, coefficients, 0.0,
                                                   static_cast<double>(c.gradients[i]), state);
        CHECK_NEAR(c.weights[i], w,
                   6 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::fabs(w));
      }
    }
  });
}

LAMINA_TEST(the_old_weights_stand_in_the_backup) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : entries()) {
      Case<T> c(entry);
      Aligned<T> old(c.weights);
      table.update[static_cast<int>(entry.rule)](c.job(true));
      for (int64_t i = 0; i < kCount; ++i) CHECK(c.backup[i] == old[i]);
      CHECK(c.weights[0] != old[0]);
    }
  });
}

// A gradient of half the largest number is finite; its square is not.
LAMINA_TEST(a_weight_or_state_that_is_not_finite_is_reported_wherever_it_stands) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : entries()) {
      using Limits = std::numeric_limits<T>;
      for (const T bad : {Limits::infinity(), Limits::quiet_NaN(), Limits::max() / 2}) {
        for (const int64_t where : {int64_t{0}, int64_t{5}, kCount - 1}) {
          Case<T> c(entry);
          c.gradients[where] = bad;
          const bool finite = table.update[static_cast<int>(entry.rule)](c.job(false));
          bool expected = std::isfinite(c.weights[where]);
          // Rprop's last gradient and Adamax' norm hold no weight.
          const bool watched = entry.rule != UpdateRule::kRprop && entry.rule != UpdateRule::kAdamax;
          for (int s = 0; s < entry.states && watched; ++s)
            expected = expected && std::isfinite(c.state[s][where]);
          CHECK(finite == expected);
          if (std::isfinite(bad)) continue;
          Case<T> d(entry);
          d.weights[where] = bad;
          CHECK(!table.update[static_cast<int>(entry.rule)](d.job(false)));
        }
      }
    }
  });
}

LAMINA_TEST(a_piece_of_the_array_gets_the_same_bits_as_the_whole) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : entries()) {
      Case<T> whole(entry), pieces(entry);
      table.update[static_cast<int>(entry.rule)](whole.job(false));
      for (int64_t first = 0; first < kCount; first += 112) {
        Update<T> job = pieces.job(false);
        job.n = 112;
        job.weights += first;
        job.gradients += first;
        for (T*& state : job.state) {
          if (state != nullptr) state += first;
        }
        table.update[static_cast<int>(entry.rule)](job);
      }
      for (int64_t i = 0; i < kCount; ++i) CHECK(whole.weights[i] == pieces.weights[i]);
    }
  });
}

// As the product over a batch of one row would have written it.
LAMINA_TEST(an_outer_product_gives_the_bits_of_its_written_gradient) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    constexpr int64_t kWidth = 16, kRows = kCount / kWidth;
    for (const Entry& entry : entries()) {
      Case<T> written(entry), outer(entry);
      Aligned<T> factors(kRows);
      Uniform(5).fill(factors, -3, 3);
      for (int64_t i = 0; i < kRows * kWidth; ++i)
        written.gradients[i] = factors[i / kWidth] * outer.gradients[i % kWidth];
      Update<T> whole = written.job(true), job = outer.job(true);
      whole.n = job.n = kRows * kWidth;
      job.factors = factors.data();
      job.width = kWidth;
      CHECK(table.update[static_cast<int>(entry.rule)](whole));
      CHECK(table.update[static_cast<int>(entry.rule)](job));
      for (int64_t i = 0; i < kCount; ++i) {
        CHECK(written.weights[i] == outer.weights[i]);
        CHECK(written.backup[i] == outer.backup[i]);
        for (int s = 0; s < entry.states; ++s) CHECK(written.state[s][i] == outer.state[s][i]);
      }
    }
  });
}

}  // namespace

LAMINA_TEST_MAIN
