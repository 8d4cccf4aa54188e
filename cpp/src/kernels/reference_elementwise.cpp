// Activations, losses and updates as their formulas stand in catalogue.h, in plain loops.
#include "kernels/reference_elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace lamina::reference {

namespace {

using kernels::Activation;
using kernels::Loss;
using kernels::UpdateRule;
using Real = long double;

Real sigmoid(Real z) { return z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z)); }

Real softplus(Real z) { return std::max(z, Real(0)) + std::log1p(std::exp(-std::fabs(z))); }

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
      return {static_cast<double>(softplus(y)) - y * q, static_cast<double>(sigmoid(y)) - q};
    }
    case Loss::kCrossEntropy:
      return {-t * std::log(y), -t / y};
    default:
      return {std::numeric_limits<double>::quiet_NaN(), 0};
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
    case Activation::kCount:
      break;
  }
  return {std::numeric_limits<Real>::quiet_NaN(), 0};
}

LossOfRow loss(Loss loss, const std::vector<double>& outputs, const std::vector<double>& targets,
               const std::vector<double>& parameters) {
  if (loss == Loss::kCrossEntropyWithLogits) {
    return cross_entropy_with_logits(outputs, smoothed(targets, parameters[0]));
  }
  LossOfRow result = {0, {}};
  for (size_t c = 0; c < outputs.size(); ++c) {
    const LossOfElement element = element_loss(loss, outputs[c], targets[c], parameters);
    result.value += element.value;
    result.gradient.push_back(element.slope);
  }
  return result;
}

double update(UpdateRule rule, const std::vector<double>& c, double w, double g, double (&state)[3]) {
  switch (rule) {
    case UpdateRule::kSgd:
      w *= 1 - c[3];
      g += c[1] * w;
      if (c[2] > 0) {
        state[0] = c[2] * state[0] + g;
        g = c[4] != 0 ? g + c[2] * state[0] : state[0];
      }
      return w - c[0] * g;
    case UpdateRule::kAdam:
      w *= 1 - c[6];
      g += c[5] * w;
      state[0] = c[1] * state[0] + c[7] * g;
      state[1] = c[2] * state[1] + c[8] * g * g;
      return w - c[0] * state[0] / (std::sqrt(state[1]) * c[3] + c[4]);
    case UpdateRule::kCount:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace lamina::reference
