// AVX2 + FMA vectors of 8 floats or 4 doubles.
#pragma once

#include <immintrin.h>

#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

constexpr const char* kInstructionSet = "avx2";
// The product's largest register tile: vectors across, rows down.
constexpr int kTileVectors = 2, kTileRows = 6;

template <>
struct Vec<float> {
  __m256 reg;
  static constexpr int64_t kLanes = 8;
};
template <>
struct Vec<double> {
  __m256d reg;
  static constexpr int64_t kLanes = 4;
};
template <>
struct Mask<float> {
  __m256 reg;
};
template <>
struct Mask<double> {
  __m256d reg;
};
template <class T>
struct Bits {
  __m256i reg;
};

using F32 = Vec<float>;
using F64 = Vec<double>;

LAMINA_INLINE F32 load(const float* p) { return {_mm256_load_ps(p)}; }
LAMINA_INLINE F64 load(const double* p) { return {_mm256_load_pd(p)}; }
LAMINA_INLINE F32 loadu(const float* p) { return {_mm256_loadu_ps(p)}; }
LAMINA_INLINE F64 loadu(const double* p) { return {_mm256_loadu_pd(p)}; }
LAMINA_INLINE void store(float* p, F32 a) { _mm256_store_ps(p, a.reg); }
LAMINA_INLINE void store(double* p, F64 a) { _mm256_store_pd(p, a.reg); }
LAMINA_INLINE void storeu(float* p, F32 a) { _mm256_storeu_ps(p, a.reg); }
LAMINA_INLINE void storeu(double* p, F64 a) { _mm256_storeu_pd(p, a.reg); }

// All bits set in the first n lanes: read n lanes before the end of the ones.
alignas(32) constexpr int32_t kLaneMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

