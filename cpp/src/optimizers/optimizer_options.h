// The options of every optimizer by name, with their defaults.
#pragma once

#include <cstdint>
#include <variant>

namespace lamina {

struct SgdOptions {
  double learning_rate = 0.01, momentum = 0.0;
  bool nesterov = false, decoupled = false;
  bool rate_in_velocity = false;  // the velocity is one of weights, as in Keras, not a sum of gradients
};

struct AdamOptions {
  double learning_rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool decoupled = false;
  bool amsgrad = false;      // kind "amsgrad" in JSON
  bool epsilon_hat = false;  // epsilon is added before the second moment's bias is corrected
};

struct AdamaxOptions {
  double learning_rate = 0.002, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool decoupled = false;
};

struct NadamOptions {
  double learning_rate = 0.002, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool decoupled = false;
  double momentum_decay = 0.004;
  bool epsilon_hat = false;
};

struct RadamOptions {
  double learning_rate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool decoupled = false;
};

struct LionOptions {
  double learning_rate = 0.0001, beta1 = 0.9, beta2 = 0.99;
  bool decoupled = true;
};

struct AdagradOptions {
  double learning_rate = 0.01, rate_decay = 0.0, initial_accumulator = 0.0, epsilon = 1e-10;
  bool decoupled = false;
};

struct AdadeltaOptions {
  double learning_rate = 1.0, rho = 0.9, epsilon = 1e-6;
  bool decoupled = false;
};

struct RmspropOptions {
  double learning_rate = 0.01, rho = 0.99, epsilon = 1e-8, momentum = 0.0;
  bool centered = false, decoupled = false;
};

struct RpropOptions {
  double learning_rate = 0.01;  // the first step size
  double shrink = 0.5, grow = 1.2, smallest_step = 1e-6, largest_step = 50.0;
  bool decoupled = false;
};

struct MuonOptions {
  double learning_rate = 0.02, momentum = 0.95;
  bool nesterov = true;
  int64_t iterations = 5;
  double adamw_rate_factor = 0.05, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool match_adamw = false, first_and_last = false;
};

// Of types that never throw: a variant of others could not be copied safely (ARCHITECTURE.md, Out of memory).
using UpdateOptions =
    std::variant<SgdOptions, AdamOptions, AdamaxOptions, NadamOptions, RadamOptions, LionOptions,
                 AdagradOptions, AdadeltaOptions, RmspropOptions, RpropOptions, MuonOptions>;

}  // namespace lamina
