// exp, log, tanh, sigmoid, sine and the normal tail for Vec<T>: polynomials of tools/fit_polynomials.py.
//
// NaN gives NaN. Results below the smallest normal number are right to that number (they underflow
// gradually, or to zero where the CPU flushes). Errors are measured by cpp/tests/test_activations.cpp.
#pragma once

#include "kernels/simd/base.h"

#if !defined(__GNUC__)
#include <math.h>
#endif

namespace lamina::kernels {
namespace {

template <class T>
struct Coefficients;

template <>
struct Coefficients<float> {
  static constexpr float kExp[] = {0.49999997f, 0.166665435f, 0.0416672006f, 0.00836652052f, 0.00138825236f};
  static constexpr float kTanh[] = {-0.333332807f, 0.133314058f, -0.0537365153f, 0.0206281673f,
                                    -0.0056922962f};
  static constexpr float kLog[] = {0.666667759f, 0.399775684f, 0.298714608f};
  static constexpr float kLog1p[] = {0.666664124f, 0.400217503f, 0.27998212f, 0.280294299f};
  static constexpr float kSin[] = {-0.166666552f, 0.00833218917f, -0.000195182845f};
  static constexpr float kCos[] = {0.0416666456f, -0.00138873095f, 2.44323273e-05f};
  static constexpr float kTail[] = {0.755285144f,    -0.607896507f,   0.387137622f,    -0.186525419f,
                                    0.0603950359f,   -0.00751718553f, -0.00347606116f, 0.00157045526f,
                                    0.000129639098f, -0.0001600299f};
  // What rounding did to all of kTail, for its first two powers.
  static constexpr float kTailCorrection[] = {-1.68935976e-08f, 1.26065469e-08f};
  // ln 2 and pi / 2 in parts whose products with the integers used here are exact.
  static constexpr float kLn2High = 0.693145752f, kLn2Low = 1.42860677e-6f;
  static constexpr float kHalfPi[] = {1.5703125f, 4.83751297e-4f, 7.54953362e-8f, 2.56334407e-12f};
  static constexpr float kSinLimit = 8192.0f;
  static constexpr float kExpLow = -104.0f, kNormalExpLow = -88.0f, kExpHigh = 89.0f;
  static constexpr float kExpm1Low = -18.0f;
  static constexpr float kTailLimit = 14.6f;  // beyond, exp(-a^2 / 2) is 0
  static constexpr float kSmallestNormal = 1.17549435e-38f;
  static constexpr float kSubnormalFactor = 16777216.0f, kSubnormalExponent = 24.0f;
  static constexpr uint32_t kHalfFraction = 0xfffff000u;
};

template <>
struct Coefficients<double> {
  static constexpr double kExp[] = {0.5,
                                    0.16666666666666677,
                                    0.041666666666666512,
                                    0.0083333333333216915,
                                    0.0013888888888962346,
                                    0.00019841269885966062,
                                    2.4801587172589378e-05,
                                    2.7557244373969067e-06,
                                    2.7557402597993344e-07,
                                    2.5108978978633375e-08,
                                    2.0875344142163064e-09};
  static constexpr double kTanh[] = {-0.33333333333332854,   0.13333333333261932,    -0.053968253931193699,
                                     0.021869487574404319,   -0.0088632209805599837, 0.0035919889963303983,
                                     -0.0014549579689553511, 0.00058631356782678232, -0.00022855820456182661,
                                     7.7137534486143526e-05, -1.6069224887702822e-05};
  static constexpr double kLog[] = {0.66666666666667351, 0.39999999999409352, 0.28571428743686583,
                                    0.22222198428963386, 0.18183572355880287, 0.15313832134299521,
                                    0.14798259175278564};
  static constexpr double kLog1p[] = {0.66666666666666308, 0.40000000000156216, 0.28571428547957045,
                                      0.22222223964352847, 0.1818174408928655,  0.15386556815602437,
                                      0.1330101040459517,  0.12105820049822845, 0.083411753483743689,
                                      0.17016722870961731};
  static constexpr double kSin[] = {-0.1666666666666663,    0.0083333333333218407,   -0.00019841269829358531,
                                    2.7557313538515619e-06, -2.5050734389480941e-08, 1.5895433300305981e-10};
  static constexpr double kCos[] = {0.041666666666666595,    -0.0013888888888873338, 2.4801587288997509e-05,
                                    -2.7557314215316303e-07, 2.0875705118564481e-09, -1.1358733019547543e-11};
  static constexpr double kTail[] = {
      0.75528513041575152,    -0.60789664197189208,    0.38713740074221947,     -0.18652185795966542,
      0.060396574890666271,   -0.0075401889664351374,  -0.0034796923616069006,  0.001630818453279252,
      0.00013334424852433761, -0.00023109490371064841, -1.9078439757854847e-06, 3.5144569644699406e-05,
      7.1497552618614458e-07, -5.9200111899000258e-06, -6.2522842845977463e-07, 1.0218570731438774e-06,
      2.641545168245589e-07,  -1.5659196271099964e-07, -7.721035463693176e-08,  1.6069165713086677e-08,
      1.4618970113438855e-08, -3.3902165486945023e-10, -1.1965236559918348e-09};
  static constexpr double kTailCorrection[] = {-3.7204304549520173e-17, 3.4466118673631138e-17};
  static constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kHalfPi[] = {1.57079632673412561417e+00, 6.07710050630396597660e-11,
                                       2.02226624871116645580e-21, 8.47842766036889956997e-32};
  static constexpr double kSinLimit = 1048576.0;
  static constexpr double kExpLow = -745.5, kNormalExpLow = -709.0, kExpHigh = 710.0;
  static constexpr double kExpm1Low = -38.0;
  static constexpr double kTailLimit = 38.7;
  static constexpr double kSmallestNormal = 2.2250738585072014e-308;
  static constexpr double kSubnormalFactor = 18014398509481984.0, kSubnormalExponent = 54.0;
  static constexpr uint64_t kHalfFraction = 0xfffffffff8000000u;
};

template <class T>
constexpr T kLog2E = T(1.44269504088896340736);
template <class T>
constexpr T kLn2 = T(0.69314718055994530942);
template <class T>
constexpr T kTwoOverPi = T(0.63661977236758134308);
template <class T>
constexpr T kInverseSqrtTwoPi = T(0.39894228040143267794);

// c[first] + c[first + 1] x + c[first + 2] x^2 + ...
template <int kFirst = 0, class T, int kCount>
LAMINA_INLINE Vec<T> polynomial(const T (&c)[kCount], Vec<T> x) {
  Vec<T> sum = broadcast<T>(c[kCount - 1]);
#if defined(__GNUC__)
#pragma GCC unroll 32
#endif
  for (int k = kCount - 2; k >= kFirst; --k) sum = fma(sum, x, broadcast<T>(c[k]));
  return sum;
}

// -1, 0 or 1; NaN for NaN.
template <class T>
LAMINA_INLINE Vec<T> sign(Vec<T> x) {
  const Vec<T> one = broadcast<T>(T(1));
  return select(gt(x, zero<T>()), one, select(lt(x, zero<T>()), -one, x));
}

// The nearest integer n to x * factor, with its bits (plus `bias`) at the low end of `shifted`.
template <class T>
LAMINA_INLINE Vec<T> nearest_integer(Vec<T> x, T factor, T bias, Vec<T>& shifted) {
  const T kOffset = kIntegerOffset<T> * T(1.5) + bias;
  shifted = fma(x, broadcast<T>(factor), broadcast<T>(kOffset));
  return shifted - broadcast<T>(kOffset);
}

// exp(r) for |r| <= ln(2) / 2, and what the last rounding took from it.
template <class T>
LAMINA_INLINE Vec<T> exp_reduced(Vec<T> r, Vec<T>& lost) {
  const Vec<T> one = broadcast<T>(T(1));
  const Vec<T> slope = fma(polynomial(Coefficients<T>::kExp, r), r, one);
  const Vec<T> value = fma(slope, r, one);
  lost = fma(slope, r, one - value);
  return value;
}

template <class T>
LAMINA_INLINE Vec<T> exp_reduced(Vec<T> r) {
  Vec<T> lost;
  return exp_reduced(r, lost);
}

// x - n ln 2 in two exact steps and one rounding.
template <class T>
LAMINA_INLINE Vec<T> reduce_by_ln2(Vec<T> x, Vec<T> n) {
  const Vec<T> r = fnma(n, broadcast<T>(Coefficients<T>::kLn2High), x);
  return fnma(n, broadcast<T>(Coefficients<T>::kLn2Low), r);
}

// max(x, lowest), n = the nearest integer to x / ln 2 and power = 2^n, 0 for the least n.
template <class T>
LAMINA_INLINE Vec<T> limited_exponent(Vec<T> x, T lowest, Vec<T>& n, Vec<T>& power) {
  const Vec<T> limited = max(broadcast<T>(lowest), x);
  Vec<T> shifted;
  n = nearest_integer(limited, kLog2E<T>, static_cast<T>(Format<T>::kExponentBias), shifted);
  power = from_bits(shift_left<Format<T>::kFractionBits>(as_bits(shifted)));
  return limited;
}

// exp(x + low) for x <= 0 and |low| far below |x|, and what the last rounding took from it; 0 from where on
// it rounds to less than the smallest normal number, and at -inf.
template <class T>
LAMINA_INLINE Vec<T> exp_nonpositive(Vec<T> x, Vec<T> low, Vec<T>& lost) {
  Vec<T> n, power;
  const Vec<T> limited = limited_exponent(x, Coefficients<T>::kNormalExpLow, n, power);
  // As reduce_by_ln2 does, but with `low` inside the one rounding.
  const Vec<T> r = fnma(n, broadcast<T>(Coefficients<T>::kLn2High), limited) +
                   fnma(n, broadcast<T>(Coefficients<T>::kLn2Low), low);
  const Vec<T> value = exp_reduced(r, lost) * power;
  lost = lost * power;
  return value;
}

template <class T>
LAMINA_INLINE Vec<T> exp_nonpositive(Vec<T> x, Vec<T> low) {
  Vec<T> lost;
  return exp_nonpositive(x, low, lost);
}

template <class T>
LAMINA_INLINE Vec<T> exp_nonpositive(Vec<T> x) {
  Vec<T> n, power;
  const Vec<T> limited = limited_exponent(x, Coefficients<T>::kNormalExpLow, n, power);
  return exp_reduced(reduce_by_ln2(limited, n)) * power;
}

// exp(x) for any x: +inf where it overflows, 0 where it underflows.
template <class T>
LAMINA_INLINE Vec<T> exp(Vec<T> x) {
  using C = Coefficients<T>;
  constexpr T kMaxExponent = static_cast<T>(Format<T>::kExponentBias);
  const Vec<T> limited = min(broadcast<T>(C::kExpHigh), max(broadcast<T>(C::kExpLow), x));
  Vec<T> shifted;
  const Vec<T> n = nearest_integer(limited, kLog2E<T>, T(0), shifted);
  const Vec<T> main = min(broadcast<T>(kMaxExponent), max(broadcast<T>(T(1) - kMaxExponent), n));
  return exp_reduced(reduce_by_ln2(limited, n)) * pow2(n - main) * pow2(main);
}

// exp(x) - 1 = (power - 1) + what is returned, for x <= 0; power is 2^n.
template <class T>
LAMINA_INLINE Vec<T> expm1_parts(Vec<T> x, Vec<T>& power) {
  Vec<T> n;
  const Vec<T> limited = limited_exponent(x, Coefficients<T>::kExpm1Low, n, power);
  const Vec<T> r = reduce_by_ln2(limited, n);
  return fma(polynomial(Coefficients<T>::kExp, r), r * r, r) * power;
}

// exp(x) - 1 for x <= 0, with full relative accuracy near 0.
template <class T>
LAMINA_INLINE Vec<T> expm1_nonpositive(Vec<T> x) {
  Vec<T> power;
  const Vec<T> rest = expm1_parts(x, power);
  return rest + (power - broadcast<T>(T(1)));
}

// log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)], plus `low` and exponent * ln 2.
template <class T>
LAMINA_INLINE Vec<T> log_of_mantissa(Vec<T> f, Vec<T> low, Vec<T> exponent) {
  using C = Coefficients<T>;
  const Vec<T> s = f / (f + broadcast<T>(T(2)));
  const Vec<T> z = s * s;
  const Vec<T> half_square = f * f * broadcast<T>(T(0.5));
  const Vec<T> remainder = fma(polynomial(C::kLog, z), z, half_square);
  const Vec<T> small = fma(exponent, broadcast<T>(C::kLn2Low), low);
  const Vec<T> tail = half_square - fma(s, remainder, small);
  return fma(exponent, broadcast<T>(C::kLn2High), f - tail);
}

// Infinities, zero and negative numbers for log(x) = value.
template <class T>
LAMINA_INLINE Vec<T> log_edges(Vec<T> x, Vec<T> value) {
  const T infinity = static_cast<T>(__builtin_huge_valf());
  value = select(eq(x, broadcast<T>(infinity)), x, value);
  value = select(eq(x, zero<T>()), broadcast<T>(-infinity), value);
  return select(lt(x, zero<T>()), broadcast<T>(static_cast<T>(__builtin_nanf("0"))), value);
}

// log(x): -inf at 0, NaN below.
template <class T>
LAMINA_INLINE Vec<T> log(Vec<T> x) {
  using C = Coefficients<T>;
  const Mask<T> subnormal = lt(x, broadcast<T>(C::kSmallestNormal));
  const Vec<T> scaled = select(subnormal, x * broadcast<T>(C::kSubnormalFactor), x);
  Vec<T> exponent;
  const Vec<T> mantissa = split(scaled, exponent);
  exponent = exponent - select(subnormal, broadcast<T>(C::kSubnormalExponent), zero<T>());
  const Vec<T> value = log_of_mantissa(mantissa - broadcast<T>(T(1)), zero<T>(), exponent);
  return log_edges(x, select(is_nan(x), x, value));
}

// log(1 + x): -inf at -1, NaN below.
template <class T>
LAMINA_INLINE Vec<T> log1p(Vec<T> x) {
  const Vec<T> one = broadcast<T>(T(1));
  const Vec<T> sum = one + x;
  // What rounding took from 1 + x; for large x the 1 is the smaller part.
  const Vec<T> lost = select(lt(x, one), x - (sum - one), one - (sum - x));
  Vec<T> exponent;
  const Vec<T> mantissa = split(sum, exponent);
  const Vec<T> value = log_of_mantissa(mantissa - one, lost / sum, exponent);
  return log_edges(sum, select(is_nan(x), x, value));
}

// log(1 + e) for e in [0, 1].
template <class T>
LAMINA_INLINE Vec<T> log1p_unit(Vec<T> e) {
  const Vec<T> s = e / (e + broadcast<T>(T(2)));
  const Vec<T> z = s * s;
  const Vec<T> half_square = e * e * broadcast<T>(T(0.5));
  const Vec<T> remainder = fma(polynomial(Coefficients<T>::kLog1p, z), z, half_square);
  return e - fnma(s, remainder, half_square);
}

// 1 / (1 + exp(-x)), given e = exp(-|x|). What rounding takes from 1 + e is put back to first order.
template <class T>
LAMINA_INLINE Vec<T> sigmoid_from(Vec<T> x, Vec<T> e) {
  const Vec<T> one = broadcast<T>(T(1));
  const Vec<T> sum = one + e;
  const Vec<T> lost = e - (sum - one);
  const Vec<T> ratio = select(lt(x, zero<T>()), e, one) / sum;
  return fnma(ratio, lost, ratio);
}

template <class T>
LAMINA_INLINE Vec<T> sigmoid(Vec<T> x) {
  return sigmoid_from(x, exp_nonpositive(minus_abs(x)));
}

// q = expm1(-2 |x|) = (power - 1) + s gives -tanh(|x|) = q / (power + 1 + s). The quotient is corrected once,
// for the roundings of both sums and the estimate of the reciprocal.
template <class T>
LAMINA_INLINE Vec<T> tanh(Vec<T> x) {
  const Vec<T> one = broadcast<T>(T(1));
  Vec<T> power;
  const Vec<T> s = expm1_parts(minus_abs(x + x), power);
  const Vec<T> low = power - one, q = low + s, lost = s - (q - low);
  const Vec<T> inverse = reciprocal_estimate((power + one) + s);
  const Vec<T> quotient = q * inverse;
  const Vec<T> residual = fnma(quotient, s, fnma(quotient, power, q - quotient)) + lost;
  return copysign(fma(residual, inverse, quotient), x);
}

// Phi(-a) = ratio * e of the standard normal distribution, e = exp(-a^2 / 2), for a in [0, kTailLimit], both
// with what they lack: roundings of e, and of ratio the error of an estimate too.
template <class T>
LAMINA_INLINE void normal_tail(Vec<T> a, Vec<T>& ratio, Vec<T>& ratio_lost, Vec<T>& e, Vec<T>& e_lost) {
  using C = Coefficients<T>;
  const Vec<T> one = broadcast<T>(T(1)), four = broadcast<T>(T(4));
  const Vec<T> sum = a + four;
  const Vec<T> t = reciprocal_estimate(sum), eight_t = t * broadcast<T>(T(8));
  // 1 - t (a + 4), what the estimate and the rounding of sum left; it corrects t and u = (a - 4) / (a + 4) =
  // 1 - 8 t.
  const Vec<T> residual = fnma(a - (sum - four), t, fnma(sum, t, one));
  const Vec<T> u = fnma(eight_t, residual, one - eight_t);
  const Vec<T> first = broadcast<T>(C::kTail[0]), slope = polynomial<1>(C::kTail, u);
  const Vec<T> value = fma(slope, u, first);
  ratio = value * t;
  const Vec<T> value_lost = fma(slope, u, first - value) + polynomial(C::kTailCorrection, u);
  ratio_lost = fma(value_lost, t, fma(ratio, residual, fma(value, t, -ratio)));
  // a^2 / 2 in two parts: the first is exact, so e keeps its relative accuracy.
  const Vec<T> high = from_bits(as_bits(a) & splat_bits<T>(C::kHalfFraction));
  const Vec<T> half = broadcast<T>(T(-0.5));
  e = exp_nonpositive(high * high * half, (a - high) * (a + high) * half, e_lost);
}

// The C library's functions, for single lanes far out.
#if defined(__GNUC__)
LAMINA_INLINE double library_sin(double x) { return __builtin_sin(x); }
LAMINA_INLINE double library_cos(double x) { return __builtin_cos(x); }
#else
LAMINA_INLINE double library_sin(double x) { return ::sin(x); }
LAMINA_INLINE double library_cos(double x) { return ::cos(x); }
#endif

// Puts right the lanes whose reduction by multiples of pi / 2 is not exact.
template <class T>
LAMINA_NOINLINE void sin_cos_far_out(const T* x, T* sine, T* cosine) {
  for (int64_t i = 0; i < Vec<T>::kLanes; ++i) {
    if (x[i] >= -Coefficients<T>::kSinLimit && x[i] <= Coefficients<T>::kSinLimit) continue;
    sine[i] = static_cast<T>(library_sin(static_cast<double>(x[i])));
    cosine[i] = static_cast<T>(library_cos(static_cast<double>(x[i])));
  }
}

// sin(x) and cos(x); NaN at infinity.
template <class T>
LAMINA_INLINE void sin_cos(Vec<T> x, Vec<T>& sine, Vec<T>& cosine) {
  using C = Coefficients<T>;
  Vec<T> shifted;
  const Vec<T> n = nearest_integer(x, kTwoOverPi<T>, T(0), shifted);
  Vec<T> r = x;
  for (const T part : C::kHalfPi) r = fnma(n, broadcast<T>(part), r);
  const Vec<T> square = r * r;
  const Vec<T> s = copysign(fma(polynomial(C::kSin, square) * square, r, r), r);  // -0 stays
  const Vec<T> c = fma(polynomial(C::kCos, square) * square, square,
                       fnma(broadcast<T>(T(0.5)), square, broadcast<T>(T(1))));
  // Quadrant n mod 4: odd ones swap sine and cosine, the upper half changes signs.
  const Bits<T> quadrant = as_bits(shifted);
  constexpr int kTopBit = static_cast<int>(sizeof(T)) * 8 - 1;
  const Bits<T> odd = shift_left<kTopBit>(quadrant);
  const Bits<T> upper = shift_left<kTopBit - 1>(quadrant);
  const Bits<T> sign = splat_bits<T>(Format<T>::kSignBit);
  const Mask<T> swap = lt(copysign(broadcast<T>(T(1)), from_bits(odd)), zero<T>());
  sine = select(swap, c, s);
  cosine = select(swap, s, c);
  sine = from_bits(as_bits(sine) ^ (upper & sign));
  cosine = from_bits(as_bits(cosine) ^ ((upper ^ odd) & sign));
  if (!any(gt(abs(x), broadcast<T>(C::kSinLimit)))) return;
  alignas(64) T lanes[Vec<T>::kLanes], sines[Vec<T>::kLanes], cosines[Vec<T>::kLanes];
  store(lanes, x);
  store(sines, sine);
  store(cosines, cosine);
  sin_cos_far_out(lanes, sines, cosines);
  sine = load(sines);
  cosine = load(cosines);
}

}  // namespace
}  // namespace lamina::kernels
