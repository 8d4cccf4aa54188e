// One functor for each loss of catalogue.h that is a sum over elements.
//
// A functor is built from the parameters; operator() gives the loss and dloss/dy of y against t.
#pragma once

#include "kernels/simd/math.inl"

namespace lamina::kernels {
namespace {

template <class T>
struct MeanSquaredErrorLoss {
  explicit LAMINA_INLINE MeanSquaredErrorLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> difference = y - t;
    derivative = difference + difference;
    return difference * difference;
  }
};

template <class T>
struct MeanAbsoluteErrorLoss {
  explicit LAMINA_INLINE MeanAbsoluteErrorLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    derivative = sign(y - t);
    return abs(y - t);
  }
};

template <class T>
struct BinaryCrossEntropyLoss {
  explicit LAMINA_INLINE BinaryCrossEntropyLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> one = broadcast<T>(T(1));
    const Vec<T> lowest = broadcast<T>(T(-100));
    const Vec<T> log_y = max(lowest, log(y));
    const Vec<T> log_rest = max(lowest, log1p(-y));
    derivative = (y - t) / max(broadcast<T>(T(1e-12)), (one - y) * y);
    return -fma(t, log_y, (one - t) * log_rest);
  }
};

template <class T>
struct BinaryCrossEntropyWithLogitsLoss {
  Vec<T> kept, added, positive;
  explicit LAMINA_INLINE BinaryCrossEntropyWithLogitsLoss(const T* parameters)
      : kept(broadcast<T>(T(1) - parameters[0])),
        added(broadcast<T>(parameters[0] / T(2))),
        positive(broadcast<T>(parameters[1])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> z, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> target = fma(t, kept, added);
    const Vec<T> e = exp_nonpositive(minus_abs(z));
    const Vec<T> weighted = target * positive;
    const Vec<T> both = fma(target, positive, broadcast<T>(T(1)) - target);
    derivative = fma(both, sigmoid_from(z, e), -weighted);
    return fma(both, log1p_unit(e), fnma(z, weighted, both * max(zero<T>(), z)));
  }
};

// Cross-entropy of probabilities: loss -sum t log(y), the logarithm clamped at the smallest normal number.
template <class T>
struct CrossEntropyLoss {
  explicit LAMINA_INLINE CrossEntropyLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> limited = max(broadcast<T>(Coefficients<T>::kSmallestNormal), y);
    derivative = -t / limited;
    return -t * log(limited);
  }
};

template <class T>
struct HuberLoss {
  Vec<T> delta;
  explicit LAMINA_INLINE HuberLoss(const T* parameters) : delta(broadcast<T>(parameters[0])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> difference = y - t;
    // d^2 / 2 with the part of |d| beyond delta counted linearly.
    const Vec<T> within = min(delta, abs(difference));
    derivative = copysign(within, difference);
    return within * (abs(difference) - within * broadcast<T>(T(0.5)));
  }
};

// Near 0, where |d| + log((1 + exp(-2 |d|)) / 2) is a difference of like numbers, log(1 + m^2 / (2 (1 + m)))
// with m = exp(-|d|) - 1 stands in.
template <class T>
struct LogCoshLoss {
  explicit LAMINA_INLINE LogCoshLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> difference = y - t, magnitude = abs(difference);
    const Vec<T> one = broadcast<T>(T(1)), half = broadcast<T>(T(0.5));
    const Vec<T> m = expm1_nonpositive(-min(one, magnitude));
    const Vec<T> near = log1p(m * m * half / (one + m));
    const Vec<T> far =
        magnitude - broadcast<T>(kLn2<T>) + log1p_unit(exp_nonpositive(-(magnitude + magnitude)));
    derivative = tanh(difference);
    return select(lt(magnitude, one), near, far);
  }
};

template <class T>
struct QuantileLoss {
  Vec<T> level;
  explicit LAMINA_INLINE QuantileLoss(const T* parameters) : level(broadcast<T>(parameters[0])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> excess = y - t, over = broadcast<T>(T(1)) - level;
    derivative = select(gt(excess, zero<T>()), over, select(lt(excess, zero<T>()), -level, excess));
    return excess * derivative;
  }
};

