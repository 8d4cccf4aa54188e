// Sums in pairs, whose rounding grows with the logarithm of the count, and their order with the count alone.
#pragma once

#include <cstdint>
#include <span>

namespace lamina::metrics {

// The sum of term(first) to term(first + count - 1), in the order of numpy's sum.
template <class Term>
double pairwise_sum(int64_t first, int64_t count, const Term& term) {
  if (count < 8) {
    double sum = 0.0;
    for (int64_t i = first; i < first + count; ++i) sum += term(i);
    return sum;
  }
  if (count > 128) {
    const int64_t half = count / 2 - count / 2 % 8;
    return pairwise_sum(first, half, term) + pairwise_sum(first + half, count - half, term);
  }
  double sums[8];
  for (int64_t lane = 0; lane < 8; ++lane) sums[lane] = term(first + lane);
  int64_t done = 8;
  for (; done + 8 <= count; done += 8)
    for (int64_t lane = 0; lane < 8; ++lane) sums[lane] += term(first + done + lane);
  double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  for (; done < count; ++done) sum += term(first + done);
  return sum;
}

inline double pairwise_sum(std::span<const double> values) {
  return pairwise_sum(0, static_cast<int64_t>(values.size()),
                      [&](int64_t i) { return values[static_cast<std::size_t>(i)]; });
}

}  // namespace lamina::metrics
