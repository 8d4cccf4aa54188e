// Whether and how fast a layer's parameters learn: the options that every learned layer takes.
#pragma once

#include "layers/parameter.h"

namespace lamina {

struct LearningOptions {
  bool trainable = true;
  double rate_factor = 1.0, decay_factor = 1.0;

  void apply(Parameter& parameter) const noexcept;
};

}  // namespace lamina
