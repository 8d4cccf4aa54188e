// AVX-512 (F, BW, DQ, VL) vectors of 16 floats or 8 doubles.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes its own _mm512_undefined_*() for a mistake (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif

#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

constexpr const char* kInstructionSet = "avx512";
// The product's largest register tile: vectors across, rows down.
constexpr int kTileVectors = 4, kTileRows = 6;

template <>
struct Vec<float> {
  __m512 reg;
  static constexpr int64_t kLanes = 16;
};
template <>
struct Vec<double> {
  __m512d reg;
  static constexpr int64_t kLanes = 8;
};
template <>
struct Mask<float> {
  __mmask16 reg;
};
template <>
struct Mask<double> {
  __mmask8 reg;
};
template <class T>
struct Bits {
  __m512i reg;
};

using F32 = Vec<float>;
using F64 = Vec<double>;

LAMINA_INLINE F32 load(const float* p) { return {_mm512_load_ps(p)}; }
LAMINA_INLINE F64 load(const double* p) { return {_mm512_load_pd(p)}; }
LAMINA_INLINE F32 loadu(const float* p) { return {_mm512_loadu_ps(p)}; }
LAMINA_INLINE F64 loadu(const double* p) { return {_mm512_loadu_pd(p)}; }
LAMINA_INLINE void store(float* p, F32 a) { _mm512_store_ps(p, a.reg); }
LAMINA_INLINE void store(double* p, F64 a) { _mm512_store_pd(p, a.reg); }
LAMINA_INLINE void storeu(float* p, F32 a) { _mm512_storeu_ps(p, a.reg); }
LAMINA_INLINE void storeu(double* p, F64 a) { _mm512_storeu_pd(p, a.reg); }

LAMINA_INLINE __mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>((1u << static_cast<unsigned>(n)) - 1u);
}
LAMINA_INLINE F32 load_n(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(first_lanes(n), p)}; }
LAMINA_INLINE F64 load_n(const double* p, int64_t n) {
  return {_mm512_maskz_loadu_pd(static_cast<__mmask8>(first_lanes(n)), p)};
}
LAMINA_INLINE void store_n(float* p, F32 a, int64_t n) { _mm512_mask_storeu_ps(p, first_lanes(n), a.reg); }
LAMINA_INLINE void store_n(double* p, F64 a, int64_t n) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>(first_lanes(n)), a.reg);
}

template <class T>
LAMINA_INLINE Vec<T> broadcast(T x) {
  if constexpr (kIsFloat<T>) {
    return {_mm512_set1_ps(x)};
  } else {
    return {_mm512_set1_pd(x)};
  }
}
template <class T>
LAMINA_INLINE Vec<T> zero() {
  if constexpr (kIsFloat<T>) {
    return {_mm512_setzero_ps()};
  } else {
    return {_mm512_setzero_pd()};
  }
}

