// Activations and initializers that have parameters. All others are names: "relu", "gelu", "he_normal", ...
#pragma once

#include <lamina/cpp/description.hpp>

namespace lamina {
inline namespace v1 {

// "relu", or a struct of `activations`.
using ActivationFunction = detail::Described<detail::ActivationRole>;
// "he_normal", or a struct of `initializers`.
using Initializer = detail::Described<detail::InitializerRole>;

namespace activations {

struct LeakyReLU {
  static constexpr detail::KindOf<detail::ActivationRole> kind{"leaky_relu"};
  detail::Number negative_slope = {};
  void describe(detail::Collector& to) const { to("negative_slope", negative_slope); }
};

struct ELU {
  static constexpr detail::KindOf<detail::ActivationRole> kind{"elu"};
  detail::Number alpha = {};
  void describe(detail::Collector& to) const { to("alpha", alpha); }
};

struct CELU {
  static constexpr detail::KindOf<detail::ActivationRole> kind{"celu"};
  detail::Number alpha = {};
  void describe(detail::Collector& to) const { to("alpha", alpha); }
};

// sin(frequency z).
struct Sin {
  static constexpr detail::KindOf<detail::ActivationRole> kind{"sin"};
  detail::Number frequency = {};
  void describe(detail::Collector& to) const { to("frequency", frequency); }
};

}  // namespace activations

namespace initializers {

struct Normal {
  static constexpr detail::KindOf<detail::InitializerRole> kind{"normal"};
  detail::Number deviation = {};
  void describe(detail::Collector& to) const { to("deviation", deviation); }
};

struct Orthogonal {
  static constexpr detail::KindOf<detail::InitializerRole> kind{"orthogonal"};
  detail::Number gain = {};
  void describe(detail::Collector& to) const { to("gain", gain); }
};

struct Constant {
  static constexpr detail::KindOf<detail::InitializerRole> kind{"constant"};
  double value = 0.0;
  void describe(detail::Collector& to) const { to("value", value); }
};

}  // namespace initializers
}  // namespace v1
}  // namespace lamina
