// Cutting of work; results never depend on it, because no sum crosses a cut.
#include "network/work_sizes.h"

#include <algorithm>

#include "kernels/blocking.h"

namespace lamina {

// Some 70 % of the peak of a core with 256-bit or 512-bit vectors.
double estimated_microseconds(double multiply_adds, bool double_precision) noexcept {
  return multiply_adds / (double_precision ? 20e3 : 40e3);
}

int64_t row_tile(int64_t weight_bytes, int64_t row_bytes) noexcept {
  const kernels::Blocking& blocking = kernels::blocking();
  const int64_t least = blocking.least_tile;
  if (weight_bytes <= blocking.small_bytes) return least;
  const int64_t wanted = weight_bytes <= blocking.medium_bytes ? 2 * least : 4 * least;
  return std::clamp(blocking.tile_bytes / row_bytes / least * least, least, wanted);
}

bool columns_are_shared(double multiply_adds, int64_t rows, bool double_precision, int threads) noexcept {
  // An interrupt is seen once a step, between forward and backward pass: with the gradient these are
  // three passes of this length, and an interrupt must be seen within 100 ms.
  constexpr double kMostMicroseconds = 25e3;
  constexpr int64_t kMostRows = 512;
  return rows <= kMostRows &&
         estimated_microseconds(multiply_adds, double_precision) < kMostMicroseconds * threads;
}

int64_t inputs_per_gradient_task(int64_t weights, int64_t panel_bytes, int64_t rows, int threads) noexcept {
  if (rows == 1 && threads == 1) return 1024;
  const bool small = threads > 1 && weights < int64_t{32} * 1024 * threads;
  return (small ? 24 : 48) * (panel_bytes < 256 ? 2 : 1);
}

bool gradient_interruptible(double multiply_adds, int64_t rows, bool double_precision, int threads) noexcept {
  const double milliseconds = 1e-3 * estimated_microseconds(multiply_adds, double_precision) / threads;
  // From 1024 rows on, the tiles' sums outweigh the pass over the gradient fifty times.
  return milliseconds > (rows >= 1024 ? 20.0 : 100.0);
}

int deserved_threads(double multiply_adds, bool double_precision, int limit) noexcept {
  // The work that repays a second thread's barriers.
  constexpr double kMicrosecondsPerThread = 2.0;
  const double threads = estimated_microseconds(multiply_adds, double_precision) / kMicrosecondsPerThread;
  return static_cast<int>(std::clamp(threads, 1.0, static_cast<double>(limit)));
}

}  // namespace lamina