LAMINA_INLINE F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator+(F64 a, F64 b) { return {_mm512_add_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator-(F64 a, F64 b) { return {_mm512_sub_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator*(F64 a, F64 b) { return {_mm512_mul_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator/(F64 a, F64 b) { return {_mm512_div_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.reg, b.reg, c.reg)}; }
LAMINA_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm512_fmadd_pd(a.reg, b.reg, c.reg)}; }
LAMINA_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm512_fnmadd_ps(a.reg, b.reg, c.reg)}; }
LAMINA_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {_mm512_fnmadd_pd(a.reg, b.reg, c.reg)}; }
LAMINA_INLINE F32 sqrt(F32 a) { return {_mm512_sqrt_ps(a.reg)}; }
LAMINA_INLINE F64 sqrt(F64 a) { return {_mm512_sqrt_pd(a.reg)}; }
LAMINA_INLINE F32 max(F32 a, F32 b) { return {_mm512_max_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 max(F64 a, F64 b) { return {_mm512_max_pd(a.reg, b.reg)}; }
LAMINA_INLINE F32 min(F32 a, F32 b) { return {_mm512_min_ps(a.reg, b.reg)}; }
LAMINA_INLINE F64 min(F64 a, F64 b) { return {_mm512_min_pd(a.reg, b.reg)}; }

LAMINA_INLINE Mask<float> lt(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.reg, b.reg, _CMP_LT_OQ)}; }
LAMINA_INLINE Mask<double> lt(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.reg, b.reg, _CMP_LT_OQ)}; }
LAMINA_INLINE Mask<float> le(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.reg, b.reg, _CMP_LE_OQ)}; }
LAMINA_INLINE Mask<double> le(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.reg, b.reg, _CMP_LE_OQ)}; }
LAMINA_INLINE Mask<float> gt(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.reg, b.reg, _CMP_GT_OQ)}; }
LAMINA_INLINE Mask<double> gt(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.reg, b.reg, _CMP_GT_OQ)}; }
LAMINA_INLINE Mask<float> ge(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.reg, b.reg, _CMP_GE_OQ)}; }
LAMINA_INLINE Mask<double> ge(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.reg, b.reg, _CMP_GE_OQ)}; }
LAMINA_INLINE Mask<float> eq(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.reg, b.reg, _CMP_EQ_OQ)}; }
LAMINA_INLINE Mask<double> eq(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.reg, b.reg, _CMP_EQ_OQ)}; }
LAMINA_INLINE Mask<float> is_nan(F32 a) { return {_mm512_cmp_ps_mask(a.reg, a.reg, _CMP_UNORD_Q)}; }
LAMINA_INLINE Mask<double> is_nan(F64 a) { return {_mm512_cmp_pd_mask(a.reg, a.reg, _CMP_UNORD_Q)}; }
template <class T>
LAMINA_INLINE Mask<T> mask_and(Mask<T> a, Mask<T> b) {
  return {static_cast<decltype(a.reg)>(a.reg & b.reg)};
}
template <class T>
LAMINA_INLINE bool any(Mask<T> a) {
  return a.reg != 0;
}
LAMINA_INLINE F32 select(Mask<float> m, F32 a, F32 b) { return {_mm512_mask_blend_ps(m.reg, b.reg, a.reg)}; }
LAMINA_INLINE F64 select(Mask<double> m, F64 a, F64 b) { return {_mm512_mask_blend_pd(m.reg, b.reg, a.reg)}; }

