// Metrics of a fit: lamina's by name, and functions of the caller's.
#pragma once

#include <cstddef>

#include "c_api/guard.h"
#include "metrics/scorer.h"

namespace lamina::c {

Scorer scorer_of(const lamina_metric* metrics, std::size_t count);

}  // namespace lamina::c
