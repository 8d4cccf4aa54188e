// Sums in pairs, whose rounding grows with the logarithm of the count, and their order with the count alone.
#pragma once

#include <cstdint>
#include <span>

#include "base/function_ref.h"

namespace lamina::metrics {

// The sum of what `fill` writes for the numbers first to first + count - 1 (8 or more), at most 128 at a
// time, in the order of numpy's sum. It is compiled once for all terms.
double sum_of_blocks(int64_t first, int64_t count, FunctionRef<void(int64_t, int64_t, double*)> fill);

// The sum of term(first) to term(first + count - 1), in the same order.
template <class Term>
double pairwise_sum(int64_t first, int64_t count, const Term& term) {
  if (count < 8) {
    double sum = 0.0;
    for (int64_t i = first; i < first + count; ++i) sum += term(i);
    return sum;
  }
  return sum_of_blocks(first, count, [&](int64_t from, int64_t terms, double* values) {
    for (int64_t i = 0; i < terms; ++i) values[i] = term(from + i);
  });
}

inline double pairwise_sum(std::span<const double> values) {
  return pairwise_sum(0, static_cast<int64_t>(values.size()),
                      [&](int64_t i) { return values[static_cast<std::size_t>(i)]; });
}

}  // namespace lamina::metrics