LAMINA_INLINE Bits<float> as_bits(F32 a) { return {_mm512_castps_si512(a.reg)}; }
LAMINA_INLINE Bits<double> as_bits(F64 a) { return {_mm512_castpd_si512(a.reg)}; }
LAMINA_INLINE F32 from_bits(Bits<float> a) { return {_mm512_castsi512_ps(a.reg)}; }
LAMINA_INLINE F64 from_bits(Bits<double> a) { return {_mm512_castsi512_pd(a.reg)}; }
// Ternary logic: a bit of the second where that of the first is set, else of the third.
constexpr int kFirstChooses = 0xca;
// See common.h, whose templates these are chosen before.
LAMINA_INLINE F32 reciprocal_estimate(F32 a) { return {_mm512_rcp14_ps(a.reg)}; }
LAMINA_INLINE F64 reciprocal_estimate(F64 a) {
  const F64 first = {_mm512_rcp14_pd(a.reg)};
  return fma(first, fnma(a, first, F64{_mm512_set1_pd(1.0)}), first);
}
// Beside a square root, which keeps the divider busy, multiplications are free. The limit keeps the estimate
// normal; a NaN passes it.
LAMINA_INLINE F32 quotient(F32 a, F32 b) {
  b = min(F32{_mm512_set1_ps(0x1p125f)}, b);
  const F32 inverse = reciprocal_estimate(b), first = a * inverse;
  return fma(fnma(b, first, a), inverse, first);
}
LAMINA_INLINE F64 quotient(F64 a, F64 b) {
  b = min(F64{_mm512_set1_pd(0x1p1020)}, b);
  const F64 inverse = reciprocal_estimate(b), first = a * inverse;
  return fma(fnma(b, first, a), inverse, first);
}
LAMINA_INLINE F32 copysign(F32 magnitude, F32 sign) {
  const __m512i bits = _mm512_set1_epi32(INT32_MIN);
  return {_mm512_castsi512_ps(_mm512_ternarylogic_epi32(bits, _mm512_castps_si512(sign.reg),
                                                        _mm512_castps_si512(magnitude.reg), kFirstChooses))};
}
LAMINA_INLINE F64 copysign(F64 magnitude, F64 sign) {
  const __m512i bits = _mm512_set1_epi64(INT64_MIN);
  return {_mm512_castsi512_pd(_mm512_ternarylogic_epi64(bits, _mm512_castpd_si512(sign.reg),
                                                        _mm512_castpd_si512(magnitude.reg), kFirstChooses))};
}
LAMINA_INLINE int64_t keep_nonzero_line(const float* from, int64_t first, float* values, int32_t* columns) {
  const __m512 line = _mm512_loadu_ps(from);
  const __mmask16 kept = _mm512_cmp_ps_mask(line, _mm512_setzero_ps(), _CMP_NEQ_UQ);
  const __m512i numbers =
      _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(first)),
                       _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  // Not the instruction that compresses into memory, which takes over a hundred cycles on Zen 4.
  _mm512_storeu_ps(values, _mm512_maskz_compress_ps(kept, line));
  _mm512_storeu_si512(columns, _mm512_maskz_compress_epi32(kept, numbers));
  return _mm_popcnt_u32(kept);
}
LAMINA_INLINE int64_t keep_nonzero_line(const double* from, int64_t first, double* values, int32_t* columns) {
  const __m512d line = _mm512_loadu_pd(from);
  const __mmask8 kept = _mm512_cmp_pd_mask(line, _mm512_setzero_pd(), _CMP_NEQ_UQ);
  const __m256i numbers = _mm256_add_epi32(_mm256_set1_epi32(static_cast<int32_t>(first)),
                                           _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  _mm512_storeu_pd(values, _mm512_maskz_compress_pd(kept, line));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(columns), _mm256_maskz_compress_epi32(kept, numbers));
  return _mm_popcnt_u32(kept);
}
template <class T, class Word>
LAMINA_INLINE Bits<T> splat_bits(Word x) {
  if constexpr (kIsFloat<T>) {
    return {_mm512_set1_epi32(static_cast<int32_t>(x))};
  } else {
    return {_mm512_set1_epi64(static_cast<int64_t>(x))};
  }
}
template <class T>
LAMINA_INLINE Bits<T> operator&(Bits<T> a, Bits<T> b) {
  return {_mm512_and_si512(a.reg, b.reg)};
}
template <class T>
LAMINA_INLINE Bits<T> operator|(Bits<T> a, Bits<T> b) {
  return {_mm512_or_si512(a.reg, b.reg)};
}
template <class T>
LAMINA_INLINE Bits<T> operator^(Bits<T> a, Bits<T> b) {
  return {_mm512_xor_si512(a.reg, b.reg)};
}
template <class T>
LAMINA_INLINE Bits<T> operator+(Bits<T> a, Bits<T> b) {
  if constexpr (kIsFloat<T>) {
    return {_mm512_add_epi32(a.reg, b.reg)};
  } else {
    return {_mm512_add_epi64(a.reg, b.reg)};
  }
}
template <class T>
LAMINA_INLINE Bits<T> operator-(Bits<T> a, Bits<T> b) {
  if constexpr (kIsFloat<T>) {
    return {_mm512_sub_epi32(a.reg, b.reg)};
  } else {
    return {_mm512_sub_epi64(a.reg, b.reg)};
  }
}
template <int kCount, class T>
LAMINA_INLINE Bits<T> shift_left(Bits<T> a) {
  if constexpr (kIsFloat<T>) {
    return {_mm512_slli_epi32(a.reg, kCount)};
  } else {
    return {_mm512_slli_epi64(a.reg, kCount)};
  }
}
template <int kCount, class T>
LAMINA_INLINE Bits<T> shift_right(Bits<T> a) {
  if constexpr (kIsFloat<T>) {
    return {_mm512_srli_epi32(a.reg, kCount)};
  } else {
    return {_mm512_srli_epi64(a.reg, kCount)};
  }
}

// Products of the low 32 bits of each 64-bit lane.
LAMINA_INLINE Bits<double> multiply_low_halves(Bits<double> a, Bits<double> b) {
  return {_mm512_mul_epu32(a.reg, b.reg)};
}

