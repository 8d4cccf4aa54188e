// SGD with momentum (Sutskever et al. 2013), Adam and Adamax (Kingma & Ba 2015), AdamW (Loshchilov & Hutter
// 2019), NAdam (Dozat 2016), RAdam (Liu et al. 2020), Lion (Chen et al. 2023), Adagrad (Duchi et al. 2011),
// Adadelta (Zeiler 2012), RMSprop (Tieleman & Hinton 2012), Rprop (Riedmiller & Braun 1993), Muon (Jordan
// 2024).
#include "optimizers/coefficients.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lamina {

namespace {

// Where no gradient ever was, padding above all, 0 / (0 + epsilon) must be 0.
double checked_epsilon(double epsilon) noexcept {
  return std::max<double>(epsilon, std::numeric_limits<float>::min());
}

// Weight decay as it enters the gradient, and as it shrinks the weights.
struct Decay {
  double coupled, decoupled;
  Decay(const ParameterStep& request, double is_decoupled) noexcept
      : coupled(is_decoupled != 0.0 ? 0.0 : request.weight_decay),
        decoupled(is_decoupled != 0.0 ? request.learning_rate * request.weight_decay : 0.0) {}
};

double step_of(const ParameterStep& request) noexcept { return static_cast<double>(request.step); }

// NAdam's momenta at step t and t + 1, and the product of all up to t.
struct NadamMomenta {
  double now, next, product;
};

NadamMomenta nadam_momenta(double beta1, double decay, int64_t step) {
  const double t = static_cast<double>(step);
  const double ratio = std::pow(0.96, decay);
  const auto momentum = [&](double power) { return beta1 * (1.0 - 0.5 * power); };
  NadamMomenta result{momentum(std::pow(ratio, t)), momentum(std::pow(ratio, t + 1.0)), 0.0};
  // No momentum exceeds beta1, so that the product of many is lost beside 1 and need not be formed.
  if (std::pow(beta1, t) < 1e-18) return result;
  result.product = 1.0;
  double power = 1.0;
  for (int64_t i = 1; i <= step; ++i) result.product *= momentum(power *= ratio);
  return result;
}

}  // namespace

// o: learning_rate, momentum, nesterov, decoupled
Coefficients sgd_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[3]);
  return {request.learning_rate, decay.coupled, o[1], decay.decoupled, o[2]};
}

// o: learning_rate, beta1, beta2, epsilon, decoupled; AMSGrad takes the same.
Coefficients adam_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[4]);
  const double t = step_of(request);
  return {request.learning_rate / (1.0 - std::pow(o[1], t)),
          1.0 - o[1],
          1.0 - o[2],
          1.0 / std::sqrt(1.0 - std::pow(o[2], t)),
          checked_epsilon(o[3]),
          decay.coupled,
          decay.decoupled};
}

// o: learning_rate, beta1, beta2, epsilon, decoupled
Coefficients adamax_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[4]);
  const double rate = request.learning_rate / (1.0 - std::pow(o[1], step_of(request)));
  return {rate, decay.coupled, decay.decoupled, 1.0 - o[1], o[2], checked_epsilon(o[3])};
}

// o: learning_rate, beta1, beta2, epsilon, decoupled, momentum_decay
Coefficients nadam_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[4]);
  const NadamMomenta mu = nadam_momenta(o[1], o[5], request.step);
  const double gradient_rate = request.learning_rate * (1.0 - mu.now) / (1.0 - mu.product);
  const double moment_rate = request.learning_rate * mu.next / (1.0 - mu.product * mu.next);
  return {gradient_rate,
          decay.coupled,
          decay.decoupled,
          1.0 - o[1],
          1.0 - o[2],
          1.0 / std::sqrt(1.0 - std::pow(o[2], step_of(request))),
          checked_epsilon(o[3]),
          moment_rate};
}

// o: learning_rate, beta1, beta2, epsilon, decoupled
Coefficients radam_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[4]);
  const double t = step_of(request), beta2_power = std::pow(o[2], t);
  const double longest = 2.0 / (1.0 - o[2]) - 1.0;
  const double length = longest - 2.0 * t * beta2_power / (1.0 - beta2_power);
  double rate = request.learning_rate / (1.0 - std::pow(o[1], t));
  const bool rectified = length > 5.0;
  if (rectified)
    rate *=
        std::sqrt((length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)) *
        std::sqrt(1.0 - beta2_power);
  return {rate,       decay.coupled, decay.decoupled,       1.0 - o[1],
          1.0 - o[2], 0.0,           checked_epsilon(o[3]), rectified ? 1.0 : 0.0};
}

// o: learning_rate, beta1, beta2, decoupled
Coefficients lion_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[3]);
  return {request.learning_rate, decay.coupled, decay.decoupled, 1.0 - o[1], 1.0 - o[2]};
}

// o: learning_rate, rate_decay, initial_accumulator, epsilon, decoupled
Coefficients adagrad_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[4]);
  const double rate = request.learning_rate / (1.0 + (step_of(request) - 1.0) * o[1]);
  return {rate, decay.coupled, decay.decoupled, checked_epsilon(o[3]), o[2]};
}

// o: learning_rate, rho, epsilon, decoupled
Coefficients adadelta_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[3]);
  return {request.learning_rate, decay.coupled, decay.decoupled, 1.0 - o[1], checked_epsilon(o[2])};
}

// o: learning_rate, rho, epsilon, momentum, centered, decoupled
Coefficients rmsprop_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[5]);
  return {
      request.learning_rate, decay.coupled, decay.decoupled, 1.0 - o[1], checked_epsilon(o[2]), o[3], o[4]};
}

// o: learning_rate (the first step size), shrink, grow, smallest_step, largest_step, decoupled
Coefficients rprop_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  const Decay decay(request, o[5]);
  // Step sizes are those without the layer's factor, which scales each step.
  const double first = request.rate_factor > 0.0 ? request.learning_rate / request.rate_factor : o[0];
  return {first, decay.coupled, decay.decoupled, o[1], o[2], o[3], o[4], request.rate_factor};
}

// o: learning_rate, momentum, nesterov, iterations, adamw_rate_factor, beta1, beta2, epsilon, match_adamw,
// first_and_last
Coefficients muon_coefficients(const OptimizerOptions& o, const ParameterStep& request) {
  return adam_coefficients({o[0], o[5], o[6], o[7], 1.0},
                           {request.learning_rate * o[4], request.weight_decay, request.step});
}

Coefficients muon_matrix_coefficients(double scale, const ParameterStep& request) {
  const Decay decay(request, 1.0);
  return {request.learning_rate * scale, decay.coupled, 0.0, decay.decoupled, 0.0};
}

}  // namespace lamina
