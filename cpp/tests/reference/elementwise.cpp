// Activations, losses and updates as their formulas stand in catalogue.h, in plain loops.
#include "reference/elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace lamina::reference {

namespace {

using kernels::Activation;
using kernels::Loss;
using kernels::UpdateRule;
using Real = long double;

Real sigmoid(Real z) { return z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z)); }

Real softplus(Real z) { return std::max(z, Real(0)) + std::log1p(std::exp(-std::fabs(z))); }

Real clamp(Real z, Real low, Real high) { return std::min(std::max(z, low), high); }

Real normal_density(Real z) {
  return std::exp(-z * z / 2) * std::numbers::inv_sqrtpi_v<Real> / std::numbers::sqrt2_v<Real>;
}

Real normal_distribution(Real z) { return std::erfc(-z / std::numbers::sqrt2_v<Real>) / 2; }

ValueAndSlope gelu_tanh(Real z) {
  const Real scale = 2 * std::sqrt(2 / std::numbers::pi_v<Real>), cubic = 0.044715L;
  const Real s = sigmoid(scale * (z + cubic * z * z * z));
  const Real rest = sigmoid(-scale * (z + cubic * z * z * z));
  return {z * s, s + z * s * rest * scale * (1 + 3 * cubic * z * z)};
}

std::vector<double> smoothed(const std::vector<double>& targets, double epsilon) {
  std::vector<double> result = targets;
  for (double& t : result) t = t * (1 - epsilon) + epsilon / static_cast<double>(targets.size());
  return result;
}

LossOfRow cross_entropy_with_logits(const std::vector<double>& z, const std::vector<double>& q) {
  const double largest = *std::max_element(z.begin(), z.end());
  double sum = 0, target_sum = 0;
  for (size_t c = 0; c < z.size(); ++c) {
    sum += std::exp(z[c] - largest);
    target_sum += q[c];
  }
  LossOfRow result = {0, {}};
  for (size_t c = 0; c < z.size(); ++c) {
    result.value += q[c] * (std::log(sum) - (z[c] - largest));
    result.gradient.push_back(std::exp(z[c] - largest) / sum * target_sum - q[c]);
  }
  return result;
}

struct LossOfElement {
  double value;
  double slope;
};

LossOfElement quantile(double y, double t, double level) {
  return {std::max(level * (t - y), (level - 1) * (t - y)), y > t ? 1 - level : y < t ? -level : 0.0};
}

// (1 - exp(-b))^gamma b with its slope.
LossOfElement focal_term(double b, double gamma) {
  const double q = -std::expm1(-b);
  return {std::pow(q, gamma) * b, std::pow(q, gamma) + gamma * std::pow(q, gamma - 1) * std::exp(-b) * b};
}

LossOfElement element_loss(Loss loss, double y, double t, const std::vector<double>& parameters) {
  const double difference = y - t;
  switch (loss) {
    case Loss::kMeanSquaredError:
      return {difference * difference, 2 * difference};
    case Loss::kMeanAbsoluteError:
      return {std::fabs(difference), difference > 0 ? 1.0 : difference < 0 ? -1.0 : 0.0};
    case Loss::kBinaryCrossEntropy:
      return {-(t * std::max(std::log(y), -100.0) + (1 - t) * std::max(std::log1p(-y), -100.0)),
              (y - t) / std::max(y * (1 - y), 1e-12)};
    case Loss::kBinaryCrossEntropyWithLogits: {
      const double q = t * (1 - parameters[0]) + parameters[0] / 2;
      const double positive = parameters[1] * q, both = 1 - q + positive;
      return {both * static_cast<double>(softplus(y)) - y * positive,
              both * static_cast<double>(sigmoid(y)) - positive};
    }
    case Loss::kCrossEntropy:
      return {-t * std::log(y), -t / y};
    case Loss::kHuber:
      return std::fabs(difference) <= parameters[0]
                 ? LossOfElement{difference * difference / 2, difference}
                 : LossOfElement{parameters[0] * (std::fabs(difference) - parameters[0] / 2),
                                 std::copysign(parameters[0], difference)};
    case Loss::kLogCosh:
      return {std::log(std::cosh(difference)), std::tanh(difference)};
    case Loss::kQuantile:
      return quantile(y, t, parameters[0]);
    case Loss::kPoissonLog:
      return {std::exp(y) - t * y, std::exp(y) - t};
    case Loss::kPoissonRate:
      return {y - t * std::log(y + 1e-8), 1 - t / (y + 1e-8)};
    case Loss::kGammaLog:
      return {t * std::exp(-y) + y, 1 - t * std::exp(-y)};
    case Loss::kTweedieLog: {
      const double p = parameters[0];
      return {std::exp((2 - p) * y) / (2 - p) - t * std::exp((1 - p) * y) / (1 - p),
              std::exp((2 - p) * y) - t * std::exp((1 - p) * y)};
    }
    case Loss::kBinaryFocalWithLogits: {
      const double b = static_cast<double>(softplus(y)) - y * t;
      const LossOfElement focal = focal_term(b, parameters[0]);
      return {focal.value, focal.slope * (static_cast<double>(sigmoid(y)) - t)};
    }
    case Loss::kHinge:
      return {std::max(0.0, 1 - t * y), t * y < 1 ? -t : 0.0};
    case Loss::kSquaredHinge:
      return {std::pow(std::max(0.0, 1 - t * y), 2), -2 * t * std::max(0.0, 1 - t * y)};
    case Loss::kKlDivergence:
      return {t > 0 ? t * std::log(t / y) : 0.0, -t / y};
    default:
      return {std::numeric_limits<double>::quiet_NaN(), 0};
  }
}

