// Optimizer updates over flat arrays of weights. Vectors are independent, so any split of an array gives the
// same bits.
#pragma once

#include "kernels/elementwise/update_rules.inl"
#include "kernels/kernel_table.h"

namespace lamina::kernels {
namespace {

// State arrays that a rule leaves alone may be null.
template <class Rule>
LAMINA_INLINE constexpr bool uses_state(int s) {
  if constexpr (requires { Rule::kUses; }) {
    return Rule::kUses[s];
  } else {
    return s < Rule::kStates;
  }
}

// A state that can become infinite and hold its weight for ever without showing in it; -1: none.
template <class Rule>
LAMINA_INLINE constexpr int watched_state() {
  if constexpr (requires { Rule::kWatched; }) {
    return Rule::kWatched;
  } else {
    return -1;
  }
}

// Runs a rule over the arrays; true if every new weight and watched state is finite (x - x is NaN for the
// others).
template <class T, class Rule>
LAMINA_INLINE bool run_update(Update<T> job, const Rule& rule) {
  Vec<T> not_finite = zero<T>();
  const int64_t width = job.factors != nullptr ? job.width : job.n;
  for (int64_t first = 0, row = 0; first < job.n; first += width, ++row) {
    const Vec<T> factor = broadcast<T>(job.factors != nullptr ? job.factors[row] : T(1));
    for (int64_t j = 0; j < width; j += Vec<T>::kLanes) {
      const int64_t i = first + j;
      const Vec<T> old = load(job.weights + i);
      StateVectors<T> state;
      for (int s = 0; s < Rule::kStates; ++s) {
        if (uses_state<Rule>(s)) state.v[s] = load(job.state[s] + i);
      }
      Vec<T> gradient = load(job.gradients + j);
      // As the product over one row has it.
      if (job.factors != nullptr) gradient = fma(factor, gradient, zero<T>());
      const Vec<T> updated = rule(old, gradient, state);
      if (job.backup != nullptr) store(job.backup + i, old);
      for (int s = 0; s < Rule::kStates; ++s) {
        if (uses_state<Rule>(s)) store(job.state[s] + i, state.v[s]);
      }
      store(job.weights + i, updated);
      // One addition a vector in the chain: two would take as long as the rule.
      Vec<T> difference = updated - updated;
      if constexpr (constexpr int s = watched_state<Rule>(); s >= 0) {
        difference = difference + (state.v[s] - state.v[s]);
      }
      not_finite = not_finite + difference;
    }
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
  const bool decays = c[1] != T(0) || c[3] != T(0);
  if (c[2] == T(0)) {
    return decays ? run_update(job, SgdRule<T, true, false, false>(c))
                  : run_update(job, SgdRule<T, false, false, false>(c));
  }
  const bool nesterov = c[4] != T(0);
  if (c[5] != T(0)) {
    return nesterov ? run_update(job, SgdRule<T, true, true, true, true>(c))
                    : run_update(job, SgdRule<T, true, true, false, true>(c));
  }
  return nesterov ? run_update(job, SgdRule<T, true, true, true>(c))
                  : run_update(job, SgdRule<T, true, true, false>(c));
}

template <class T>
bool adam_update(const Update<T>& job) noexcept {
  const T* c = job.coefficients;
  const bool decays = c[5] != T(0) || c[6] != T(0), is_long = c[1] <= T(0.5) && c[2] <= T(0.5);
  if (decays) {
    return is_long ? run_update(job, AdamRule<T, true, true>(c))
                   : run_update(job, AdamRule<T, true, false>(c));
  }
  return is_long ? run_update(job, AdamRule<T, false, true>(c))
                 : run_update(job, AdamRule<T, false, false>(c));
}

template <class T>
bool rmsprop_update(const Update<T>& job) noexcept {
  const T* c = job.coefficients;
  const bool momentum = c[5] > T(0), centered = c[6] != T(0);
  if (momentum && centered) return run_update(job, RmspropRule<T, true, true>(c));
  if (momentum) return run_update(job, RmspropRule<T, true, false>(c));
  if (centered) return run_update(job, RmspropRule<T, false, true>(c));
  return run_update(job, RmspropRule<T, false, false>(c));
}

template <class T>
bool radam_update(const Update<T>& job) noexcept {
  const T* c = job.coefficients;
  return c[7] != T(0) ? run_update(job, RadamRule<T, true>(c)) : run_update(job, RadamRule<T, false>(c));
}

template <class T>
constexpr void enter_updates(KernelTable<T>& table) {
  const auto enter = [&table](UpdateRule rule, bool (*function)(const Update<T>&) noexcept) {
    table.update[static_cast<int>(rule)] = function;
  };
  enter(UpdateRule::kSgd, &sgd_update<T>);
  enter(UpdateRule::kAdam, &adam_update<T>);
  enter(UpdateRule::kAdagrad, &update<T, AdagradRule<T>>);
  enter(UpdateRule::kAdadelta, &update<T, AdadeltaRule<T>>);
  enter(UpdateRule::kRmsprop, &rmsprop_update<T>);
  enter(UpdateRule::kAmsgrad, &update<T, AmsgradRule<T>>);
  enter(UpdateRule::kAdamax, &update<T, AdamaxRule<T>>);
  enter(UpdateRule::kNadam, &update<T, NadamRule<T>>);
  enter(UpdateRule::kRadam, &radam_update<T>);
  enter(UpdateRule::kLion, &update<T, LionRule<T>>);
  enter(UpdateRule::kRprop, &update<T, RpropRule<T>>);
}

}  // namespace
}  // namespace lamina::kernels
