// Looks through a user's array before anything is done with it.
#pragma once

#include <cstdint>
#include <vector>

#include "inference/data.h"

namespace lamina {

// Whether all values of a float32 or float64 array are finite and at most `limit` in size, or NaN where
// that is allowed; one pass without a temporary. Raises kType for other types.
bool values_within(const ArraySource& source, double limit, bool nan_allowed);

// Columns of a float64 array whose values lie within 1/64 of their size of each other, and which float32
// does not hold: there many values may become one. From a sample of up to 64 rows; none for other types.
std::vector<int64_t> narrow_columns(const ArraySource& source);

}  // namespace lamina
