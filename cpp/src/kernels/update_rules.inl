// One functor for each update rule of catalogue.h; square roots and divisions are exact.
//
// A rule is built from the step's coefficients; operator() reads and writes the state of one vector of
// weights and returns the new weights.
#pragma once

#include "kernels/math.inl"

namespace lamina::kernels {
namespace {

template <class T>
struct StateVectors {
  Vec<T> v[3];
};

// Without kDecay neither decay costs an operation.
template <class T, bool kDecay, bool kMomentum, bool kNesterov>
struct SgdRule {
  static constexpr int kStates = kMomentum ? 1 : 0;
  Vec<T> rate, decay, momentum, shrink;
  explicit LAMINA_INLINE SgdRule(const T* c)
      : rate(broadcast<T>(c[0])),
        decay(broadcast<T>(c[1])),
        momentum(broadcast<T>(c[2])),
        shrink(broadcast<T>(T(1) - c[3])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    if constexpr (kDecay) {
      w = w * shrink;
      g = fma(decay, w, g);
    }
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
    advance(fma(decay, w, g), state);
    return moved(w, state.v[0], state.v[1]);
  }
  LAMINA_INLINE void advance(Vec<T> g, StateVectors<T>& state) const {
    state.v[0] = fma(beta1, state.v[0], rest1 * g);
    state.v[1] = fma(beta2, state.v[1], rest2 * (g * g));
  }
  LAMINA_INLINE Vec<T> moved(Vec<T> w, Vec<T> m, Vec<T> v) const {
    return fnma(rate, m / fma(sqrt(v), root_scale, epsilon), w);
  }
};

// The largest second moment so far divides instead of the present one.
template <class T>
struct AmsgradRule {
  static constexpr int kStates = 3;
  AdamRule<T> adam;
  explicit LAMINA_INLINE AmsgradRule(const T* c) : adam(c) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    w = w * adam.shrink;
    adam.advance(fma(adam.decay, w, g), state);
    state.v[2] = max(state.v[2], state.v[1]);
    return adam.moved(w, state.v[0], state.v[2]);
  }
};

// Both decays, which the rules below share.
template <class T>
struct Decays {
  Vec<T> coupled, shrink;
  explicit LAMINA_INLINE Decays(const T* c)
      : coupled(broadcast<T>(c[1])), shrink(broadcast<T>(T(1) - c[2])) {}
  LAMINA_INLINE void apply(Vec<T>& w, Vec<T>& g) const {
    w = w * shrink;
    g = fma(coupled, w, g);
  }
};

template <class T>
struct AdagradRule {
  static constexpr int kStates = 1;
  Decays<T> decays;
  Vec<T> rate, epsilon, initial;
  explicit LAMINA_INLINE AdagradRule(const T* c)
      : decays(c), rate(broadcast<T>(c[0])), epsilon(broadcast<T>(c[3])), initial(broadcast<T>(c[4])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    state.v[0] = fma(g, g, state.v[0]);
    return fnma(rate, g / (sqrt(state.v[0] + initial) + epsilon), w);
  }
};

template <class T>
struct AdadeltaRule {
  static constexpr int kStates = 2;
  Decays<T> decays;
  Vec<T> rate, rho, epsilon, rest;
  explicit LAMINA_INLINE AdadeltaRule(const T* c)
      : decays(c),
        rate(broadcast<T>(c[0])),
        rho(broadcast<T>(c[3])),
        epsilon(broadcast<T>(c[4])),
        rest(broadcast<T>(c[5])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    const Vec<T> square = fma(rho, state.v[0], rest * (g * g));
    const Vec<T> step = sqrt(state.v[1] + epsilon) / sqrt(square + epsilon) * g;
    state.v[0] = square;
    state.v[1] = fma(rho, state.v[1], rest * (step * step));
    return fnma(rate, step, w);
  }
};

template <class T, bool kMomentum, bool kCentered>
struct RmspropRule {
  static constexpr int kStates = 3;
  static constexpr bool kUses[3] = {true, kMomentum, kCentered};
  Decays<T> decays;
  Vec<T> rate, alpha, epsilon, momentum, rest;
  explicit LAMINA_INLINE RmspropRule(const T* c)
      : decays(c),
        rate(broadcast<T>(c[0])),
        alpha(broadcast<T>(c[3])),
        epsilon(broadcast<T>(c[4])),
        momentum(broadcast<T>(c[5])),
        rest(broadcast<T>(c[7])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    Vec<T> square = fma(alpha, state.v[0], rest * (g * g));
    state.v[0] = square;
    if constexpr (kCentered) {
      state.v[2] = fma(rest, g - state.v[2], state.v[2]);
      square = max(zero<T>(), fnma(state.v[2], state.v[2], square));
    }
    Vec<T> step = g / (sqrt(square) + epsilon);
    if constexpr (kMomentum) {
      step = fma(momentum, state.v[1], step);
      state.v[1] = step;
    }
    return fnma(rate, step, w);
  }
};

template <class T>
struct AdamaxRule {
  static constexpr int kStates = 2;
  Decays<T> decays;
  Vec<T> rate, beta1, beta2, epsilon, rest1;
  explicit LAMINA_INLINE AdamaxRule(const T* c)
      : decays(c),
        rate(broadcast<T>(c[0])),
        beta1(broadcast<T>(c[3])),
        beta2(broadcast<T>(c[4])),
        epsilon(broadcast<T>(c[6])),
        rest1(broadcast<T>(c[8])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    state.v[0] = fma(beta1, state.v[0], rest1 * g);
    state.v[1] = max(beta2 * state.v[1], abs(g) + epsilon);
    return fnma(rate, state.v[0] / state.v[1], w);
  }
};

template <class T>
struct NadamRule {
  static constexpr int kStates = 2;
  Decays<T> decays;
  Vec<T> gradient_rate, moment_rate, beta1, beta2, root_scale, epsilon, rest1, rest2;
  explicit LAMINA_INLINE NadamRule(const T* c)
      : decays(c),
        gradient_rate(broadcast<T>(c[0])),
        moment_rate(broadcast<T>(c[7])),
        beta1(broadcast<T>(c[3])),
        beta2(broadcast<T>(c[4])),
        root_scale(broadcast<T>(c[5])),
        epsilon(broadcast<T>(c[6])),
        rest1(broadcast<T>(c[8])),
        rest2(broadcast<T>(c[9])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    state.v[0] = fma(beta1, state.v[0], rest1 * g);
    state.v[1] = fma(beta2, state.v[1], rest2 * (g * g));
    const Vec<T> step = fma(moment_rate, state.v[0], gradient_rate * g);
    return w - step / fma(sqrt(state.v[1]), root_scale, epsilon);
  }
};

template <class T, bool kRectified>
struct RadamRule {
  static constexpr int kStates = 2;
  Decays<T> decays;
  Vec<T> rate, beta1, beta2, epsilon, rest1, rest2;
  explicit LAMINA_INLINE RadamRule(const T* c)
      : decays(c),
        rate(broadcast<T>(c[0])),
        beta1(broadcast<T>(c[3])),
        beta2(broadcast<T>(c[4])),
        epsilon(broadcast<T>(c[6])),
        rest1(broadcast<T>(c[8])),
        rest2(broadcast<T>(c[9])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    state.v[0] = fma(beta1, state.v[0], rest1 * g);
    state.v[1] = fma(beta2, state.v[1], rest2 * (g * g));
    const Vec<T> step = kRectified ? state.v[0] / (sqrt(state.v[1]) + epsilon) : state.v[0];
    return fnma(rate, step, w);
  }
};

template <class T>
struct LionRule {
  static constexpr int kStates = 1;
  Decays<T> decays;
  Vec<T> rate, beta1, beta2, rest1, rest2;
  explicit LAMINA_INLINE LionRule(const T* c)
      : decays(c),
        rate(broadcast<T>(c[0])),
        beta1(broadcast<T>(c[3])),
        beta2(broadcast<T>(c[4])),
        rest1(broadcast<T>(c[8])),
        rest2(broadcast<T>(c[9])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    const Vec<T> direction = sign(fma(beta1, state.v[0], rest1 * g));
    state.v[0] = fma(beta2, state.v[0], rest2 * g);
    return fnma(rate, direction, w);
  }
};

template <class T>
struct RpropRule {
  static constexpr int kStates = 2;
  Decays<T> decays;
  Vec<T> first, shrink, grow, smallest, largest, factor_of_layer;
  explicit LAMINA_INLINE RpropRule(const T* c)
      : decays(c),
        first(broadcast<T>(c[0])),
        shrink(broadcast<T>(c[3])),
        grow(broadcast<T>(c[4])),
        smallest(broadcast<T>(c[5])),
        largest(broadcast<T>(c[6])),
        factor_of_layer(broadcast<T>(c[7])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    const Vec<T> agreement = sign(g) * sign(state.v[0]);
    const Mask<T> turned = lt(agreement, zero<T>());
    const Vec<T> factor = select(turned, shrink, select(gt(agreement, zero<T>()), grow, broadcast<T>(T(1))));
    // No step size yet: this is the first step.
    const Vec<T> before = select(gt(state.v[1], zero<T>()), state.v[1], first);
    const Vec<T> step = min(largest, max(smallest, before * factor));
    const Vec<T> used = select(turned, zero<T>(), g);
    state.v[0] = used;
    state.v[1] = step;
    return fnma(sign(used), step * factor_of_layer, w);
  }
};

}  // namespace
}  // namespace lamina::kernels
