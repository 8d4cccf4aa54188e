// Every layer with options that are not its defaults, as the library describes them.
#include "catalogue.hpp"

namespace {

void describe(const std::string& name, std::size_t inputs, const std::vector<lamina::Layer>& layers) {
  say("layer", name, lamina::Sequential(inputs, layers).describe());
}

}  // namespace

void say_layers() {
  using namespace lamina;
  describe("Dense", 4,
           {Dense{.units = 3,
                  .activation = activations::LeakyReLU{.negative_slope = 0.1},
                  .bias = false,
                  .initializer = initializers::Normal{.deviation = 0.5},
                  .bias_initializer = "zeros",
                  .trainable = true,
                  .l1 = 0.01,
                  .l2 = 0.02,
                  .max_norm = 3,
                  .non_negative = true,
                  .rate_factor = 2,
                  .decay_factor = 0.5,
                  .bias_rate_factor = 0.25,
                  .bias_decay_factor = 0.75,
                  .parametrization = "ntk"}});
  describe("Dense, other initializers", 4,
           {Dense{4, activations::ELU{0.5}, true, initializers::Orthogonal{2.0}, initializers::Constant{0.1}},
            Dense{4, activations::CELU{.alpha = 2}}, Dense{4, activations::Sin{.frequency = 30}},
            Dense{4, "gelu", {}, "he_uniform"}});
  describe("Dense, defaults", 4, {Dense{7}});
  describe("Activation", 4, {Activation{"swish"}, Activation{activations::LeakyReLU{}}});
  describe("Dropout", 4, {Dropout{0.25}});
  describe("AlphaDropout", 4, {AlphaDropout{0.25}});
  describe("GaussianNoise", 4, {GaussianNoise{0.5}});
  describe("BatchNorm", 4, {BatchNorm{0.2, 1e-3, false, false, false, 2, 3}});
  describe("LayerNorm", 4, {LayerNorm{1e-3, false, false, false, 2, 3}});
  describe("RMSNorm", 4, {RMSNorm{1e-3, false, false, 2, 3}});
  describe("PReLU", 4, {PReLU{0.5, true, false, 2, 3}});
  describe("ParametricActivation", 4, {ParametricActivation{"selu", 0.5, false, 2, 3}});
  describe("Scale", 4, {Scale{0.5, true, false, 2, 3}});
  describe("Normalization", 4, {Normalization{}});
  describe("TargetScaling", 4, {Dense{2}, TargetScaling{.clip = true}});
  describe("Affine", 4, {Affine{2, {{0.0, 1.0, 2.0, 3.0}}}});
  describe("Clip", 4, {Clip{.low = -1}, Clip{-1, 1}});
  describe("ColumnEncoding", 5,
           {ColumnEncoding{{NumberEncoding{{-1, 0, 2}, 4, 0.5, true}, CategoryEncoding{3, true},
                            CodeEncoding{9, true}, DateEncoding{10, 2, 4, 1, true}}}});
  describe("Embedding", 4, {Embedding{{{3, 12}, {1, 5}}, 8, true, 0.5, false, 2, 3}});
  describe("PiecewiseLinear", 4,
           {PiecewiseLinear{{{2, {-1, 0, 1}}, {0, {0, 1}}}, 8, "A", "relu", false, 2, 3}});
  describe("Periodic", 4, {Periodic{{0, 2}, "plr", 8, 4, 0.5, true, "identity", false, 2, 3}});
  describe("Residual", 4, {Residual{{Dense{8, "relu"}, Residual{{Dense{8}}}, Dense{4}}, true, false, 2, 3}});
  describe("Residual, without projection", 4, {Residual{.layers = {Dense{4}}, .projection = "auto"}});
  describe("Ensemble", 4,
           {Ensemble{{Dense{8, "relu"}, Dense{1}}, 3, "all", "normal", {{2, 2}}, false, 2, 3}});
}
