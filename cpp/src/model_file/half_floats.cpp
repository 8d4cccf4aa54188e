// Rounds and widens by bits, so that the result is the same on every processor.
#include "model_file/half_floats.h"

#include <bit>
#include <cmath>

namespace lamina {
namespace {

constexpr std::uint32_t kSign = 0x80000000U;
constexpr std::uint32_t kInfinity = 0x7F800000U;
constexpr int kFractionBits = 23;

// bits / 2^shift, to the nearest whole number, ties to the even one.
std::uint32_t shifted(std::uint32_t bits, int shift) noexcept {
  const std::uint32_t half = (std::uint32_t{1} << (shift - 1)) - 1;
  return (bits + half + ((bits >> shift) & 1U)) >> shift;
}

std::uint32_t to_bfloat16(std::uint32_t magnitude) noexcept {
  if (magnitude > kInfinity) return (magnitude >> 16) | 0x0040U;  // NaN stays one
  return shifted(magnitude, 16);
}

std::uint32_t to_float16(std::uint32_t magnitude) noexcept {
  constexpr int kShift = kFractionBits - 10;
  constexpr std::uint32_t kBias = (127U - 15U) << kFractionBits;  // between the two exponents
  constexpr std::uint32_t kLeastNormal = kBias + (1U << kFractionBits);
  constexpr std::uint32_t kOverflow = 0x477FF000U;  // 65520 rounds to 2^16
  if (magnitude > kInfinity) return 0x7E00U;
  if (magnitude >= kOverflow) return 0x7C00U;
  if (magnitude >= kLeastNormal) return shifted(magnitude - kBias, kShift);
  const int exponent = static_cast<int>(magnitude >> kFractionBits);
  const int shift = kShift + (127 - 14) - exponent;
  if (shift > kFractionBits + 2) return 0;  // below half of the least subnormal
  return shifted((magnitude & 0x007FFFFFU) | 0x00800000U, shift);
}

}  // namespace

std::uint16_t narrowed(float value, TensorType type) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & ~kSign;
  const std::uint32_t rounded =
      type == TensorType::kBfloat16 ? to_bfloat16(magnitude) : to_float16(magnitude);
  return static_cast<std::uint16_t>(((bits & kSign) >> 16) | rounded);
}

float widened(std::uint16_t bits, TensorType type) noexcept {
  if (type == TensorType::kBfloat16) return std::bit_cast<float>(std::uint32_t{bits} << 16);
  const std::uint32_t sign = (bits & 0x8000U) << 16, fraction = bits & 0x03FFU,
                      exponent = (bits >> 10) & 0x1FU;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t wide = exponent == 0x1FU ? 0xFFU : exponent + (127U - 15U);
  return std::bit_cast<float>(sign | (wide << kFractionBits) | (fraction << 13));
}

std::optional<std::size_t> narrow(std::span<const float> values, TensorType type,
                                  std::uint16_t* out) noexcept {
  std::optional<std::size_t> overflow;
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[i] = narrowed(values[i], type);
    if (!overflow && std::isfinite(values[i]) && !std::isfinite(widened(out[i], type))) overflow = i;
  }
  return overflow;
}

void widen(std::span<const std::uint16_t> bits, TensorType type, float* out) noexcept {
  for (std::size_t i = 0; i < bits.size(); ++i) out[i] = widened(bits[i], type);
}

}  // namespace lamina
