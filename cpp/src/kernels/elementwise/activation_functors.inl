// One functor for each activation of catalogue.h.
//
// A functor has value(z, parameter), and either derivative(y, parameter) from the output y, or
// value_and_derivative(z, parameter, derivative), as stores_derivative() in catalogue.h says.
#pragma once

#include "kernels/simd/math.inl"

namespace lamina::kernels {
namespace {

template <class T>
LAMINA_INLINE Vec<T> clamp(Vec<T> x, T low, T high) {
  return min(broadcast<T>(high), max(broadcast<T>(low), x));
}

// 1 where low < y < high, else 0.
template <class T>
LAMINA_INLINE Vec<T> inside(Vec<T> y, T low, T high) {
  const Mask<T> within = mask_and(gt(y, broadcast<T>(low)), lt(y, broadcast<T>(high)));
  return select(within, broadcast<T>(T(1)), zero<T>());
}

template <class T>
struct Relu {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) { return max(zero<T>(), z); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) {
    return select(gt(y, zero<T>()), broadcast<T>(T(1)), zero<T>());
  }
};

template <class T>
struct LeakyRelu {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T> slope) { return select(gt(z, zero<T>()), z, z * slope); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T> slope) {
    return select(gt(y, zero<T>()), broadcast<T>(T(1)), slope);
  }
};

template <class T>
struct Sigmoid {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) { return sigmoid(z); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) { return fnma(y, y, y); }
};

template <class T>
struct Tanh {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) { return tanh(z); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) { return fnma(y, y, broadcast<T>(T(1))); }
};

template <class T>
struct Softplus {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> e = exp_nonpositive(minus_abs(z));
    derivative = sigmoid_from(z, e);
    return max(zero<T>(), z) + log1p_unit(e);
  }
};

// z Phi(z) = max(z, 0) - |z| Phi(-|z|), which keeps relative accuracy for negative z.
template <class T>
struct Gelu {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> limit = broadcast<T>(Coefficients<T>::kTailLimit);
    const Vec<T> a = min(limit, abs(z));
    Vec<T> ratio, ratio_lost, e, e_lost;
    normal_tail(a, ratio, ratio_lost, e, e_lost);
    const Vec<T> below = e * fnma(a, broadcast<T>(kInverseSqrtTwoPi<T>), ratio + ratio_lost);
    derivative = select(lt(z, zero<T>()), below, broadcast<T>(T(1)) - below);
    // tail = a ratio e, and the difference, each with what roundings took from it.
    const Vec<T> factor = a * ratio;
    const Vec<T> factor_lost = fma(a, ratio_lost, fma(a, ratio, -factor));
    const Vec<T> tail = factor * e;
    const Vec<T> tail_lost = fma(factor, e_lost, fma(factor_lost, e, fma(factor, e, -tail)));
    const Vec<T> positive = max(zero<T>(), z);
    const Vec<T> difference = positive - tail;
    const Vec<T> lost = (positive - difference) - tail;
    return select(gt(z, limit), z, difference + (lost - tail_lost));
  }
};

// c s(x) and s(x), s the sigmoid, given e = exp(-|x|) and q = 1 / (1 + e), x with the sign of c. The quotient
// is corrected once for the roundings of its product, of 1 + e and of the reciprocal.
template <class T>
LAMINA_INLINE Vec<T> times_sigmoid(Vec<T> c, Vec<T> e, Vec<T>& q, Vec<T>& s) {
  const Vec<T> one = broadcast<T>(T(1));
  const Vec<T> sum = one + e;
  q = one / sum;
  const Vec<T> numerator = select(lt(c, zero<T>()), e, one);
  s = numerator * q;
  const Vec<T> product = c * numerator;
  const Vec<T> quotient = product * q;
  const Vec<T> lost = fnma(quotient, e - (sum - one), fma(c, numerator, -product));
  return fma(fnma(quotient, sum, product) + lost, q, quotient);
}

