// Looks through a user's array before anything is done with it.
#pragma once

#include "training/data.h"

namespace lamina {

// Whether all values of a float32 or float64 array are finite and at most `limit` in size, or NaN where
// that is allowed; one pass without a temporary. Raises kType for other types.
bool values_within(const ArraySource& source, double limit, bool nan_allowed);

}  // namespace lamina
