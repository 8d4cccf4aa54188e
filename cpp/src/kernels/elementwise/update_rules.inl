// One functor for each update rule of catalogue.h; square roots are exact, quotients right to one ulp.
//
// A rule is built from the step's coefficients; operator() reads and writes the state of one vector of
// weights and returns the new weights.
#pragma once

#include "kernels/simd/math.inl"

namespace lamina::kernels {
namespace {

template <class T>
struct StateVectors {
  Vec<T> v[3];
};

// A running mean, of which each new value makes up the share `rest`. Where that is at most a half (kLong) a
// difference loses nothing and costs one multiplication less.
template <class T, bool kLong = false>
struct RunningMean {
  Vec<T> rest, keep;
  explicit LAMINA_INLINE RunningMean(T share) : rest(broadcast<T>(share)), keep(broadcast<T>(T(1) - share)) {}
  LAMINA_INLINE void add(Vec<T>& mean, Vec<T> value) const {
    mean = kLong ? fma(rest, value - mean, mean) : fma(keep, mean, rest * value);
  }
  LAMINA_INLINE void add_square(Vec<T>& mean, Vec<T> root) const {
    mean = kLong ? fnma(rest, fnma(root, root, mean), mean) : fma(keep, mean, rest * (root * root));
  }
};

// Without kDecay neither decay costs an operation.
template <class T, bool kDecay, bool kMomentum, bool kNesterov, bool kRateInVelocity = false>
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
    if constexpr (kRateInVelocity) g = rate * g;
    if constexpr (kMomentum) {
      const Vec<T> velocity = fma(momentum, state.v[0], g);
      state.v[0] = velocity;
      g = kNesterov ? fma(momentum, velocity, g) : velocity;
    }
    return kRateInVelocity ? w - g : fnma(rate, g, w);
  }
};

template <class T, bool kDecay, bool kLong>
struct AdamRule {
  static constexpr int kStates = 2, kWatched = 1;
  RunningMean<T, kLong> mean1, mean2;
  Vec<T> rate, root_scale, epsilon, decay, shrink;
  explicit LAMINA_INLINE AdamRule(const T* c)
      : mean1(c[1]),
        mean2(c[2]),
        rate(broadcast<T>(c[0])),
        root_scale(broadcast<T>(c[3])),
        epsilon(broadcast<T>(c[4])),
        decay(broadcast<T>(c[5])),
        shrink(broadcast<T>(T(1) - c[6])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    advance(w, g, state);
    return moved(w, state.v[0], state.v[1]);
  }
  LAMINA_INLINE void advance(Vec<T>& w, Vec<T> g, StateVectors<T>& state) const {
    if constexpr (kDecay) {
      w = w * shrink;
      g = fma(decay, w, g);
    }
    mean1.add(state.v[0], g);
    mean2.add_square(state.v[1], g);
  }
  LAMINA_INLINE Vec<T> moved(Vec<T> w, Vec<T> m, Vec<T> v) const {
    return fnma(rate, quotient(m, fma(sqrt(v), root_scale, epsilon)), w);
  }
};

// The largest second moment so far divides instead of the present one.
template <class T>
struct AmsgradRule {
  static constexpr int kStates = 3, kWatched = 2;
  AdamRule<T, true, false> adam;
  explicit LAMINA_INLINE AmsgradRule(const T* c) : adam(c) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    adam.advance(w, g, state);
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
  static constexpr int kStates = 1, kWatched = 0;
  Decays<T> decays;
  Vec<T> rate, epsilon, initial;
  explicit LAMINA_INLINE AdagradRule(const T* c)
      : decays(c), rate(broadcast<T>(c[0])), epsilon(broadcast<T>(c[3])), initial(broadcast<T>(c[4])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    state.v[0] = fma(g, g, state.v[0]);
    return fnma(rate, quotient(g, sqrt(state.v[0] + initial) + epsilon), w);
  }
};

