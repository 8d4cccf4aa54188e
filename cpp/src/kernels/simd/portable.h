// Vectors of 16 bytes as plain arrays: for any CPU, no fused multiply-add assumed.
#pragma once

#include "kernels/simd/base.h"

#if !defined(__GNUC__)
#include <math.h>
#include <string.h>
#define __builtin_sqrtf sqrtf
#define __builtin_sqrt sqrt
#define __builtin_memcpy memcpy
#endif

namespace lamina::kernels {
namespace {

constexpr const char* kInstructionSet = "portable";
// The product's largest register tile: vectors across, rows down.
constexpr int kTileVectors = 2, kTileRows = 6;

template <class T>
struct WordOf {
  using Type = uint32_t;
};
template <>
struct WordOf<double> {
  using Type = uint64_t;
};

// 16 bytes of E: GCC's and Clang's vectors, which every target has, or else an array. LAMINA_LANES returns
// an R made by `whole` from the .lane members at once, or by `single` from lane i of each.
#if defined(__GNUC__)
template <class E>
struct LanesOf {
  typedef E Type __attribute__((vector_size(16)));
};
#define LAMINA_LANES(R, whole, single) \
  return R { (decltype(R::lane))(whole) }
#else
template <class E>
struct LanesOf {
  using Type = E[16 / sizeof(E)];
};
#define LAMINA_LANES(R, whole, single)                                \
  R result;                                                           \
  for (int i = 0; i < Vec<T>::kLanes; ++i) result.lane[i] = (single); \
  return result
#endif

template <class T>
struct Vec {
  static constexpr int64_t kLanes = 16 / sizeof(T);
  typename LanesOf<T>::Type lane;
};
template <class T>
struct Bits {
  typename LanesOf<typename WordOf<T>::Type>::Type lane;
};
template <class T>
struct Mask {  // all bits of a lane, or none
  typename LanesOf<typename WordOf<T>::Type>::Type lane;
};

template <class T>
LAMINA_INLINE Vec<T> loadu(const T* p) {
  Vec<T> a;
  __builtin_memcpy(&a.lane, p, sizeof a.lane);
  return a;
}
template <class T>
LAMINA_INLINE Vec<T> load(const T* p) {
  return loadu(p);
}
template <class T>
LAMINA_INLINE Vec<T> load_n(const T* p, int64_t n) {
  Vec<T> a = {};
  for (int64_t i = 0; i < n; ++i) a.lane[i] = p[i];
  return a;
}
template <class T>
LAMINA_INLINE void store_n(T* p, const Vec<T>& a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = a.lane[i];
}
template <class T>
LAMINA_INLINE void storeu(T* p, const Vec<T>& a) {
  __builtin_memcpy(p, &a.lane, sizeof a.lane);
}
template <class T>
LAMINA_INLINE void store(T* p, const Vec<T>& a) {
  storeu(p, a);
}

template <class T>
LAMINA_INLINE Vec<T> broadcast(T x) {
  LAMINA_LANES(Vec<T>, x - typename LanesOf<T>::Type{}, x);
}
template <class T>
LAMINA_INLINE Vec<T> zero() {
  return broadcast<T>(T(0));
}

template <class T>
LAMINA_INLINE Vec<T> operator+(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Vec<T>, a.lane + b.lane, a.lane[i] + b.lane[i]);
}
template <class T>
LAMINA_INLINE Vec<T> operator-(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Vec<T>, a.lane - b.lane, a.lane[i] - b.lane[i]);
}
template <class T>
LAMINA_INLINE Vec<T> operator*(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Vec<T>, a.lane * b.lane, a.lane[i] * b.lane[i]);
}
template <class T>
LAMINA_INLINE Vec<T> operator/(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Vec<T>, a.lane / b.lane, a.lane[i] / b.lane[i]);
}
template <class T>
LAMINA_INLINE Vec<T> fma(const Vec<T>& a, const Vec<T>& b, const Vec<T>& c) {
  return a * b + c;
}
template <class T>
LAMINA_INLINE Vec<T> fnma(const Vec<T>& a, const Vec<T>& b, const Vec<T>& c) {
  return c - a * b;
}
template <class T>
LAMINA_INLINE Vec<T> max(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Vec<T>, a.lane > b.lane ? a.lane : b.lane, a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
}
template <class T>
LAMINA_INLINE Vec<T> min(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Vec<T>, a.lane < b.lane ? a.lane : b.lane, a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]);
}
LAMINA_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
LAMINA_INLINE double square_root(double x) { return __builtin_sqrt(x); }
template <class T>
LAMINA_INLINE Vec<T> sqrt(const Vec<T>& a) {
  Vec<T> roots;
  for (int i = 0; i < Vec<T>::kLanes; ++i) roots.lane[i] = square_root(a.lane[i]);
  return roots;
}

