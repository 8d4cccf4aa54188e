// Sums of blocks of 128 values, added in pairs.
#include "metrics/sums.h"

namespace lamina::metrics {

namespace {

constexpr int64_t kBlock = 128;

// Of 8 to 128 values.
double sum_of_block(int64_t count, const double* values) {
  double sums[8];
  for (int64_t lane = 0; lane < 8; ++lane) sums[lane] = values[lane];
  int64_t done = 8;
  for (; done + 8 <= count; done += 8)
    for (int64_t lane = 0; lane < 8; ++lane) sums[lane] += values[done + lane];
  double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  for (; done < count; ++done) sum += values[done];
  return sum;
}

}  // namespace

double sum_of_blocks(int64_t first, int64_t count, FunctionRef<void(int64_t, int64_t, double*)> fill) {
  if (count > kBlock) {
    const int64_t half = count / 2 - count / 2 % 8;
    return sum_of_blocks(first, half, fill) + sum_of_blocks(first + half, count - half, fill);
  }
  double values[kBlock];
  fill(first, count, values);
  return sum_of_block(count, values);
}

}  // namespace lamina::metrics