template <class T>
struct AdadeltaRule {
  static constexpr int kStates = 2, kWatched = 0;
  Decays<T> decays;
  RunningMean<T> mean;
  Vec<T> rate, epsilon;
  explicit LAMINA_INLINE AdadeltaRule(const T* c)
      : decays(c), mean(c[3]), rate(broadcast<T>(c[0])), epsilon(broadcast<T>(c[4])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    mean.add_square(state.v[0], g);
    const Vec<T> step = quotient(sqrt(state.v[1] + epsilon), sqrt(state.v[0] + epsilon)) * g;
    mean.add_square(state.v[1], step);
    return fnma(rate, step, w);
  }
};

template <class T, bool kMomentum, bool kCentered>
struct RmspropRule {
  static constexpr int kStates = 3, kWatched = 0;
  static constexpr bool kUses[3] = {true, kMomentum, kCentered};
  Decays<T> decays;
  RunningMean<T> mean;
  Vec<T> rate, epsilon, momentum;
  explicit LAMINA_INLINE RmspropRule(const T* c)
      : decays(c),
        mean(c[3]),
        rate(broadcast<T>(c[0])),
        epsilon(broadcast<T>(c[4])),
        momentum(broadcast<T>(c[5])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    mean.add_square(state.v[0], g);
    Vec<T> square = state.v[0];
    if constexpr (kCentered) {
      mean.add(state.v[2], g);
      square = max(zero<T>(), fnma(state.v[2], state.v[2], square));
    }
    Vec<T> step = quotient(g, sqrt(square) + epsilon);
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
  RunningMean<T> mean1;
  Vec<T> rate, beta2, epsilon;
  explicit LAMINA_INLINE AdamaxRule(const T* c)
      : decays(c),
        mean1(c[3]),
        rate(broadcast<T>(c[0])),
        beta2(broadcast<T>(c[4])),
        epsilon(broadcast<T>(c[5])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    mean1.add(state.v[0], g);
    state.v[1] = max(beta2 * state.v[1], abs(g) + epsilon);
    return fnma(rate, quotient(state.v[0], state.v[1]), w);
  }
};

template <class T>
struct NadamRule {
  static constexpr int kStates = 2, kWatched = 1;
  Decays<T> decays;
  RunningMean<T> mean1, mean2;
  Vec<T> gradient_rate, moment_rate, root_scale, epsilon;
  explicit LAMINA_INLINE NadamRule(const T* c)
      : decays(c),
        mean1(c[3]),
        mean2(c[4]),
        gradient_rate(broadcast<T>(c[0])),
        moment_rate(broadcast<T>(c[7])),
        root_scale(broadcast<T>(c[5])),
        epsilon(broadcast<T>(c[6])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    mean1.add(state.v[0], g);
    mean2.add_square(state.v[1], g);
    const Vec<T> step = fma(moment_rate, state.v[0], gradient_rate * g);
    return w - quotient(step, fma(sqrt(state.v[1]), root_scale, epsilon));
  }
};

template <class T, bool kRectified>
struct RadamRule {
  static constexpr int kStates = 2, kWatched = 1;
  Decays<T> decays;
  RunningMean<T> mean1, mean2;
  Vec<T> rate, epsilon;
  explicit LAMINA_INLINE RadamRule(const T* c)
      : decays(c), mean1(c[3]), mean2(c[4]), rate(broadcast<T>(c[0])), epsilon(broadcast<T>(c[6])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    mean1.add(state.v[0], g);
    mean2.add_square(state.v[1], g);
    const Vec<T> step = kRectified ? quotient(state.v[0], sqrt(state.v[1]) + epsilon) : state.v[0];
    return fnma(rate, step, w);
  }
};

template <class T>
struct LionRule {
  static constexpr int kStates = 1, kWatched = 0;
  Decays<T> decays;
  RunningMean<T> mean1, mean2;
  Vec<T> rate;
  explicit LAMINA_INLINE LionRule(const T* c)
      : decays(c), mean1(c[3]), mean2(c[4]), rate(broadcast<T>(c[0])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> w, Vec<T> g, StateVectors<T>& state) const {
    decays.apply(w, g);
    Vec<T> direction = state.v[0];
    mean1.add(direction, g);
    mean2.add(state.v[0], g);
    return fnma(rate, sign(direction), w);
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
