// Every activation, loss and update rule that the kernels know, with what their numbers mean.
#pragma once

#include <stdint.h>

namespace lamina::kernels {

// Elementwise activations f. stores_derivative below tells whose derivative y = f(z) alone does not give.
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
  kElu,   // parameter: alpha > 0; alpha (exp(z) - 1) for z < 0
  kSelu,  // Klambauer et al.'s constants
  kCelu,  // parameter: alpha > 0; alpha (exp(z / alpha) - 1) for z < 0
  kMish,  // z tanh(softplus(z))
  kSoftsign,
  kLogSigmoid,
  kHardSigmoid,  // clamp(z + 3, 0, 6) / 6
  kHardTanh,     // clamp(z, -1, 1)
  kHardSwish,    // z clamp(z + 3, 0, 6) / 6
  kRelu6,        // clamp(z, 0, 6)
  kSin,          // parameter: frequency; sin(frequency z)
  kGaussian,     // exp(-z^2)
  kStep,         // 1 for z > 0, else 0; its derivative is taken as 0
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
    case Activation::kMish:
    case Activation::kLogSigmoid:
    case Activation::kHardSwish:
    case Activation::kSin:
    case Activation::kGaussian:
      return true;
    default:
      return false;
  }
}

// What the gradient over whole arrays is computed from. Memory is slow there: the input is there anyway, an
// array of slopes pays only where they take long to compute again.
enum class GradientSource : uint8_t { kInput, kOutput, kDerivative };
constexpr GradientSource gradient_source(Activation activation) noexcept {
  switch (activation) {
    case Activation::kRelu:
    case Activation::kLeakyRelu:
    case Activation::kHardSigmoid:
    case Activation::kHardTanh:
    case Activation::kRelu6:
      return GradientSource::kInput;
    case Activation::kGelu:
    case Activation::kGeluTanh:
    case Activation::kMish:
      return GradientSource::kDerivative;
    default:
      return stores_derivative(activation) ? GradientSource::kInput : GradientSource::kOutput;
  }
}

// Losses per row, summed over columns; gradients with respect to the outputs y; t is the target. Class
// targets are for the cross-entropies, the focal loss and the Kullback-Leibler divergences.
enum class Loss : uint8_t {
  kMeanSquaredError,              // (y - t)^2
  kMeanAbsoluteError,             // |y - t|, gradient sign(y - t), 0 at 0
  kBinaryCrossEntropy,            // outputs are probabilities in [0, 1]; log clamped at -100 as PyTorch does
  kBinaryCrossEntropyWithLogits,  // parameters: label smoothing, weight of the positive class
  kCrossEntropy,                  // outputs are probabilities; log clamped at the smallest normal number
  kCrossEntropyWithLogits,        // softmax inside; parameters[0]: label smoothing
  kHuber,                // parameters[0]: delta; (y - t)^2 / 2 within delta, else delta (|y - t| - delta / 2)
  kLogCosh,              // log(cosh(y - t))
  kQuantile,             // parameters[0]: level q in (0, 1); max(q (t - y), (q - 1) (t - y)), slope 0 at 0
  kQuantiles,            // parameters: n, and n levels; each target column has n output columns
  kPoissonLog,           // y is the log of the rate; exp(y) - t y
  kPoissonRate,          // y is the rate; y - t log(y + 1e-8)
  kGammaLog,             // y is the log of the mean; t exp(-y) + y
  kTweedieLog,           // y is the log of the mean, parameters[0]: power p in (1, 2);
                         // exp((2 - p) y) / (2 - p) - t exp((1 - p) y) / (1 - p)
  kGaussianLogVariance,  // outputs [rows, 2 d]: d means, then d log variances s; targets [rows, d];
                         // (s + (mean - t)^2 exp(-s)) / 2
  kBinaryFocalWithLogits,   // parameters[0]: gamma >= 0; (1 - exp(-b))^gamma b, b binary cross-entropy
  kFocalWithLogits,         // parameters[0]: gamma >= 0; sum of -t (1 - p)^gamma log(p), p = softmax(y)
  kHinge,                   // t is -1 or 1; max(0, 1 - t y)
  kSquaredHinge,            // max(0, 1 - t y)^2
  kKlDivergence,            // y are probabilities; sum of t log(t / y), log clamped as in kCrossEntropy
  kKlDivergenceWithLogits,  // the same of softmax(y)
  kCosine,                  // 1 - y.t / (|y| |t|), norms at least 1e-8
  kCount
};
inline constexpr int kLossCount = static_cast<int>(Loss::kCount);