LossOfRow focal_with_logits(const std::vector<double>& z, const std::vector<double>& t, double gamma) {
  const double largest = *std::max_element(z.begin(), z.end());
  double sum = 0, slopes = 0;
  for (const double x : z) sum += std::exp(x - largest);
  LossOfRow result = {0, {}};
  for (size_t c = 0; c < z.size(); ++c) {
    const LossOfElement focal = focal_term(std::log(sum) - (z[c] - largest), gamma);
    result.value += t[c] * focal.value;
    slopes += t[c] * focal.slope;
    result.gradient.push_back(-t[c] * focal.slope);
  }
  for (size_t c = 0; c < z.size(); ++c) result.gradient[c] += std::exp(z[c] - largest) / sum * slopes;
  return result;
}

LossOfRow cosine(const std::vector<double>& y, const std::vector<double>& t) {
  const double dot = std::inner_product(y.begin(), y.end(), t.begin(), 0.0);
  const double y_norm = std::sqrt(std::inner_product(y.begin(), y.end(), y.begin(), 0.0));
  const double t_norm = std::sqrt(std::inner_product(t.begin(), t.end(), t.begin(), 0.0));
  LossOfRow result = {1 - dot / (y_norm * t_norm), {}};
  for (size_t c = 0; c < y.size(); ++c) {
    result.gradient.push_back(-(t[c] - dot / (y_norm * y_norm) * y[c]) / (y_norm * t_norm));
  }
  return result;
}

LossOfRow gaussian(const std::vector<double>& y, const std::vector<double>& t) {
  const size_t d = y.size() / 2;
  LossOfRow result = {0, std::vector<double>(y.size())};
  for (size_t c = 0; c < d; ++c) {
    const double difference = y[c] - t[c], precision = std::exp(-y[d + c]);
    result.value += (y[d + c] + difference * difference * precision) / 2;
    result.gradient[c] = difference * precision;
    result.gradient[d + c] = (1 - difference * difference * precision) / 2;
  }
  return result;
}

// Losses whose columns belong together; false for the others.
bool row_loss(Loss loss, const std::vector<double>& y, const std::vector<double>& t,
              const std::vector<double>& parameters, LossOfRow& result) {
  switch (loss) {
    case Loss::kCrossEntropyWithLogits:
      result = cross_entropy_with_logits(y, smoothed(t, parameters[0]));
      return true;
    case Loss::kKlDivergenceWithLogits:
      result = cross_entropy_with_logits(y, t);
      for (const double q : t) result.value += q > 0 ? q * std::log(q) : 0.0;
      return true;
    case Loss::kFocalWithLogits:
      result = focal_with_logits(y, t, parameters[0]);
      return true;
    case Loss::kCosine:
      result = cosine(y, t);
      return true;
    case Loss::kGaussianLogVariance:
      result = gaussian(y, t);
      return true;
    case Loss::kQuantiles:
      result = {0, {}};
      for (size_t c = 0; c < y.size(); ++c) {
        const auto count = static_cast<size_t>(parameters[0]);
        const LossOfElement element = quantile(y[c], t[c / count], parameters[1 + c % count]);
        result.value += element.value;
        result.gradient.push_back(element.slope);
      }
      return true;
    default:
      return false;
  }
}

