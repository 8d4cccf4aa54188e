// SSE2 vectors of 4 floats or 2 doubles, as every x86-64 CPU has them; no fused multiply-add.
#pragma once

#include <emmintrin.h>

#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

constexpr const char* kInstructionSet = "sse2";
// The product's largest register tile: vectors across, rows down.
constexpr int kTileVectors = 2, kTileRows = 6;

template <>
struct Vec<float> {
  __m128 reg;
  static constexpr int64_t kLanes = 4;
};
template <>
struct Vec<double> {
  __m128d reg;
  static constexpr int64_t kLanes = 2;
};
template <>
struct Mask<float> {
  __m128 reg;
};
template <>
struct Mask<double> {
  __m128d reg;
};
template <class T>
struct Bits {
  __m128i reg;
};

using F32 = Vec<float>;
using F64 = Vec<double>;

LAMINA_INLINE F32 load(const float* p) { return {_mm_load_ps(p)}; }
LAMINA_INLINE F64 load(const double* p) { return {_mm_load_pd(p)}; }
LAMINA_INLINE F32 loadu(const float* p) { return {_mm_loadu_ps(p)}; }
LAMINA_INLINE F64 loadu(const double* p) { return {_mm_loadu_pd(p)}; }
LAMINA_INLINE void store(float* p, F32 a) { _mm_store_ps(p, a.reg); }
LAMINA_INLINE void store(double* p, F64 a) { _mm_store_pd(p, a.reg); }
LAMINA_INLINE void storeu(float* p, F32 a) { _mm_storeu_ps(p, a.reg); }
LAMINA_INLINE void storeu(double* p, F64 a) { _mm_storeu_pd(p, a.reg); }