template <class T>
LAMINA_INLINE Mask<T> lt(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Mask<T>, a.lane < b.lane, a.lane[i] < b.lane[i] ? ~typename WordOf<T>::Type{0} : 0);
}
template <class T>
LAMINA_INLINE Mask<T> le(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Mask<T>, a.lane <= b.lane, a.lane[i] <= b.lane[i] ? ~typename WordOf<T>::Type{0} : 0);
}
template <class T>
LAMINA_INLINE Mask<T> gt(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Mask<T>, a.lane > b.lane, a.lane[i] > b.lane[i] ? ~typename WordOf<T>::Type{0} : 0);
}
template <class T>
LAMINA_INLINE Mask<T> ge(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Mask<T>, a.lane >= b.lane, a.lane[i] >= b.lane[i] ? ~typename WordOf<T>::Type{0} : 0);
}
template <class T>
LAMINA_INLINE Mask<T> eq(const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Mask<T>, a.lane == b.lane, a.lane[i] == b.lane[i] ? ~typename WordOf<T>::Type{0} : 0);
}
template <class T>
LAMINA_INLINE Mask<T> is_nan(const Vec<T>& a) {
  LAMINA_LANES(Mask<T>, a.lane != a.lane, a.lane[i] != a.lane[i] ? ~typename WordOf<T>::Type{0} : 0);
}
template <class T>
LAMINA_INLINE Mask<T> mask_and(const Mask<T>& a, const Mask<T>& b) {
  LAMINA_LANES(Mask<T>, a.lane & b.lane, a.lane[i] & b.lane[i]);
}
template <class T>
LAMINA_INLINE Vec<T> select(const Mask<T>& m, const Vec<T>& a, const Vec<T>& b) {
  LAMINA_LANES(Vec<T>, m.lane ? a.lane : b.lane, m.lane[i] ? a.lane[i] : b.lane[i]);
}
template <class T>
LAMINA_INLINE bool any(const Mask<T>& a) {
  typename WordOf<T>::Type found = 0;
  for (int i = 0; i < Vec<T>::kLanes; ++i) found |= a.lane[i];
  return found != 0;
}

template <class T>
LAMINA_INLINE Bits<T> as_bits(const Vec<T>& a) {
  Bits<T> bits;
  __builtin_memcpy(&bits.lane, &a.lane, sizeof a.lane);
  return bits;
}
template <class T>
LAMINA_INLINE Vec<T> from_bits(const Bits<T>& a) {
  Vec<T> v;
  __builtin_memcpy(&v.lane, &a.lane, sizeof a.lane);
  return v;
}
template <class T, class Word>
LAMINA_INLINE Bits<T> splat_bits(Word x) {
  LAMINA_LANES(Bits<T>, x - typename LanesOf<typename WordOf<T>::Type>::Type{}, x);
}
template <class T>
LAMINA_INLINE Bits<T> operator&(const Bits<T>& a, const Bits<T>& b) {
  LAMINA_LANES(Bits<T>, a.lane & b.lane, a.lane[i] & b.lane[i]);
}
template <class T>
LAMINA_INLINE Bits<T> operator|(const Bits<T>& a, const Bits<T>& b) {
  LAMINA_LANES(Bits<T>, a.lane | b.lane, a.lane[i] | b.lane[i]);
}
template <class T>
LAMINA_INLINE Bits<T> operator^(const Bits<T>& a, const Bits<T>& b) {
  LAMINA_LANES(Bits<T>, a.lane ^ b.lane, a.lane[i] ^ b.lane[i]);
}
template <class T>
LAMINA_INLINE Bits<T> operator+(const Bits<T>& a, const Bits<T>& b) {
  LAMINA_LANES(Bits<T>, a.lane + b.lane, a.lane[i] + b.lane[i]);
}
template <class T>
LAMINA_INLINE Bits<T> operator-(const Bits<T>& a, const Bits<T>& b) {
  LAMINA_LANES(Bits<T>, a.lane - b.lane, a.lane[i] - b.lane[i]);
}
template <int kCount, class T>
LAMINA_INLINE Bits<T> shift_left(const Bits<T>& a) {
  LAMINA_LANES(Bits<T>, a.lane << kCount, a.lane[i] << kCount);
}
template <int kCount, class T>
LAMINA_INLINE Bits<T> shift_right(const Bits<T>& a) {
  LAMINA_LANES(Bits<T>, a.lane >> kCount, a.lane[i] >> kCount);
}
// Products of the low 32 bits of each 64-bit lane.
template <class T>
LAMINA_INLINE Bits<T> multiply_low_halves(const Bits<T>& a, const Bits<T>& b) {
  constexpr uint64_t kLow = 0xffffffffu;
  LAMINA_LANES(Bits<T>, (a.lane & kLow) * (b.lane & kLow), (a.lane[i] & kLow) * (b.lane[i] & kLow));
}
#undef LAMINA_LANES

// Lane i + lane i + half, down to one lane.
template <class T>
LAMINA_INLINE T reduce_add(Vec<T> a) {
  for (int64_t half = Vec<T>::kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) a.lane[i] = a.lane[i] + a.lane[i + half];
  }
  return a.lane[0];
}
template <class T>
LAMINA_INLINE T reduce_max(Vec<T> a) {
  for (int64_t half = Vec<T>::kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) {
      a.lane[i] = a.lane[i] > a.lane[i + half] ? a.lane[i] : a.lane[i + half];
    }
  }
  return a.lane[0];
}

template <class T>
LAMINA_INLINE void transpose_block(Vec<T>* rows) {
  for (int i = 0; i < Vec<T>::kLanes; ++i) {
    for (int j = i + 1; j < Vec<T>::kLanes; ++j) {
      const T upper = rows[i].lane[j];
      rows[i].lane[j] = rows[j].lane[i];
      rows[j].lane[i] = upper;
    }
  }
}

}  // namespace
}  // namespace lamina::kernels

#include "kernels/simd/common.h"
