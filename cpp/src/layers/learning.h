// Whether and how fast a layer's parameters learn: the options that every learned layer takes.
#pragma once

#include "base/json.h"
#include "layers/parameter.h"

namespace lamina {

struct LearningOptions {
  bool trainable = true;
  double rate_factor = 1.0, decay_factor = 1.0;

  void read(const JsonReader& spec) {
    trainable = spec.boolean("trainable", true);
    rate_factor = spec.number("rate_factor", 1.0, 0.0);
    decay_factor = spec.number("decay_factor", 1.0, 0.0);
  }
  // Defaults are left out.
  void write(nlohmann::json& spec) const {
    if (!trainable) spec["trainable"] = false;
    if (rate_factor != 1.0) spec["rate_factor"] = rate_factor;
    if (decay_factor != 1.0) spec["decay_factor"] = decay_factor;
  }
  void apply(Parameter& parameter) const {
    parameter.trainable = trainable;
    parameter.rate_factor = rate_factor;
    parameter.decay_factor = decay_factor;
  }
};

}  // namespace lamina
