// Every activation, loss and update rule that the kernels know, with what their numbers mean.
#pragma once

#include <stdint.h>

namespace lamina::kernels {

// Elementwise activations f. kNeedsZ below tells whose derivative cannot be had from y = f(z) alone.
enum class Activation : uint8_t {
  kIdentity,
  kRelu,
  kLeakyRelu,  // parameter: slope for z < 0, in [0, 1]
  kSigmoid,
  kTanh,
  kSoftplus,
  kGelu,      // exact: z * Phi(z)
  kGeluTanh,  // Hendrycks & Gimpel's tanh form
  kSilu,
  kCount
};
inline constexpr int kActivationCount = static_cast<int>(Activation::kCount);

// Backward reads f'(z) stored by forward (true) or computes it from the output y (false).
constexpr bool stores_derivative(Activation activation) noexcept {
  switch (activation) {
    case Activation::kSoftplus:
    case Activation::kGelu:
    case Activation::kGeluTanh:
    case Activation::kSilu:
      return true;
    default:
      return false;
  }
}

// Losses per row, summed over columns; gradients with respect to the outputs.
enum class Loss : uint8_t {
  kMeanSquaredError,              // (y - t)^2
  kMeanAbsoluteError,             // |y - t|, gradient sign(y - t), 0 at 0
  kBinaryCrossEntropy,            // outputs are probabilities in [0, 1]; log clamped at -100 as PyTorch does
  kBinaryCrossEntropyWithLogits,  // parameters[0]: label smoothing
  kCrossEntropy,                  // outputs are probabilities; log clamped at the smallest normal number
  kCrossEntropyWithLogits,        // softmax inside; parameters[0]: label smoothing
  kCount
};
inline constexpr int kLossCount = static_cast<int>(Loss::kCount);

// coefficients, in order, are set per step by the optimizer; g is the gradient, w the weight.
enum class UpdateRule : uint8_t {
  // w *= 1 - c[3] (decoupled decay); g += c[1] * w; c[2] > 0 (momentum): v = c[2] * v + g and the
  // step is v, or g + c[2] * v where c[4] != 0 (Nesterov); w -= c[0] * step. state[0] = v.
  kSgd,
  // w *= 1 - c[6]; g += c[5] * w; m = c[1] m + (1 - c[1]) g; v = c[2] v + (1 - c[2]) g^2;
  // w -= c[0] * m / (sqrt(v) * c[3] + c[4]); c[0] = rate / (1 - beta1^t), c[3] = 1 / sqrt(1 - beta2^t),
  // c[4] = epsilon, c[7] = 1 - beta1, c[8] = 1 - beta2. state[0] = m, state[1] = v.
  kAdam,
  kCount
};
inline constexpr int kUpdateRuleCount = static_cast<int>(UpdateRule::kCount);
inline constexpr int kMaxCoefficients = 12;

}  // namespace lamina::kernels
