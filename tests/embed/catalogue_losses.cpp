// The value of every loss with options that are not its defaults, on one network for each kind of targets.
#include "catalogue.hpp"

namespace {

using namespace lamina;

void measure(const std::string& name, const char* activation, std::size_t outputs, const Targets& y,
             const Loss& loss) {
  const Sequential net(kInputs, {Dense{outputs, activation}}, {.seed = 3});
  say("loss", name, net.evaluate(sawtooth(kRows * kInputs, 37), y, {.loss = loss}));
}

}  // namespace

void say_losses() {
  const std::vector<float> values = sawtooth(kRows * 2, 29);
  std::vector<float> counts, signs, shares;
  std::vector<int> classes;
  for (std::size_t i = 0; i < kRows; ++i) {
    classes.push_back(static_cast<int>(i % 3));
    for (int j = 0; j < 2; ++j) {
      counts.push_back(static_cast<float>(1 + i % 4));
      signs.push_back(i % 2 == 0 ? 1.0F : -1.0F);
      shares.push_back(i % 2 == 0 ? 1.0F : 0.0F);
    }
  }
  const auto numbers = [&](const std::string& name, const Loss& loss) {
    measure(name, "identity", 2, values, loss);
  };
  numbers("MeanSquaredError", MeanSquaredError{.reduction = "sum", .scale = 2});
  numbers("MeanAbsoluteError", MeanAbsoluteError{.scale = 2, .divide_penalty = true});
  numbers("Huber", Huber{.delta = 0.5});
  numbers("LogCosh", LogCosh{.reduction = "sum"});
  numbers("Quantile", Quantile{.level = 0.2});
  numbers("CosineSimilarity", CosineSimilarity{.scale = 3});
  measure("Quantile, levels", "identity", 4, values, Quantile{.level = {{0.1, 0.9}}});
  measure("GaussianNegativeLogLikelihood", "identity", 4, values, GaussianNegativeLogLikelihood{.scale = 2});
  const auto positive = [&](const std::string& name, const Loss& loss) {
    measure(name, "identity", 2, counts, loss);
  };
  positive("Poisson", Poisson{.scale = 2});
  positive("Gamma", Gamma{.scale = 2});
  positive("Tweedie", Tweedie{.power = 1.2});
  measure("Poisson, rates", "softplus", 2, counts, Poisson{.log_input = false});
  measure("BinaryCrossEntropy", "sigmoid", 2, shares, BinaryCrossEntropy{0.1, "sum", 2});
  measure("BinaryFocal", "sigmoid", 2, shares, BinaryFocal{.gamma = 1});
  measure("CrossEntropy", "softmax", 3, classes, CrossEntropy{.label_smoothing = 0.1});
  measure("Focal", "softmax", 3, classes, Focal{.gamma = 1});
  measure("KLDivergence", "softmax", 3, classes, KLDivergence{.scale = 2});
  measure("Hinge", "identity", 2, signs, Hinge{.scale = 2});
  measure("SquaredHinge", "tanh", 2, signs, SquaredHinge{.scale = 2});
  measure("by name", "softmax", 3, classes, "cross_entropy");
}