// z s(2u), s the sigmoid, u = sqrt(2 / pi) (z + 0.044715 z^3). Clamped where s is 0 or 1. As exp(2u) needs
// the absolute error of 2u to be small, it is computed in two parts.
template <class T>
struct GeluTanh {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> linear = broadcast<T>(kLinear), cubic = broadcast<T>(kCubic);
    const Vec<T> limit = broadcast<T>(T(24));
    const Vec<T> c = min(limit, max(-limit, z));
    const Vec<T> a = minus_abs(c);
    const Vec<T> square = c * c;
    const Vec<T> term = square * cubic;
    const Vec<T> factor = term + linear;
    const Vec<T> shift = factor - linear;
    const Vec<T> lost = (linear - (factor - shift)) + (term - shift);
    const Vec<T> constants = fma(square, broadcast<T>(kCubicLow), broadcast<T>(kLinearLow));
    const Vec<T> products = fma(fma(c, c, -square), cubic, fma(square, cubic, -term));
    const Vec<T> exponent = a * factor;
    const Vec<T> low = fma(a, lost + (constants + products), fma(a, factor, -exponent));
    const Vec<T> e = exp_nonpositive(exponent, low);
    Vec<T> q, s;
    const Vec<T> value = times_sigmoid(c, e, q, s);
    const Vec<T> slope = c * fma(square, broadcast<T>(T(3) * kCubic), linear);
    derivative = fma(slope * q, e * q, s);
    return select(gt(z, limit), z, value);
  }

 private:
  static constexpr long double kExactLinear = 1.59576912160573071175978423974L;
  static constexpr long double kExactCubic = 0.0713548162726002487763387522799L;
  static constexpr T kLinear = static_cast<T>(kExactLinear), kCubic = static_cast<T>(kExactCubic);
  static constexpr T kLinearLow = static_cast<T>(kExactLinear - kLinear);
  static constexpr T kCubicLow = static_cast<T>(kExactCubic - kCubic);
};

// z s(z); s (1 - s) = e / (1 + e)^2 with e = exp(-|z|) needs no difference.
template <class T>
struct Silu {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> limit = broadcast<T>(-Coefficients<T>::kNormalExpLow);
    const Vec<T> c = min(limit, max(-limit, z));
    const Vec<T> e = exp_nonpositive(minus_abs(c));
    Vec<T> q, s;
    const Vec<T> value = times_sigmoid(c, e, q, s);
    derivative = fma(c * q, e * q, s);
    return select(gt(z, limit), z, value);
  }
};

template <class T>
struct Elu {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T> alpha) {
    return select(lt(z, zero<T>()), alpha * expm1_nonpositive(z), z);
  }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T> alpha) {
    return select(gt(y, zero<T>()), broadcast<T>(T(1)), y + alpha);
  }
};

template <class T>
struct Selu {
  static constexpr T kScale = T(1.0507009873554804934), kScaledAlpha = T(1.7580993408473768600);
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) {
    const Vec<T> below = broadcast<T>(kScaledAlpha) * expm1_nonpositive(z);
    return select(lt(z, zero<T>()), below, broadcast<T>(kScale) * z);
  }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) {
    return select(gt(y, zero<T>()), broadcast<T>(kScale), y + broadcast<T>(kScaledAlpha));
  }
};

template <class T>
struct Celu {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T> alpha) {
    return select(lt(z, zero<T>()), alpha * expm1_nonpositive(z / alpha), z);
  }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T> alpha) {
    const Vec<T> one = broadcast<T>(T(1));
    return select(gt(y, zero<T>()), one, y / alpha + one);
  }
};

