// float16 and bfloat16 as files hold them: rounded from float32 and widened again.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "model_file/model_file.h"

namespace lamina {

// The nearest float16 or bfloat16, of two that are as near the one whose last bit is 0; what is too great
// becomes infinity. `type` is kFloat16 or kBfloat16, here and below.
std::uint16_t narrowed(float value, TensorType type) noexcept;
// Exactly.
float widened(std::uint16_t bits, TensorType type) noexcept;

// narrowed() of each. Returns the place of the first finite value that would become infinity, if any.
std::optional<std::size_t> narrow(std::span<const float> values, TensorType type,
                                  std::uint16_t* out) noexcept;
void widen(std::span<const std::uint16_t> bits, TensorType type, float* out) noexcept;

}  // namespace lamina
