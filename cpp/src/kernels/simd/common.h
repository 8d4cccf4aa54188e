// Vector operations that every instruction set builds from its bits and arithmetic.
//
// Included at the end of each simd_<isa>.h, which defines Vec<T>, Mask<T>, Bits<T> and the primitives.
// Everything lies in an anonymous namespace: each kernel file owns its copies.
#pragma once

namespace lamina::kernels {
namespace {

// The bit layout of a float and a double.
template <class T>
struct Format;
template <>
struct Format<float> {
  using Word = uint32_t;
  static constexpr int kFractionBits = 23;
  static constexpr Word kExponentBias = 127;
  static constexpr Word kSignBit = 0x80000000u;
  static constexpr Word kSqrtHalf = 0x3f3504f3u;
};
template <>
struct Format<double> {
  using Word = uint64_t;
  static constexpr int kFractionBits = 52;
  static constexpr Word kExponentBias = 1023;
  static constexpr Word kSignBit = 0x8000000000000000u;
  static constexpr Word kSqrtHalf = 0x3fe6a09e667f3bcdu;
};

// 2^kFractionBits: adding it leaves an integer's bits at the low end of the fraction.
template <class T>
constexpr T kIntegerOffset = static_cast<T>(typename Format<T>::Word{1} << Format<T>::kFractionBits);

template <class T>
LAMINA_INLINE Vec<T> abs(Vec<T> a) {
  return from_bits(as_bits(a) & splat_bits<T>(Format<T>::kSignBit - 1));
}

template <class T>
LAMINA_INLINE Vec<T> minus_abs(Vec<T> a) {
  return from_bits(as_bits(a) | splat_bits<T>(Format<T>::kSignBit));
}

template <class T>
LAMINA_INLINE Vec<T> operator-(Vec<T> a) {
  return from_bits(as_bits(a) ^ splat_bits<T>(Format<T>::kSignBit));
}

// 1 / a to at least half of T's digits, for quotients that are corrected once.
template <class T>
LAMINA_INLINE Vec<T> reciprocal_estimate(Vec<T> a) {
  return broadcast<T>(T(1)) / a;
}

// a / b to one ulp, for b of at least the smallest normal number; a b of nearly the largest may count as
// less, and of an a near the smallest only half the digits need be right.
template <class T>
LAMINA_INLINE Vec<T> quotient(Vec<T> a, Vec<T> b) {
  return a / b;
}

template <class T>
LAMINA_INLINE Vec<T> copysign(Vec<T> magnitude, Vec<T> sign) {
  return from_bits((as_bits(magnitude) & splat_bits<T>(Format<T>::kSignBit - 1)) |
                   (as_bits(sign) & splat_bits<T>(Format<T>::kSignBit)));
}

// Of a cache line of elements, from column `first` of their row on, those that are not 0 and their columns;
// returns how many. All places of a line may be written.
template <class T>
LAMINA_INLINE int64_t keep_nonzero_line(const T* from, int64_t first, T* values, int32_t* columns) {
  constexpr int64_t kElements = 64 / sizeof(T);
  int64_t kept = 0;
  for (int64_t i = 0; i < kElements; ++i) {
    const T value = from[i];  // `values` may be `from`
    values[kept] = value;
    columns[kept] = static_cast<int32_t>(first + i);
    kept += value != T(0) ? 1 : 0;
  }
  return kept;
}

// 2^n for integral n in the normal exponent range.
template <class T>
LAMINA_INLINE Vec<T> pow2(Vec<T> n) {
  constexpr T kOffset = kIntegerOffset<T> * T(1.5) + static_cast<T>(Format<T>::kExponentBias);
  return from_bits(shift_left<Format<T>::kFractionBits>(as_bits(n + broadcast<T>(kOffset))));
}

// x = mantissa * 2^exponent with the mantissa in [sqrt(1/2), sqrt(2)); x is positive and normal.
template <class T>
LAMINA_INLINE Vec<T> split(Vec<T> x, Vec<T>& exponent) {
  using Layout = Format<T>;
  using Word = typename Layout::Word;
  constexpr Word kBias = Layout::kExponentBias << Layout::kFractionBits;
  constexpr Word kFraction = (Word{1} << Layout::kFractionBits) - 1;
  constexpr Word kOffsetBits = (Layout::kExponentBias + static_cast<Word>(Layout::kFractionBits))
                               << Layout::kFractionBits;
  const Bits<T> bits = as_bits(x);
  const Bits<T> biased = bits + splat_bits<T>(kBias - Layout::kSqrtHalf);
  const Bits<T> number = shift_right<Layout::kFractionBits>(biased) | splat_bits<T>(kOffsetBits);
  exponent = from_bits(number) - broadcast<T>(kIntegerOffset<T> + static_cast<T>(Layout::kExponentBias));
  const Bits<T> power = (biased & splat_bits<T>(static_cast<Word>(~kFraction))) - splat_bits<T>(kBias);
  return from_bits(bits - power);
}

}  // namespace
}  // namespace lamina::kernels
