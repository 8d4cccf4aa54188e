// The options of learned layers, to their parameters.
#include "layers/learning.h"

namespace lamina {

void LearningOptions::apply(Parameter& parameter) const noexcept {
  parameter.trainable = trainable;
  parameter.rate_factor = rate_factor;
  parameter.decay_factor = decay_factor;
}

}  // namespace lamina
