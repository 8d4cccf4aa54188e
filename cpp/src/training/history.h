// What a fit recorded, epoch by epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/figures.h"

namespace lamina {

struct History {
  struct Epoch {
    Figures figures;
    double seconds;
  };
  std::vector<Epoch> epochs;          // those that ended
  std::string stop_reason;            // why training ended before its last epoch; empty where it did not
  std::optional<int64_t> best_epoch;  // from 0, whose weights early stopping put back

  // A figure of each epoch; NaN for those that have none.
  std::vector<double> values(std::string_view name) const;
};

}  // namespace lamina