// coefficients, in order, are set per step by the optimizer; g is the gradient, w the weight.
enum class UpdateRule : uint8_t {
  // w *= 1 - c[3] (decoupled decay); g += c[1] * w; c[2] > 0 (momentum): v = c[2] * v + g and the
  // step is v, or g + c[2] * v where c[4] != 0 (Nesterov); w -= c[0] * step. state[0] = v. With momentum
  // and c[5] != 0, g *= c[0] before that, and w -= step.
  kSgd,
  // w *= 1 - c[6]; g += c[5] * w; m += c[1] (g - m); v += c[2] (g^2 - v);
  // w -= c[0] * m / (sqrt(v) * c[3] + c[4]); c[0] = rate / (1 - beta1^t), c[3] = 1 / sqrt(1 - beta2^t),
  // c[1] = 1 - beta1, c[2] = 1 - beta2, c[4] = epsilon. state[0] = m, state[1] = v.
  kAdam,
  // All rules below begin with w *= 1 - c[2] (decoupled decay) and g += c[1] * w.
  // s += g^2; w -= c[0] g / (sqrt(s + c[4]) + c[3]): epsilon c[3], initial sum c[4];
  // c[0] = rate / (1 + (t - 1) rate_decay). state[0] = s.
  kAdagrad,
  // s += c[3] (g^2 - s); d = g sqrt(a + c[4]) / sqrt(s + c[4]); a += c[3] (d^2 - a); w -= c[0] d:
  // c[3] = 1 - rho, epsilon c[4]. state[0] = s, state[1] = a.
  kAdadelta,
  // s += c[3] (g^2 - s); c[6] != 0 (centered): a += c[3] (g - a) and s - a^2 stands for s below;
  // d = g / (sqrt(s) + c[4]); c[5] > 0 (momentum): b = c[5] b + d stands for d; w -= c[0] d:
  // c[3] = 1 - rho. state[0] = s, state[1] = b (momentum alone), state[2] = a (centered alone).
  kRmsprop,
  // kAdam with the largest v so far in place of v; c as for kAdam, both decays too. state[2] = largest v.
  kAmsgrad,
  // m += c[3] (g - m); u = max(c[4] u, |g| + c[5]); w -= c[0] m / u: c[0] = rate / (1 - beta1^t),
  // c[3] = 1 - beta1, c[4] = beta2, c[5] = epsilon. state[0] = m, state[1] = u.
  kAdamax,
  // m += c[3] (g - m); v += c[4] (g^2 - v); d = sqrt(v) c[5] + c[6]; w -= (c[0] g + c[7] m) / d:
  // c[3] = 1 - beta1, c[4] = 1 - beta2, c[5] = 1 / sqrt(1 - beta2^t), c[6] = epsilon,
  // c[0] = rate (1 - mu_t) / (1 - product), c[7] = rate mu_{t+1} / (1 - product mu_{t+1}).
  // state[0] = m, state[1] = v.
  kNadam,
  // m, v as kNadam; c[7] != 0 (rectified): w -= c[0] m / (sqrt(v) + c[6]), else w -= c[0] m:
  // c[0] = rate / (1 - beta1^t), times r sqrt(1 - beta2^t) when rectified. state[0] = m, state[1] = v.
  kRadam,
  // w -= c[0] sign(m + c[3] (g - m)); m += c[4] (g - m): c[3] = 1 - beta1, c[4] = 1 - beta2.
  // state[0] = m.
  kLion,
  // f = c[4], c[3] or 1 as g * previous g is > 0, < 0 or 0; step = clamp(step * f, c[5], c[6]); where
  // f is c[3], g = 0; w -= sign(g) * step. c[0]: the first step size. state[0] = g, state[1] = step.
  kRprop,
  kCount
};
inline constexpr int kUpdateRuleCount = static_cast<int>(UpdateRule::kCount);
inline constexpr int kMaxCoefficients = 8;

}  // namespace lamina::kernels
