// NEON (aarch64) vectors of 4 floats or 2 doubles.
#pragma once

#include <arm_neon.h>

#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

constexpr const char* kInstructionSet = "neon";
// The product's largest register tile: vectors across, rows down.
constexpr int kTileVectors = 4, kTileRows = 5;

template <>
struct Vec<float> {
  float32x4_t reg;
  static constexpr int64_t kLanes = 4;
};
template <>
struct Vec<double> {
  float64x2_t reg;
  static constexpr int64_t kLanes = 2;
};
template <>
struct Mask<float> {
  uint32x4_t reg;
};
template <>
struct Mask<double> {
  uint64x2_t reg;
};
template <>
struct Bits<float> {
  uint32x4_t reg;
};
template <>
struct Bits<double> {
  uint64x2_t reg;
};

using F32 = Vec<float>;
using F64 = Vec<double>;

LAMINA_INLINE F32 loadu(const float* p) { return {vld1q_f32(p)}; }
LAMINA_INLINE F64 loadu(const double* p) { return {vld1q_f64(p)}; }
LAMINA_INLINE void storeu(float* p, F32 a) { vst1q_f32(p, a.reg); }
LAMINA_INLINE void storeu(double* p, F64 a) { vst1q_f64(p, a.reg); }
template <class T>
LAMINA_INLINE Vec<T> load(const T* p) {
  return loadu(p);
}
template <class T>
LAMINA_INLINE void store(T* p, Vec<T> a) {
  storeu(p, a);
}
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
    return {vdupq_n_f32(x)};
  } else {
    return {vdupq_n_f64(x)};
  }
}
template <class T>
LAMINA_INLINE Vec<T> zero() {
  return broadcast<T>(T(0));
}

