// Optimizer updates over flat arrays of weights; square roots and divisions are exact.
//
// A rule is built from the step's coefficients; operator() reads and writes the state of one vector of
// weights and returns the new weights. Vectors are independent, so any split of an array gives the same bits.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/simd_base.h"

namespace lamina::kernels {
namespace {

template <class T>
struct StateVectors {
  Vec<T> v[3];
};

template <class T, bool kMomentum, bool kNesterov>
struct SgdRule {
  static constexpr int kStates = kMomentum ? 1 : 0;
  Vec<T> rate, decay, momentum, shrink;
  explicit LAMINA_INLINE SgdRule(const T* c)
      : rate(broadcast<T>(c[0])),
        decay(broadcast<T>(c[1])),
        momentum(broadcast<T>(c[2])),
        shrink(broadcast<T>(T(1) - c[3])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    w = w * shrink;
    g = fma(decay, w, g);
    if constexpr (kMomentum) {
      const Vec<T> velocity = fma(momentum, state.v[0], g);
      state.v[0] = velocity;
      g = kNesterov ? fma(momentum, velocity, g) : velocity;
    }
    return fnma(rate, g, w);
  }
};

template <class T>
struct AdamRule {
  static constexpr int kStates = 2;
  Vec<T> rate, beta1, beta2, root_scale, epsilon, decay, shrink, rest1, rest2;
  explicit LAMINA_INLINE AdamRule(const T* c)
      : rate(broadcast<T>(c[0])),
        beta1(broadcast<T>(c[1])),
        beta2(broadcast<T>(c[2])),
        root_scale(broadcast<T>(c[3])),
        epsilon(broadcast<T>(c[4])),
        decay(broadcast<T>(c[5])),
        shrink(broadcast<T>(T(1) - c[6])),
        rest1(broadcast<T>(c[7])),
        rest2(broadcast<T>(c[8])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    w = w * shrink;
    g = fma(decay, w, g);
    const Vec<T> m = fma(beta1, state.v[0], rest1 * g);
    const Vec<T> v = fma(beta2, state.v[1], rest2 * (g * g));
    state.v[0] = m;
    state.v[1] = v;
    return fnma(rate, m / fma(sqrt(v), root_scale, epsilon), w);
  }
};

// Runs a rule over the arrays; true if every new weight is finite (x * 0 is NaN for the others).
template <class T, class Rule>
LAMINA_INLINE bool run_update(const Update<T>& job, const Rule& rule) {
  Vec<T> not_finite = zero<T>();
  for (int64_t i = 0; i < job.n; i += Vec<T>::kLanes) {
    const Vec<T> old = load(job.weights + i);
    StateVectors<T> state;
    for (int s = 0; s < Rule::kStates; ++s) state.v[s] = load(job.state[s] + i);
    const Vec<T> updated = rule(old, load(job.gradients + i), state);
    if (job.backup != nullptr) store(job.backup + i, old);
    for (int s = 0; s < Rule::kStates; ++s) store(job.state[s] + i, state.v[s]);
    store(job.weights + i, updated);
    not_finite = fma(updated, zero<T>(), not_finite);
  }
  return !any(is_nan(not_finite));
}

template <class T, class Rule>
bool update(const Update<T>& job) noexcept {
  return run_update(job, Rule(job.coefficients));
}

template <class T>
bool sgd_update(const Update<T>& job) noexcept {
  const T* c = job.coefficients;
  if (c[2] == T(0)) return run_update(job, SgdRule<T, false, false>(c));
  if (c[4] == T(0)) return run_update(job, SgdRule<T, true, false>(c));
  return run_update(job, SgdRule<T, true, true>(c));
}

template <class T>
constexpr void enter_updates(KernelTable<T>& table) {
  table.update[static_cast<int>(UpdateRule::kSgd)] = &sgd_update<T>;
  table.update[static_cast<int>(UpdateRule::kAdam)] = &update<T, AdamRule<T>>;
}

}  // namespace
}  // namespace lamina::kernels
