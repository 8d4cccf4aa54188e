// SGD with momentum (Sutskever et al. 2013), Adam and Adamax (Kingma & Ba 2015), AdamW (Loshchilov & Hutter
// 2019), NAdam (Dozat 2016), RAdam (Liu et al. 2020), Lion (Chen et al. 2023), Adagrad (Duchi et al. 2011),
// Adadelta (Zeiler 2012), RMSprop (Tieleman & Hinton 2012), Rprop (Riedmiller & Braun 1993), Muon (Jordan
// 2024).
#include "optimizers/coefficients.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

namespace lamina {

namespace {

// Where no gradient ever was, padding above all, 0 / (0 + epsilon) must be 0.
double checked_epsilon(double epsilon) noexcept {
  return std::max<double>(epsilon, std::numeric_limits<float>::min());
}

// Weight decay as it enters the gradient, and as it shrinks the weights.
struct Decay {
  double coupled, decoupled;
  Decay(const ParameterStep& request, bool is_decoupled) noexcept
      : coupled(is_decoupled ? 0.0 : request.weight_decay),
        decoupled(is_decoupled ? request.learning_rate * request.weight_decay : 0.0) {}
};

// Added to sqrt(v) * root_scale. Kingma & Ba's "epsilon hat" is added to sqrt(v), before that is scaled.
double epsilon_after(double epsilon, bool epsilon_hat, double root_scale) noexcept {
  return checked_epsilon(epsilon_hat ? epsilon * root_scale : epsilon);
}

double step_of(const ParameterStep& request) noexcept { return static_cast<double>(request.step); }

// 1 - beta^t, by which a running mean of t values falls short of their mean. A power below 2^-54 does not
// show in it, and need not be taken: beta^t < exp(-t (1 - beta)).
double share_of_mean(double beta, double t) noexcept {
  return t * (1.0 - beta) > 38.0 ? 1.0 : 1.0 - std::pow(beta, t);
}

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

Coefficients coefficients(const SgdOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  return {request.learning_rate, decay.coupled,          o.momentum,
          decay.decoupled,       o.nesterov ? 1.0 : 0.0, o.rate_in_velocity ? 1.0 : 0.0};
}

Coefficients coefficients(const AdamOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  const double t = step_of(request), root_scale = 1.0 / std::sqrt(share_of_mean(o.beta2, t));
  return {request.learning_rate / share_of_mean(o.beta1, t),   1.0 - o.beta1, 1.0 - o.beta2,  root_scale,
          epsilon_after(o.epsilon, o.epsilon_hat, root_scale), decay.coupled, decay.decoupled};
}

Coefficients coefficients(const AdamaxOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  const double rate = request.learning_rate / (1.0 - std::pow(o.beta1, step_of(request)));
  return {rate, decay.coupled, decay.decoupled, 1.0 - o.beta1, o.beta2, checked_epsilon(o.epsilon)};
}

Coefficients coefficients(const NadamOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  const NadamMomenta mu = nadam_momenta(o.beta1, o.momentum_decay, request.step);
  const double gradient_rate = request.learning_rate * (1.0 - mu.now) / (1.0 - mu.product);
  const double moment_rate = request.learning_rate * mu.next / (1.0 - mu.product * mu.next);
  const double root_scale = 1.0 / std::sqrt(1.0 - std::pow(o.beta2, step_of(request)));
  return {gradient_rate,
          decay.coupled,
          decay.decoupled,
          1.0 - o.beta1,
          1.0 - o.beta2,
          root_scale,
          epsilon_after(o.epsilon, o.epsilon_hat, root_scale),
          moment_rate};
}

Coefficients coefficients(const RadamOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  const double t = step_of(request), beta2_power = std::pow(o.beta2, t);
  const double longest = 2.0 / (1.0 - o.beta2) - 1.0;
  const double length = longest - 2.0 * t * beta2_power / (1.0 - beta2_power);
  double rate = request.learning_rate / (1.0 - std::pow(o.beta1, t));
  const bool rectified = length > 5.0;
  if (rectified)
    rate *=
        std::sqrt((length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)) *
        std::sqrt(1.0 - beta2_power);
  return {rate,
          decay.coupled,
          decay.decoupled,
          1.0 - o.beta1,
          1.0 - o.beta2,
          0.0,
          checked_epsilon(o.epsilon),
          rectified ? 1.0 : 0.0};
}

Coefficients coefficients(const LionOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  return {request.learning_rate, decay.coupled, decay.decoupled, 1.0 - o.beta1, 1.0 - o.beta2};
}

Coefficients coefficients(const AdagradOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  const double rate = request.learning_rate / (1.0 + (step_of(request) - 1.0) * o.rate_decay);
  return {rate, decay.coupled, decay.decoupled, checked_epsilon(o.epsilon), o.initial_accumulator};
}

Coefficients coefficients(const AdadeltaOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  return {request.learning_rate, decay.coupled, decay.decoupled, 1.0 - o.rho, checked_epsilon(o.epsilon)};
}

Coefficients coefficients(const RmspropOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  return {request.learning_rate,      decay.coupled, decay.decoupled,       1.0 - o.rho,
          checked_epsilon(o.epsilon), o.momentum,    o.centered ? 1.0 : 0.0};
}

Coefficients coefficients(const RpropOptions& o, const ParameterStep& request) {
  const Decay decay(request, o.decoupled);
  // Step sizes are those without the layer's factor, which scales each step.
  const double first =
      request.rate_factor > 0.0 ? request.learning_rate / request.rate_factor : o.learning_rate;
  return {first,  decay.coupled,   decay.decoupled, o.shrink,
          o.grow, o.smallest_step, o.largest_step,  request.rate_factor};
}

Coefficients coefficients(const MuonOptions& o, const ParameterStep& request) {
  const AdamOptions adamw{.beta1 = o.beta1, .beta2 = o.beta2, .epsilon = o.epsilon, .decoupled = true};
  return coefficients(adamw,
                      {request.learning_rate * o.adamw_rate_factor, request.weight_decay, request.step});
}

}  // namespace

Coefficients update_coefficients(const UpdateOptions& options, const ParameterStep& request) {
  return std::visit([&](const auto& own) { return coefficients(own, request); }, options);
}

Coefficients muon_matrix_coefficients(double scale, const ParameterStep& request) {
  const Decay decay(request, true);
  return {request.learning_rate * scale, decay.coupled, 0.0, decay.decoupled, 0.0};
}

}  // namespace lamina
