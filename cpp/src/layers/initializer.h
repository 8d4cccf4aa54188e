// Initial values of weights and biases, from counter-based random numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/poll.h"
#include "layers/activation_spec.h"

namespace lamina {

class Json;

struct InitializerSpec {
  std::string name;
  double value = 0.0;  // constant: the value; orthogonal: the gain; normal: the standard deviation

  InitializerSpec(const char* of, double given) : name(of), value(given) {}
  // With the default of its number, 1 for orthogonal and normal.
  InitializerSpec(const char* of)
      : InitializerSpec(
            of, std::string_view(of) == "orthogonal" || std::string_view(of) == "normal" ? 1.0 : 0.0) {}
};

// Raises kValue where there is none of its name, or its value is not finite.
void check_initializer(const InitializerSpec& spec);

// From `"he_normal"` or `{"kind": "constant", "value": 0.1}`.
InitializerSpec initializer_from_json(const Json& spec);
Json initializer_to_json(const InitializerSpec& spec);
std::vector<std::string> initializer_names();

// He for the relu family, its smooth relatives and sin, LeCun for selu, Glorot otherwise.
InitializerSpec default_initializer(const ActivationSpec& activation);

// `count` values of a tensor [outputs, inputs] (or [outputs]), row-major; the same for float and double.
// Empty where `poll` has stopped it.
std::vector<double> initial_values(const InitializerSpec& spec, int64_t inputs, int64_t outputs,
                                   int64_t count, uint64_t seed, uint32_t layer_index, uint32_t tensor,
                                   Poll poll);

// `count` numbers of a tensor, normal of mean 0 or uniform in [-bound, bound]; empty where `poll` has stopped
// it.
std::vector<double> normal_values(int64_t count, double deviation, uint64_t seed, uint32_t layer_index,
                                  uint32_t tensor, Poll poll);
std::vector<double> uniform_values(int64_t count, double bound, uint64_t seed, uint32_t layer_index,
                                   uint32_t tensor, Poll poll);

}  // namespace lamina