double sign(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }

double rprop_step(const std::vector<double>& c, double g, double (&state)[3]) {
  const double agreement = g * state[0];
  const double factor = agreement > 0 ? c[4] : agreement < 0 ? c[3] : 1.0;
  state[1] = std::min(c[6], std::max(c[5], (state[1] > 0 ? state[1] : c[0]) * factor));
  state[0] = agreement < 0 ? 0.0 : g;
  return sign(state[0]) * state[1] * c[7];
}

double rmsprop_step(const std::vector<double>& c, double g, double (&state)[3]) {
  state[0] += c[3] * (g * g - state[0]);
  double square = state[0];
  if (c[6] != 0) {
    state[2] += c[3] * (g - state[2]);
    square -= state[2] * state[2];
  }
  double step = g / (std::sqrt(square) + c[4]);
  if (c[5] > 0) step = state[1] = c[5] * state[1] + step;
  return c[0] * step;
}

// What the rules after SGD and Adam take from a weight, decays apart.
double later_step(UpdateRule rule, const std::vector<double>& c, double g, double (&state)[3]) {
  switch (rule) {
    case UpdateRule::kAdagrad:
      state[0] += g * g;
      return c[0] * g / (std::sqrt(state[0] + c[4]) + c[3]);
    case UpdateRule::kAdadelta: {
      state[0] += c[3] * (g * g - state[0]);
      const double step = std::sqrt(state[1] + c[4]) / std::sqrt(state[0] + c[4]) * g;
      state[1] += c[3] * (step * step - state[1]);
      return c[0] * step;
    }
    case UpdateRule::kRmsprop:
      return rmsprop_step(c, g, state);
    case UpdateRule::kAdamax:
      state[0] += c[3] * (g - state[0]);
      state[1] = std::max(c[4] * state[1], std::fabs(g) + c[5]);
      return c[0] * state[0] / state[1];
    case UpdateRule::kNadam:
    case UpdateRule::kRadam:
      state[0] += c[3] * (g - state[0]);
      state[1] += c[4] * (g * g - state[1]);
      if (rule == UpdateRule::kNadam) {
        return (c[0] * g + c[7] * state[0]) / (std::sqrt(state[1]) * c[5] + c[6]);
      }
      return c[0] * state[0] / (c[7] != 0 ? std::sqrt(state[1]) + c[6] : 1.0);
    case UpdateRule::kLion: {
      const double direction = sign(state[0] + c[3] * (g - state[0]));
      state[0] += c[4] * (g - state[0]);
      return c[0] * direction;
    }
    case UpdateRule::kRprop:
      return rprop_step(c, g, state);
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace

ValueAndSlope activation(Activation activation, long double z, long double parameter) {
  switch (activation) {
    case Activation::kIdentity:
      return {z, 1};
    case Activation::kRelu:
      return {std::isnan(z) ? z : std::max(z, Real(0)), z > 0 ? Real(1) : Real(0)};
    case Activation::kLeakyRelu:
      return {z > 0 ? z : z * parameter, z > 0 ? Real(1) : parameter};
    case Activation::kSigmoid:
      return {sigmoid(z), sigmoid(z) * sigmoid(-z)};
    case Activation::kTanh:
      return {std::tanh(z), 4 * sigmoid(2 * z) * sigmoid(-2 * z)};
    case Activation::kSoftplus:
      return {softplus(z), sigmoid(z)};
    case Activation::kGelu:
      return {z * normal_distribution(z), normal_distribution(z) + z * normal_density(z)};
    case Activation::kGeluTanh:
      return gelu_tanh(z);
    case Activation::kSilu:
      return {z * sigmoid(z), sigmoid(z) + z * sigmoid(z) * sigmoid(-z)};
    case Activation::kElu:
      return {z > 0 ? z : parameter * std::expm1(z), z > 0 ? Real(1) : parameter * std::exp(z)};
    case Activation::kSelu: {
      const Real scale = 1.0507009873554804934193349852946L, alpha = 1.6732632423543772848170429916717L;
      return {scale * (z > 0 ? z : alpha * std::expm1(z)), scale * (z > 0 ? Real(1) : alpha * std::exp(z))};
    }
    case Activation::kCelu:
      return {z > 0 ? z : parameter * std::expm1(z / parameter), z > 0 ? Real(1) : std::exp(z / parameter)};
    case Activation::kMish: {
      const Real t = std::tanh(softplus(z));
      return {z * t, t + z * sigmoid(z) * (1 - t) * (1 + t)};
    }
    case Activation::kSoftsign:
      return {z / (1 + std::fabs(z)), 1 / ((1 + std::fabs(z)) * (1 + std::fabs(z)))};
    case Activation::kLogSigmoid:
      return {-softplus(-z), sigmoid(-z)};
    case Activation::kHardSigmoid:
      return {clamp(z + 3, 0, 6) / 6, z > -3 && z < 3 ? Real(1) / 6 : Real(0)};
    case Activation::kHardTanh:
      return {clamp(z, -1, 1), z > -1 && z < 1 ? Real(1) : Real(0)};
    case Activation::kHardSwish:
      return {z * clamp(z + 3, 0, 6) / 6, z <= -3 ? Real(0) : z >= 3 ? Real(1) : (2 * z + 3) / 6};
    case Activation::kRelu6:
      return {clamp(z, 0, 6), z > 0 && z < 6 ? Real(1) : Real(0)};
    case Activation::kSin:
      return {std::sin(parameter * z), parameter * std::cos(parameter * z)};
    case Activation::kGaussian:
      return {std::exp(-z * z), -2 * z * std::exp(-z * z)};
    case Activation::kStep:
      return {z > 0 ? Real(1) : Real(0), 0};
    case Activation::kCount:
      break;
  }
  return {std::numeric_limits<Real>::quiet_NaN(), 0};
}

LossOfRow loss(Loss loss, const std::vector<double>& outputs, const std::vector<double>& targets,
               const std::vector<double>& parameters) {
  LossOfRow result = {0, {}};
  if (row_loss(loss, outputs, targets, parameters, result)) return result;
  for (size_t c = 0; c < outputs.size(); ++c) {
    const LossOfElement element = element_loss(loss, outputs[c], targets[c], parameters);
    result.value += element.value;
    result.gradient.push_back(element.slope);
  }
  return result;
}

std::vector<double> normalize_row(const std::vector<double>& x, bool centered, double epsilon,
                                  const std::vector<double>& scale, const std::vector<double>& shift) {
  const auto columns = static_cast<double>(x.size());
  const double mean = centered ? std::accumulate(x.begin(), x.end(), 0.0) / columns : 0.0;
  double square = 0;
  for (const double value : x) square += (value - mean) * (value - mean) / columns;
  std::vector<double> y;
  for (size_t c = 0; c < x.size(); ++c)
    y.push_back((x[c] - mean) / std::sqrt(square + epsilon) * scale[c] + shift[c]);
  return y;
}

double update(UpdateRule rule, const std::vector<double>& c, double w, double g, double (&state)[3]) {
  if (rule == UpdateRule::kSgd) {
    w *= 1 - c[3];
    g += c[1] * w;
    if (c[2] == 0) return w - c[0] * g;
    if (c[5] != 0) g *= c[0];
    state[0] = c[2] * state[0] + g;
    const double step = c[4] != 0 ? g + c[2] * state[0] : state[0];
    return w - (c[5] != 0 ? step : c[0] * step);
  }
  if (rule == UpdateRule::kAdam || rule == UpdateRule::kAmsgrad) {
    w *= 1 - c[6];
    g += c[5] * w;
    state[0] += c[1] * (g - state[0]);
    state[1] += c[2] * (g * g - state[1]);
    state[2] = std::max(state[2], state[1]);
    const double v = rule == UpdateRule::kAdam ? state[1] : state[2];
    return w - c[0] * state[0] / (std::sqrt(v) * c[3] + c[4]);
  }
  w *= 1 - c[2];
  return w - later_step(rule, c, g + c[1] * w, state);
}

}  // namespace lamina::reference
