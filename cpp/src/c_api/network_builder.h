// A network that is being built: its layers so far, and the blocks that are open.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.h"
#include "lamina/lamina.h"

struct lamina_network {
  // The layers of a block, or of the network itself, whose `block` is null.
  struct Open {
    lamina::Json block;
    lamina::Json::Array layers;
  };
  std::int64_t inputs = 0;
  std::vector<Open> open;
};

namespace lamina::c {

// {"inputs": ..., "layers": [...]}; refuses NULL, open blocks and a network without layers.
Json layers_of(const lamina_network* network);

}  // namespace lamina::c
