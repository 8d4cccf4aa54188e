// One functor for each activation of catalogue.h.
//
// A functor has value(z, parameter), and either derivative(y, parameter) from the output y, or
// value_and_derivative(z, parameter, derivative), as stores_derivative() in catalogue.h says.
#pragma once

#include "kernels/math.inl"

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
    const Vec<T> e = exp_nonpositive(-abs(z));
    derivative = sigmoid_from(z, e);
    return max(zero<T>(), z) + log1p_unit(e);
  }
};

// z Phi(z) = max(z, 0) - |z| Phi(-|z|), which keeps relative accuracy for negative z.
template <class T>
struct Gelu {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> a = min(broadcast<T>(Coefficients<T>::kTailLimit), abs(z));
    Vec<T> ratio, e;
    normal_tail(a, ratio, e);
    const Vec<T> below = e * fnma(a, broadcast<T>(kInverseSqrtTwoPi<T>), ratio);
    derivative = select(lt(z, zero<T>()), below, broadcast<T>(T(1)) - below);
    return fnma(a * ratio, e, max(zero<T>(), z));
  }
};

// z s(2u), s the sigmoid, u = sqrt(2 / pi) (z + 0.044715 z^3). Clamped where s is 0 or 1.
template <class T>
struct GeluTanh {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    constexpr T kLinear = T(1.59576912160573071176), kCubic = T(0.07135481627260025159);
    const Vec<T> c = min(broadcast<T>(T(24)), max(broadcast<T>(T(-24)), z));
    const Vec<T> square = c * c;
    const Vec<T> twice_u = c * fma(square, broadcast<T>(kCubic), broadcast<T>(kLinear));
    const Vec<T> e = exp_nonpositive(-abs(twice_u));
    const Vec<T> q = broadcast<T>(T(1)) / (broadcast<T>(T(1)) + e);
    const Vec<T> s = select(lt(c, zero<T>()), e * q, q);
    const Vec<T> slope = c * fma(square, broadcast<T>(T(3) * kCubic), broadcast<T>(kLinear));
    derivative = fma(slope * q, e * q, s);
    return max(c, z) * s;
  }
};

// z s(z); s (1 - s) = e / (1 + e)^2 with e = exp(-|z|) needs no difference. The quotient is corrected once
// for the roundings of 1 + e and of its reciprocal.
template <class T>
struct Silu {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> one = broadcast<T>(T(1)), limit = broadcast<T>(-Coefficients<T>::kExpLow);
    const Vec<T> c = min(limit, max(-limit, z));
    const Vec<T> e = exp_nonpositive(-abs(c));
    const Vec<T> sum = one + e;
    const Vec<T> q = one / sum;
    const Vec<T> numerator = select(lt(c, zero<T>()), e, one);
    derivative = fma(c * q, e * q, numerator * q);
    const Vec<T> product = c * numerator;
    const Vec<T> quotient = product * q;
    const Vec<T> residual = fnma(quotient, e - (sum - one), fnma(quotient, sum, product));
    return select(gt(z, limit), z, fma(residual, q, quotient));
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
                 limit = broadcast<T>(-Coefficients<T>::kExpLow);
    const Vec<T> c = min(limit, max(-limit, z));
    const Mask<T> negative = lt(c, zero<T>());
    const Vec<T> e = exp_nonpositive(-abs(c));
    const Vec<T> n = select(negative, fma(e, e, e + e), fma(two, e, one));
    const Vec<T> rest = two * select(negative, one, e * e);
    const Vec<T> d = n + rest;
    const Vec<T> inverse = one / d;
    const Vec<T> ratio = n * inverse;
    // 1 - ratio^2 = (d - n) (d + n) / d^2, times the derivative of softplus.
    const Vec<T> slope = rest * inverse * ((d + n) * inverse);
    derivative = fma(c * slope, sigmoid_from(c, e), ratio);
    // The quotient is corrected once for the roundings of its product and of the reciprocal.
    const Vec<T> product = c * n;
    const Vec<T> quotient = product * inverse;
    const Vec<T> residual = fnma(quotient, d, product) + fma(c, n, -product);
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
    const Vec<T> e = exp_nonpositive(-abs(z));
    derivative = sigmoid_from(-z, e);
    return min(zero<T>(), z) - log1p_unit(e);
  }
};

template <class T>
struct HardSigmoid {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) {
    return clamp(z + broadcast<T>(T(3)), T(0), T(6)) / broadcast<T>(T(6));
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
