// A random share of the rows, held back for validation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lamina {

struct HoldOut {
  std::vector<int64_t> train, held;  // row numbers in rising order; together all rows
};

// Holds back round(fraction * rows) of the rows, drawn by the seed. With `classes` [rows] (any numbers;
// empty: none) each class gives that share of its own rows, but keeps one at least for training: what
// rounding down leaves over comes from the classes that miss most, and where these are equal by lot. Raises
// kValue for a fraction outside (0, 1), and where a side would have no row. `what` begins the sentence and
// names the fraction: "fit: validation_fraction".
HoldOut hold_out(int64_t rows, double fraction, uint64_t seed, std::span<const int64_t> classes,
                 const std::string& what);

}  // namespace lamina