template <class T>
struct PoissonLogLoss {
  explicit LAMINA_INLINE PoissonLogLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> rate = exp(y);
    derivative = rate - t;
    return fnma(t, y, rate);
  }
};

template <class T>
struct PoissonRateLoss {
  explicit LAMINA_INLINE PoissonRateLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> shifted = y + broadcast<T>(T(1e-8));
    derivative = broadcast<T>(T(1)) - t / shifted;
    return fnma(t, log(shifted), y);
  }
};

template <class T>
struct GammaLogLoss {
  explicit LAMINA_INLINE GammaLogLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> ratio = t * exp(-y);
    derivative = broadcast<T>(T(1)) - ratio;
    return ratio + y;
  }
};

template <class T>
struct TweedieLogLoss {
  Vec<T> over, under;  // 2 - p, 1 - p
  explicit LAMINA_INLINE TweedieLogLoss(const T* parameters)
      : over(broadcast<T>(T(2) - parameters[0])), under(broadcast<T>(T(1) - parameters[0])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> mean = exp(over * y);
    // A target of 0 has no such part, even where the power is infinite.
    const Vec<T> target = select(gt(t, zero<T>()), t * exp(under * y), zero<T>());
    derivative = mean - target;
    return mean / over - target / under;
  }
};

// q^gamma b and its derivative with respect to b, q = 1 - exp(-b), for b >= 0 and gamma >= 0.
template <class T>
LAMINA_INLINE Vec<T> focal_term(Vec<T> b, Vec<T> gamma, Vec<T>& slope) {
  const Vec<T> one = broadcast<T>(T(1));
  const Vec<T> q = max(broadcast<T>(Coefficients<T>::kSmallestNormal), -expm1_nonpositive(-b));
  const Vec<T> power = exp(gamma * log(q));
  slope = power * fma(gamma * b / q, one - q, one);
  return power * b;
}

template <class T>
struct BinaryFocalWithLogitsLoss {
  Vec<T> gamma;
  explicit LAMINA_INLINE BinaryFocalWithLogitsLoss(const T* parameters)
      : gamma(broadcast<T>(parameters[0])) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> z, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> e = exp_nonpositive(minus_abs(z));
    const Vec<T> b = fnma(z, t, max(zero<T>(), z)) + log1p_unit(e);
    Vec<T> slope;
    const Vec<T> loss = focal_term(b, gamma, slope);
    derivative = slope * (sigmoid_from(z, e) - t);
    return loss;
  }
};

template <class T>
struct HingeLoss {
  explicit LAMINA_INLINE HingeLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> margin = fnma(t, y, broadcast<T>(T(1)));
    derivative = select(gt(margin, zero<T>()), -t, zero<T>());
    return max(zero<T>(), margin);
  }
};

template <class T>
struct SquaredHingeLoss {
  explicit LAMINA_INLINE SquaredHingeLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> margin = max(zero<T>(), fnma(t, y, broadcast<T>(T(1))));
    derivative = broadcast<T>(T(-2)) * t * margin;
    return margin * margin;
  }
};

// t log(t), 0 at 0.
template <class T>
LAMINA_INLINE Vec<T> t_log_t(Vec<T> t) {
  return t * log(max(broadcast<T>(Coefficients<T>::kSmallestNormal), t));
}

template <class T>
struct KlDivergenceLoss {
  explicit LAMINA_INLINE KlDivergenceLoss(const T*) {}
  LAMINA_INLINE Vec<T> operator()(Vec<T> y, Vec<T> t, Vec<T>& derivative) const {
    const Vec<T> limited = max(broadcast<T>(Coefficients<T>::kSmallestNormal), y);
    derivative = -t / limited;
    return t_log_t(t) - t * log(limited);
  }
};

}  // namespace
}  // namespace lamina::kernels