// z n / d with n / d = tanh(softplus(z)): for z < 0, e = exp(z), n = e (e + 2), d = n + 2; for z >= 0 the
// same times exp(-2 z): e = exp(-z), n = 1 + 2 e, d = n + 2 e^2.
template <class T>
struct Mish {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> one = broadcast<T>(T(1)), two = broadcast<T>(T(2)),
                 limit = broadcast<T>(-Coefficients<T>::kNormalExpLow);
    const Vec<T> c = min(limit, max(-limit, z));
    const Mask<T> negative = lt(c, zero<T>());
    const Vec<T> e = exp_nonpositive(minus_abs(c));
    const Vec<T> factor = select(negative, e, two), first = select(negative, e + e, one);
    const Vec<T> n = fma(factor, e, first);
    const Vec<T> rest = two * select(negative, one, e * e);
    const Vec<T> d = n + rest;
    const Vec<T> inverse = one / d;
    const Vec<T> ratio = n * inverse;
    // 1 - ratio^2 = (d - n) (d + n) / d^2, times the derivative of softplus.
    const Vec<T> slope = rest * inverse * ((d + n) * inverse);
    derivative = fma(c * slope, sigmoid_from(c, e), ratio);
    // The quotient is corrected once for the roundings of n, d, its product and the reciprocal.
    const Vec<T> lost_n = fma(factor, e, first - n);
    const Vec<T> lost_d = lost_n + select(negative, n - (d - rest), rest - (d - n));
    const Vec<T> product = c * n;
    const Vec<T> quotient = product * inverse;
    const Vec<T> lost = fnma(quotient, lost_d, fma(c, lost_n, fma(c, n, -product)));
    const Vec<T> residual = fnma(quotient, d, product) + lost;
    return select(gt(z, limit), z, fma(residual, inverse, quotient));
  }
};

template <class T>
struct Softsign {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) {
    const Vec<T> limited = clamp(z, -kLimit, kLimit);
    return limited / (broadcast<T>(T(1)) + abs(limited));
  }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) {
    const Vec<T> rest = broadcast<T>(T(1)) - abs(y);
    return rest * rest;
  }

 private:
  static constexpr T kLimit = kIntegerOffset<T> * T(4);  // where the value is 1 and infinity still is not
};

template <class T>
struct LogSigmoid {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> e = exp_nonpositive(minus_abs(z));
    derivative = sigmoid_from(-z, e);
    return min(zero<T>(), z) - log1p_unit(e);
  }
};

template <class T>
struct HardSigmoid {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) {
    // A sixth, corrected once, as a division rounds it.
    const Vec<T> six = broadcast<T>(T(6)), sixth = broadcast<T>(T(1) / T(6));
    const Vec<T> part = clamp(z + broadcast<T>(T(3)), T(0), T(6)), quotient = part * sixth;
    return fma(fnma(quotient, six, part), sixth, quotient);
  }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) {
    return inside(y, T(0), T(1)) * broadcast<T>(T(1) / T(6));
  }
};

template <class T>
struct HardTanh {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) { return clamp(z, T(-1), T(1)); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) { return inside(y, T(-1), T(1)); }
};

template <class T>
struct HardSwish {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> three = broadcast<T>(T(3)), six = broadcast<T>(T(6));
    const Vec<T> above = max(broadcast<T>(T(-3)), z);  // an infinity below would meet the factor 0
    const Vec<T> slope = (z + z + three) / six;
    derivative = select(lt(abs(z), three), slope, select(gt(z, zero<T>()), broadcast<T>(T(1)), zero<T>()));
    return select(ge(z, three), z, above * clamp(z + three, T(0), T(6)) / six);
  }
};

template <class T>
struct Relu6 {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) { return clamp(z, T(0), T(6)); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) { return inside(y, T(0), T(6)); }
};

template <class T>
struct Sin {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T> frequency, Vec<T>& derivative) {
    Vec<T> sine, cosine;
    sin_cos(frequency * z, sine, cosine);
    derivative = frequency * cosine;
    return sine;
  }
};

template <class T>
struct Gaussian {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> c = clamp(z, -Coefficients<T>::kTailLimit, Coefficients<T>::kTailLimit);
    // z^2 in two parts, the first exact.
    const Vec<T> high = from_bits(as_bits(c) & splat_bits<T>(Coefficients<T>::kHalfFraction));
    const Vec<T> y = exp_nonpositive(-(high * high), (high - c) * (high + c));
    derivative = broadcast<T>(T(-2)) * c * y;
    return y;
  }
};

template <class T>
struct Step {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) {
    return select(gt(z, zero<T>()), broadcast<T>(T(1)), select(is_nan(z), z, zero<T>()));
  }
  static LAMINA_INLINE Vec<T> derivative(Vec<T>, Vec<T>) { return zero<T>(); }
};

}  // namespace
}  // namespace lamina::kernels
