// The options of learned layers, to and from JSON and to their parameters.
#include "layers/learning.h"

#include "base/json_reader.h"

namespace lamina {

void LearningOptions::read(const JsonReader& spec) {
  trainable = spec.boolean("trainable", true);
  rate_factor = spec.number("rate_factor", 1.0, 0.0);
  decay_factor = spec.number("decay_factor", 1.0, 0.0);
}

void LearningOptions::write(Json& spec) const {
  if (!trainable) spec["trainable"] = false;
  if (rate_factor != 1.0) spec["rate_factor"] = rate_factor;
  if (decay_factor != 1.0) spec["decay_factor"] = decay_factor;
}

void LearningOptions::apply(Parameter& parameter) const noexcept {
  parameter.trainable = trainable;
  parameter.rate_factor = rate_factor;
  parameter.decay_factor = decay_factor;
}

}  // namespace lamina