// Lane i + lane i + half, down to one lane.
LAMINA_INLINE float reduce_add(F32 a) {
  const __m256 low = _mm512_castps512_ps256(a.reg);
  const __m256 high = _mm512_extractf32x8_ps(a.reg, 1);
  const __m256 eight = _mm256_add_ps(low, high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
LAMINA_INLINE double reduce_add(F64 a) {
  const __m256d low = _mm512_castpd512_pd256(a.reg);
  const __m256d four = _mm256_add_pd(low, _mm512_extractf64x4_pd(a.reg, 1));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
LAMINA_INLINE float reduce_max(F32 a) {
  const __m256 low = _mm512_castps512_ps256(a.reg);
  const __m256 eight = _mm256_max_ps(low, _mm512_extractf32x8_ps(a.reg, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
LAMINA_INLINE double reduce_max(F64 a) {
  const __m256d low = _mm512_castpd512_pd256(a.reg);
  const __m256d four = _mm256_max_pd(low, _mm512_extractf64x4_pd(a.reg, 1));
  const __m128d two = _mm_max_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_max_sd(two, _mm_unpackhi_pd(two, two)));
}

// Quarters (128 bits) of four rows: 4x4 transposed, rows step apart.
LAMINA_INLINE void transpose_quarters(F32* rows, int step) {
  const __m512 a = rows[0].reg, b = rows[step].reg, c = rows[2 * step].reg, d = rows[3 * step].reg;
  const __m512 ab_low = _mm512_shuffle_f32x4(a, b, 0x88), ab_high = _mm512_shuffle_f32x4(a, b, 0xdd);
  const __m512 cd_low = _mm512_shuffle_f32x4(c, d, 0x88), cd_high = _mm512_shuffle_f32x4(c, d, 0xdd);
  rows[0].reg = _mm512_shuffle_f32x4(ab_low, cd_low, 0x88);
  rows[step].reg = _mm512_shuffle_f32x4(ab_high, cd_high, 0x88);
  rows[2 * step].reg = _mm512_shuffle_f32x4(ab_low, cd_low, 0xdd);
  rows[3 * step].reg = _mm512_shuffle_f32x4(ab_high, cd_high, 0xdd);
}

// 4x4 floats within each quarter of four neighbouring rows.
LAMINA_INLINE void transpose_within_quarters(F32* rows) {
  const __m512d ab_low = _mm512_castps_pd(_mm512_unpacklo_ps(rows[0].reg, rows[1].reg));
  const __m512d ab_high = _mm512_castps_pd(_mm512_unpackhi_ps(rows[0].reg, rows[1].reg));
  const __m512d cd_low = _mm512_castps_pd(_mm512_unpacklo_ps(rows[2].reg, rows[3].reg));
  const __m512d cd_high = _mm512_castps_pd(_mm512_unpackhi_ps(rows[2].reg, rows[3].reg));
  rows[0].reg = _mm512_castpd_ps(_mm512_unpacklo_pd(ab_low, cd_low));
  rows[1].reg = _mm512_castpd_ps(_mm512_unpackhi_pd(ab_low, cd_low));
  rows[2].reg = _mm512_castpd_ps(_mm512_unpacklo_pd(ab_high, cd_high));
  rows[3].reg = _mm512_castpd_ps(_mm512_unpackhi_pd(ab_high, cd_high));
}

LAMINA_INLINE void transpose_block(F32* rows) {
  transpose_within_quarters(rows);
  transpose_within_quarters(rows + 4);
  transpose_within_quarters(rows + 8);
  transpose_within_quarters(rows + 12);
  transpose_quarters(rows, 4);
  transpose_quarters(rows + 1, 4);
  transpose_quarters(rows + 2, 4);
  transpose_quarters(rows + 3, 4);
}

LAMINA_INLINE void transpose_block(F64* rows) {
  F32 quarters[8];
#define LAMINA_PAIR(i)                                                                  \
  quarters[i].reg = _mm512_castpd_ps(_mm512_unpacklo_pd(rows[i].reg, rows[i + 1].reg)); \
  quarters[i + 1].reg = _mm512_castpd_ps(_mm512_unpackhi_pd(rows[i].reg, rows[i + 1].reg))
  LAMINA_PAIR(0);
  LAMINA_PAIR(2);
  LAMINA_PAIR(4);
  LAMINA_PAIR(6);
#undef LAMINA_PAIR
  transpose_quarters(quarters, 2);
  transpose_quarters(quarters + 1, 2);
  // Quarter q of row r is now pair column q: rows 0, 1 hold columns 0, 1, rows 2, 3 columns 2, 3, ...
  for (int i = 0; i < 8; ++i) rows[i].reg = _mm512_castps_pd(quarters[i].reg);
}

}  // namespace
}  // namespace lamina::kernels

#include "kernels/simd/common.h"