LAMINA_INLINE __m256i first_lanes(int64_t words) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kLaneMask + 8 - words));
}
LAMINA_INLINE F32 load_n(const float* p, int64_t n) { return {_mm256_maskload_ps(p, first_lanes(n))}; }
LAMINA_INLINE F64 load_n(const double* p, int64_t n) { return {_mm256_maskload_pd(p, first_lanes(2 * n))}; }
// Masked stores are microcoded on AMD's cores, so the first lanes go through memory.
template <class T>
LAMINA_INLINE void store_n(T* p, Vec<T> a, int64_t n) {
  alignas(32) T lanes[Vec<T>::kLanes];
  store(lanes, a);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

template <class T>
LAMINA_INLINE Vec<T> broadcast(T x) {
  if constexpr (kIsFloat<T>) {
    return {_mm256_set1_ps(x)};
  } else {
    return {_mm256_set1_pd(x)};
  }
}
template <class T>
LAMINA_INLINE Vec<T> zero() {
  if constexpr (kIsFloat<T>) {
    return {_mm256_setzero_ps()};
  } else {
    return {_mm256_setzero_pd()};
  }
}

LAMINA_INLINE F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator+(F64 a, F64 b) { return {_mm256_add_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator-(F64 a, F64 b) { return {_mm256_sub_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator*(F64 a, F64 b) { return {_mm256_mul_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator/(F64 a, F64 b) { return {_mm256_div_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.reg, b.reg, c.reg)}; }
LAMINA_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm256_fmadd_pd(a.reg, b.reg, c.reg)}; }
LAMINA_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm256_fnmadd_ps(a.reg, b.reg, c.reg)}; }
LAMINA_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {_mm256_fnmadd_pd(a.reg, b.reg, c.reg)}; }
LAMINA_INLINE F32 sqrt(F32 a) { return {_mm256_sqrt_ps(a.reg)}; }
LAMINA_INLINE F64 sqrt(F64 a) { return {_mm256_sqrt_pd(a.reg)}; }
LAMINA_INLINE F32 max(F32 a, F32 b) { return {_mm256_max_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 max(F64 a, F64 b) { return {_mm256_max_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 min(F32 a, F32 b) { return {_mm256_min_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 min(F64 a, F64 b) { return {_mm256_min_pd(a.reg, b.reg)}; }

LAMINA_INLINE Mask<float> lt(F32 a, F32 b) { return {_mm256_cmp_ps(a.reg, b.reg, _CMP_LT_OQ)}; }
LAMINA_INLINE Mask<double> lt(F64 a, F64 b) { return {_mm256_cmp_pd(a.reg, b.reg, _CMP_LT_OQ)}; }
LAMINA_INLINE Mask<float> le(F32 a, F32 b) { return {_mm256_cmp_ps(a.reg, b.reg, _CMP_LE_OQ)}; }
LAMINA_INLINE Mask<double> le(F64 a, F64 b) { return {_mm256_cmp_pd(a.reg, b.reg, _CMP_LE_OQ)}; }
LAMINA_INLINE Mask<float> gt(F32 a, F32 b) { return {_mm256_cmp_ps(a.reg, b.reg, _CMP_GT_OQ)}; }
LAMINA_INLINE Mask<double> gt(F64 a, F64 b) { return {_mm256_cmp_pd(a.reg, b.reg, _CMP_GT_OQ)}; }
LAMINA_INLINE Mask<float> ge(F32 a, F32 b) { return {_mm256_cmp_ps(a.reg, b.reg, _CMP_GE_OQ)}; }
LAMINA_INLINE Mask<double> ge(F64 a, F64 b) { return {_mm256_cmp_pd(a.reg, b.reg, _CMP_GE_OQ)}; }
LAMINA_INLINE Mask<float> eq(F32 a, F32 b) { return {_mm256_cmp_ps(a.reg, b.reg, _CMP_EQ_OQ)}; }
LAMINA_INLINE Mask<double> eq(F64 a, F64 b) { return {_mm256_cmp_pd(a.reg, b.reg, _CMP_EQ_OQ)}; }
LAMINA_INLINE Mask<float> is_nan(F32 a) { return {_mm256_cmp_ps(a.reg, a.reg, _CMP_UNORD_Q)}; }
LAMINA_INLINE Mask<double> is_nan(F64 a) { return {_mm256_cmp_pd(a.reg, a.reg, _CMP_UNORD_Q)}; }
LAMINA_INLINE Mask<float> mask_and(Mask<float> a, Mask<float> b) { return {_mm256_and_ps(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> mask_and(Mask<double> a, Mask<double> b) { return {_mm256_and_pd(a.reg, b.reg)}; }
LAMINA_INLINE bool any(Mask<float> a) { return _mm256_movemask_ps(a.reg) != 0; }
LAMINA_INLINE bool any(Mask<double> a) { return _mm256_movemask_pd(a.reg) != 0; }
LAMINA_INLINE F32 select(Mask<float> m, F32 a, F32 b) { return {_mm256_blendv_ps(b.reg, a.reg, m.reg)}; }
LAMINA_INLINE F64 select(Mask<double> m, F64 a, F64 b) { return {_mm256_blendv_pd(b.reg, a.reg, m.reg)}; }

LAMINA_INLINE Bits<float> as_bits(F32 a) { return {_mm256_castps_si256(a.reg)}; }
LAMINA_INLINE Bits<double> as_bits(F64 a) { return {_mm256_castpd_si256(a.reg)}; }
LAMINA_INLINE F32 from_bits(Bits<float> a) { return {_mm256_castsi256_ps(a.reg)}; }
LAMINA_INLINE F64 from_bits(Bits<double> a) { return {_mm256_castsi256_pd(a.reg)}; }
template <class T, class Word>
LAMINA_INLINE Bits<T> splat_bits(Word x) {
  if constexpr (kIsFloat<T>) {
    return {_mm256_set1_epi32(static_cast<int32_t>(x))};
  } else {
    return {_mm256_set1_epi64x(static_cast<int64_t>(x))};
  }
}
template <class T>
LAMINA_INLINE Bits<T> operator&(Bits<T> a, Bits<T> b) {
  return {_mm256_and_si256(a.reg, b.reg)};
}
template <class T>
LAMINA_INLINE Bits<T> operator|(Bits<T> a, Bits<T> b) {
  return {_mm256_or_si256(a.reg, b.reg)};
}
template <class T>
LAMINA_INLINE Bits<T> operator^(Bits<T> a, Bits<T> b) {
  return {_mm256_xor_si256(a.reg, b.reg)};
}
template <class T>
LAMINA_INLINE Bits<T> operator+(Bits<T> a, Bits<T> b) {
  if constexpr (kIsFloat<T>) {
    return {_mm256_add_epi32(a.reg, b.reg)};
  } else {
    return {_mm256_add_epi64(a.reg, b.reg)};
  }
}
template <class T>
LAMINA_INLINE Bits<T> operator-(Bits<T> a, Bits<T> b) {
  if constexpr (kIsFloat<T>) {
    return {_mm256_sub_epi32(a.reg, b.reg)};
  } else {
    return {_mm256_sub_epi64(a.reg, b.reg)};
  }
}
template <int kCount, class T>
LAMINA_INLINE Bits<T> shift_left(Bits<T> a) {
  if constexpr (kIsFloat<T>) {
    return {_mm256_slli_epi32(a.reg, kCount)};
  } else {
    return {_mm256_slli_epi64(a.reg, kCount)};
  }
}
template <int kCount, class T>
LAMINA_INLINE Bits<T> shift_right(Bits<T> a) {
  if constexpr (kIsFloat<T>) {
    return {_mm256_srli_epi32(a.reg, kCount)};
  } else {
    return {_mm256_srli_epi64(a.reg, kCount)};
  }
}

// Products of the low 32 bits of each 64-bit lane.
LAMINA_INLINE Bits<double> multiply_low_halves(Bits<double> a, Bits<double> b) {
  return {_mm256_mul_epu32(a.reg, b.reg)};
}

// Lane i + lane i + half, down to one lane.
LAMINA_INLINE float reduce_add(F32 a) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a.reg), _mm256_extractf128_ps(a.reg, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
LAMINA_INLINE double reduce_add(F64 a) {
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(a.reg), _mm256_extractf128_pd(a.reg, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
LAMINA_INLINE float reduce_max(F32 a) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a.reg), _mm256_extractf128_ps(a.reg, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
LAMINA_INLINE double reduce_max(F64 a) {
  const __m128d two = _mm_max_pd(_mm256_castpd256_pd128(a.reg), _mm256_extractf128_pd(a.reg, 1));
  return _mm_cvtsd_f64(_mm_max_sd(two, _mm_unpackhi_pd(two, two)));
}

// 4x4 floats within each half of four neighbouring rows.
LAMINA_INLINE void transpose_within_halves(F32* rows) {
  const __m256d ab_low = _mm256_castps_pd(_mm256_unpacklo_ps(rows[0].reg, rows[1].reg));
  const __m256d ab_high = _mm256_castps_pd(_mm256_unpackhi_ps(rows[0].reg, rows[1].reg));
  const __m256d cd_low = _mm256_castps_pd(_mm256_unpacklo_ps(rows[2].reg, rows[3].reg));
  const __m256d cd_high = _mm256_castps_pd(_mm256_unpackhi_ps(rows[2].reg, rows[3].reg));
  rows[0].reg = _mm256_castpd_ps(_mm256_unpacklo_pd(ab_low, cd_low));
  rows[1].reg = _mm256_castpd_ps(_mm256_unpackhi_pd(ab_low, cd_low));
  rows[2].reg = _mm256_castpd_ps(_mm256_unpacklo_pd(ab_high, cd_high));
  rows[3].reg = _mm256_castpd_ps(_mm256_unpackhi_pd(ab_high, cd_high));
}

LAMINA_INLINE void transpose_block(F32* rows) {
  transpose_within_halves(rows);
  transpose_within_halves(rows + 4);
  for (int i = 0; i < 4; ++i) {
    const __m256 top = rows[i].reg, bottom = rows[i + 4].reg;
    rows[i].reg = _mm256_permute2f128_ps(top, bottom, 0x20);
    rows[i + 4].reg = _mm256_permute2f128_ps(top, bottom, 0x31);
  }
}

LAMINA_INLINE void transpose_block(F64* rows) {
  const __m256d ab_low = _mm256_unpacklo_pd(rows[0].reg, rows[1].reg);
  const __m256d ab_high = _mm256_unpackhi_pd(rows[0].reg, rows[1].reg);
  const __m256d cd_low = _mm256_unpacklo_pd(rows[2].reg, rows[3].reg);
  const __m256d cd_high = _mm256_unpackhi_pd(rows[2].reg, rows[3].reg);
  rows[0].reg = _mm256_permute2f128_pd(ab_low, cd_low, 0x20);
  rows[1].reg = _mm256_permute2f128_pd(ab_high, cd_high, 0x20);
  rows[2].reg = _mm256_permute2f128_pd(ab_low, cd_low, 0x31);
  rows[3].reg = _mm256_permute2f128_pd(ab_high, cd_high, 0x31);
}

}  // namespace
}  // namespace lamina::kernels

#include "kernels/simd/common.h"