LAMINA_INLINE F32 operator+(F32 a, F32 b) { return {vaddq_f32(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator+(F64 a, F64 b) { return {vaddq_f64(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator-(F32 a, F32 b) { return {vsubq_f32(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator-(F64 a, F64 b) { return {vsubq_f64(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator*(F32 a, F32 b) { return {vmulq_f32(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator*(F64 a, F64 b) { return {vmulq_f64(a.reg, b.reg)}; }
LAMINA_INLINE F32 operator/(F32 a, F32 b) { return {vdivq_f32(a.reg, b.reg)}; }
LAMINA_INLINE F64 operator/(F64 a, F64 b) { return {vdivq_f64(a.reg, b.reg)}; }
LAMINA_INLINE F32 fma(F32 a, F32 b, F32 c) { return {vfmaq_f32(c.reg, a.reg, b.reg)}; }
LAMINA_INLINE F64 fma(F64 a, F64 b, F64 c) { return {vfmaq_f64(c.reg, a.reg, b.reg)}; }
LAMINA_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {vfmsq_f32(c.reg, a.reg, b.reg)}; }
LAMINA_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {vfmsq_f64(c.reg, a.reg, b.reg)}; }
LAMINA_INLINE F32 sqrt(F32 a) { return {vsqrtq_f32(a.reg)}; }
LAMINA_INLINE F64 sqrt(F64 a) { return {vsqrtq_f64(a.reg)}; }
// Not vmaxq, which returns NaN for either NaN: with x86's rule the second operand decides.
LAMINA_INLINE F32 max(F32 a, F32 b) { return {vbslq_f32(vcgtq_f32(a.reg, b.reg), a.reg, b.reg)}; }
LAMINA_INLINE F64 max(F64 a, F64 b) { return {vbslq_f64(vcgtq_f64(a.reg, b.reg), a.reg, b.reg)}; }
LAMINA_INLINE F32 min(F32 a, F32 b) { return {vbslq_f32(vcltq_f32(a.reg, b.reg), a.reg, b.reg)}; }
LAMINA_INLINE F64 min(F64 a, F64 b) { return {vbslq_f64(vcltq_f64(a.reg, b.reg), a.reg, b.reg)}; }

LAMINA_INLINE Mask<float> lt(F32 a, F32 b) { return {vcltq_f32(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> lt(F64 a, F64 b) { return {vcltq_f64(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> le(F32 a, F32 b) { return {vcleq_f32(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> le(F64 a, F64 b) { return {vcleq_f64(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> gt(F32 a, F32 b) { return {vcgtq_f32(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> gt(F64 a, F64 b) { return {vcgtq_f64(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> ge(F32 a, F32 b) { return {vcgeq_f32(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> ge(F64 a, F64 b) { return {vcgeq_f64(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> eq(F32 a, F32 b) { return {vceqq_f32(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> eq(F64 a, F64 b) { return {vceqq_f64(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> mask_and(Mask<float> a, Mask<float> b) { return {vandq_u32(a.reg, b.reg)}; }
LAMINA_INLINE Mask<double> mask_and(Mask<double> a, Mask<double> b) { return {vandq_u64(a.reg, b.reg)}; }
LAMINA_INLINE Mask<float> mask_not(Mask<float> a) { return {vmvnq_u32(a.reg)}; }
LAMINA_INLINE Mask<double> mask_not(Mask<double> a) { return {veorq_u64(a.reg, vdupq_n_u64(~uint64_t{0}))}; }
template <class T>
LAMINA_INLINE Mask<T> is_nan(Vec<T> a) {
  return mask_not(eq(a, a));
}
LAMINA_INLINE bool any(Mask<float> a) { return vmaxvq_u32(a.reg) != 0; }
LAMINA_INLINE bool any(Mask<double> a) { return vmaxvq_u32(vreinterpretq_u32_u64(a.reg)) != 0; }
LAMINA_INLINE F32 select(Mask<float> m, F32 a, F32 b) { return {vbslq_f32(m.reg, a.reg, b.reg)}; }
LAMINA_INLINE F64 select(Mask<double> m, F64 a, F64 b) { return {vbslq_f64(m.reg, a.reg, b.reg)}; }

LAMINA_INLINE Bits<float> as_bits(F32 a) { return {vreinterpretq_u32_f32(a.reg)}; }
LAMINA_INLINE Bits<double> as_bits(F64 a) { return {vreinterpretq_u64_f64(a.reg)}; }
LAMINA_INLINE F32 from_bits(Bits<float> a) { return {vreinterpretq_f32_u32(a.reg)}; }
LAMINA_INLINE F64 from_bits(Bits<double> a) { return {vreinterpretq_f64_u64(a.reg)}; }
template <class T, class Word>
LAMINA_INLINE Bits<T> splat_bits(Word x) {
  if constexpr (kIsFloat<T>) {
    return {vdupq_n_u32(x)};
  } else {
    return {vdupq_n_u64(x)};
  }
}
LAMINA_INLINE Bits<float> operator&(Bits<float> a, Bits<float> b) { return {vandq_u32(a.reg, b.reg)}; }
LAMINA_INLINE Bits<double> operator&(Bits<double> a, Bits<double> b) { return {vandq_u64(a.reg, b.reg)}; }
LAMINA_INLINE Bits<float> operator|(Bits<float> a, Bits<float> b) { return {vorrq_u32(a.reg, b.reg)}; }
LAMINA_INLINE Bits<double> operator|(Bits<double> a, Bits<double> b) { return {vorrq_u64(a.reg, b.reg)}; }
LAMINA_INLINE Bits<float> operator^(Bits<float> a, Bits<float> b) { return {veorq_u32(a.reg, b.reg)}; }
LAMINA_INLINE Bits<double> operator^(Bits<double> a, Bits<double> b) { return {veorq_u64(a.reg, b.reg)}; }
LAMINA_INLINE Bits<float> operator+(Bits<float> a, Bits<float> b) { return {vaddq_u32(a.reg, b.reg)}; }
LAMINA_INLINE Bits<double> operator+(Bits<double> a, Bits<double> b) { return {vaddq_u64(a.reg, b.reg)}; }
LAMINA_INLINE Bits<float> operator-(Bits<float> a, Bits<float> b) { return {vsubq_u32(a.reg, b.reg)}; }
LAMINA_INLINE Bits<double> operator-(Bits<double> a, Bits<double> b) { return {vsubq_u64(a.reg, b.reg)}; }
template <int kCount>
LAMINA_INLINE Bits<float> shift_left(Bits<float> a) {
  return {vshlq_n_u32(a.reg, kCount)};
}
template <int kCount>
LAMINA_INLINE Bits<double> shift_left(Bits<double> a) {
  return {vshlq_n_u64(a.reg, kCount)};
}
template <int kCount>
LAMINA_INLINE Bits<float> shift_right(Bits<float> a) {
  return {vshrq_n_u32(a.reg, kCount)};
}
template <int kCount>
LAMINA_INLINE Bits<double> shift_right(Bits<double> a) {
  return {vshrq_n_u64(a.reg, kCount)};
}

// Products of the low 32 bits of each 64-bit lane.
LAMINA_INLINE Bits<double> multiply_low_halves(Bits<double> a, Bits<double> b) {
  return {vmull_u32(vmovn_u64(a.reg), vmovn_u64(b.reg))};
}

// Lane i + lane i + half, down to one lane.
LAMINA_INLINE float reduce_add(F32 a) {
  const float32x2_t two = vadd_f32(vget_low_f32(a.reg), vget_high_f32(a.reg));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
LAMINA_INLINE double reduce_add(F64 a) { return vgetq_lane_f64(a.reg, 0) + vgetq_lane_f64(a.reg, 1); }
LAMINA_INLINE float reduce_max(F32 a) { return vmaxvq_f32(a.reg); }
LAMINA_INLINE double reduce_max(F64 a) { return vmaxvq_f64(a.reg); }

LAMINA_INLINE void transpose_block(F64* rows) {
  const float64x2_t top = rows[0].reg;
  rows[0].reg = vzip1q_f64(top, rows[1].reg);
  rows[1].reg = vzip2q_f64(top, rows[1].reg);
}
LAMINA_INLINE void transpose_block(F32* rows) {
  const float32x4_t ac[2] = {vzip1q_f32(rows[0].reg, rows[2].reg), vzip2q_f32(rows[0].reg, rows[2].reg)};
  const float32x4_t bd[2] = {vzip1q_f32(rows[1].reg, rows[3].reg), vzip2q_f32(rows[1].reg, rows[3].reg)};
  rows[0].reg = vzip1q_f32(ac[0], bd[0]);
  rows[1].reg = vzip2q_f32(ac[0], bd[0]);
  rows[2].reg = vzip1q_f32(ac[1], bd[1]);
  rows[3].reg = vzip2q_f32(ac[1], bd[1]);
}

}  // namespace
}  // namespace lamina::kernels

#include "kernels/simd/common.h"