template <class T>
LAMINA_INLINE Vec<T> load_n(const T* p, int64_t n) {
  alignas(16) T lanes[Vec<T>::kLanes] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
template <class T>
LAMINA_INLINE void store_n(T* p, Vec<T> a, int64_t n) {
  alignas(16) T lanes[Vec<T>::kLanes];
  store(lanes, a);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

template <class T>
LAMINA_INLINE Vec<T> broadcast(T x) {
  if constexpr (kIsFloat<T>) {
    return {_mm_set1_ps(x)};
  } else {
    return {_mm_set1_pd(x)};
  }
}
template <class T>
LAMINA_INLINE Vec<T> zero() {
  if constexpr (kIsFloat<T>) {
    return {_mm_setzero_ps()};
  } else {
    return {_mm_setzero_pd()};
  }
}

LAMINA_INLINE F32 operator+(F32 a, F32 b) { return {_mm_add_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator+(F64 a, F64 b) { return {_mm_add_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator-(F32 a, F32 b) { return {_mm_sub_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator-(F64 a, F64 b) { return {_mm_sub_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator*(F32 a, F32 b) { return {_mm_mul_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator*(F64 a, F64 b) { return {_mm_mul_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator/(F32 a, F32 b) { return {_mm_div_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator/(F64 a, F64 b) { return {_mm_div_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 fma(F32 a, F32 b, F32 c) { return a * b + c; }
LAMINA_INLINE F64 fma(F64 a, F64 b, F64 c) { return a * b + c; }
LAMINA_INLINE F32 fnma(F32 a, F32 b, F32 c) { return c - a * b; }
LAMINA_INLINE F64 fnma(F64 a, F64 b, F64 c) { return c - a * b; }
LAMINA_INLINE F32 sqrt(F32 a) { return {_mm_sqrt_ps(a.reg)}; }
LAMINA_INLINE F64 sqrt(F64 a) { return {_mm_sqrt_pd(a.reg)}; }
LAMINA_INLINE F32 max(F32 a, F32 b) { return {_mm_max_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 max(F64 a, F64 b) { return {_mm_max_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 min(F32 a, F32 b) { return {_mm_min_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 min(F64 a, F64 b) { return {_mm_min_pd(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> lt(F32 a, F32 b) { return {_mm_cmplt_ps(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> lt(F64 a, F64 b) { return {_mm_cmplt_pd(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> le(F32 a, F32 b) { return {_mm_cmple_ps(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> le(F64 a, F64 b) { return {_mm_cmple_pd(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> gt(F32 a, F32 b) { return {_mm_cmpgt_ps(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> gt(F64 a, F64 b) { return {_mm_cmpgt_pd(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> ge(F32 a, F32 b) { return {_mm_cmpge_ps(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> ge(F64 a, F64 b) { return {_mm_cmpge_pd(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> eq(F32 a, F32 b) { return {_mm_cmpeq_ps(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> eq(F64 a, F64 b) { return {_mm_cmpeq_pd(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> is_nan(F32 a) { return {_mm_cmpunord_ps(a.reg, a.reg)}; }
LAMINA_INLINE Mask<double> is_nan(F64 a) { return {_mm_cmpunord_pd(a.reg, a.reg)}; }
LAMINA_INLINE Mask<float> mask_and(Mask<float> a, Mask<float> b) { return {_mm_and_ps(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> mask_and(Mask<double> a, Mask<double> b) { return {_mm_and_pd(a.reg, b.reg)}; }
LAMINA_INLINE bool any(Mask<float> a) { return _mm_movemask_ps(a.reg) != 0; }
LAMINA_INLINE bool any(Mask<double> a) { return _mm_movemask_pd(a.reg) != 0; }
LAMINA_INLINE F32 select(Mask<float> m, F32 a, F32 b) {
  return {_mm_or_ps(_mm_and_ps(m.reg, a.reg), _mm_andnot_ps(m.reg, b.reg))};
}
LAMINA_INLINE F64 select(Mask<double> m, F64 a, F64 b) {
  return {_mm_or_pd(_mm_and_pd(m.reg, a.reg), _mm_andnot_pd(m.reg, b.reg))};
}

LAMINA_INLINE Bits<float> as_bits(F32 a) { return {_mm_castps_si128(a.reg)}; }
LAMINA_INLINE Bits<double> as_bits(F64 a) { return {_mm_castpd_si128(a.reg)}; }
LAMINA_INLINE F32 from_bits(Bits<float> a) { return {_mm_castsi128_ps(a.reg)}; }
LAMINA_INLINE F64 from_bits(Bits<double> a) { return {_mm_castsi128_pd(a.reg)}; }
template <class T, class Word>
LAMINA_INLINE Bits<T> splat_bits(Word x) {
  if constexpr (kIsFloat<T>) {
    return {_mm_set1_epi32(static_cast<int32_t>(x))};
  } else {
    return {_mm_set1_epi64x(static_cast<int64_t>(x))};
  }
}
template <class T>
LAMINA_INLINE Bits<T> operator&(Bits<T> a, Bits<T> b) {
  return {_mm_and_si128(a.reg, b.reg)};
}
template <class T>
LAMINA_INLINE Bits<T> operator|(Bits<T> a, Bits<T> b) {
  return {_mm_or_si128(a.reg, b.reg)};
}
template <class T>
LAMINA_INLINE Bits<T> operator^(Bits<T> a, Bits<T> b) {
  return {_mm_xor_si128(a.reg, b.reg)};
}
template <class T>
LAMINA_INLINE Bits<T> operator+(Bits<T> a, Bits<T> b) {
  if constexpr (kIsFloat<T>) {
    return {_mm_add_epi32(a.reg, b.reg)};
  } else {
    return {_mm_add_epi64(a.reg, b.reg)};
  }
}
template <class T>
LAMINA_INLINE Bits<T> operator-(Bits<T> a, Bits<T> b) {
  if constexpr (kIsFloat<T>) {
    return {_mm_sub_epi32(a.reg, b.reg)};
  } else {
    return {_mm_sub_epi64(a.reg, b.reg)};
  }
}
template <int kCount, class T>
LAMINA_INLINE Bits<T> shift_left(Bits<T> a) {
  if constexpr (kIsFloat<T>) {
    return {_mm_slli_epi32(a.reg, kCount)};
  } else {
    return {_mm_slli_epi64(a.reg, kCount)};
  }
}
template <int kCount, class T>
LAMINA_INLINE Bits<T> shift_right(Bits<T> a) {
  if constexpr (kIsFloat<T>) {
    return {_mm_srli_epi32(a.reg, kCount)};
  } else {
    return {_mm_srli_epi64(a.reg, kCount)};
  }
}

// Products of the low 32 bits of each 64-bit lane.
LAMINA_INLINE Bits<double> multiply_low_halves(Bits<double> a, Bits<double> b) {
  return {_mm_mul_epu32(a.reg, b.reg)};
}

// Lane i + lane i + half, down to one lane.
LAMINA_INLINE float reduce_add(F32 a) {
  const __m128 two = _mm_add_ps(a.reg, _mm_movehl_ps(a.reg, a.reg));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
LAMINA_INLINE double reduce_add(F64 a) {
  return _mm_cvtsd_f64(_mm_add_sd(a.reg, _mm_unpackhi_pd(a.reg, a.reg)));
}
LAMINA_INLINE float reduce_max(F32 a) {
  const __m128 two = _mm_max_ps(a.reg, _mm_movehl_ps(a.reg, a.reg));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}
LAMINA_INLINE double reduce_max(F64 a) {
  return _mm_cvtsd_f64(_mm_max_sd(a.reg, _mm_unpackhi_pd(a.reg, a.reg)));
}

LAMINA_INLINE void transpose_block(F32* rows) {
  _MM_TRANSPOSE4_PS(rows[0].reg, rows[1].reg, rows[2].reg, rows[3].reg);
}
LAMINA_INLINE void transpose_block(F64* rows) {
  const __m128d top = rows[0].reg;
  rows[0].reg = _mm_unpacklo_pd(top, rows[1].reg);
  rows[1].reg = _mm_unpackhi_pd(top, rows[1].reg);
}

}  // namespace
}  // namespace lamina::kernels

#include "kernels/simd/common.h"
