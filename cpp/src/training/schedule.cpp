// Cutting of work; results never depend on it, because no sum crosses a cut.
#include "training/schedule.h"

#include <algorithm>

namespace lamina {

int64_t row_tile(int64_t weight_bytes) noexcept {
  constexpr int64_t kMiB = int64_t{1} << 20;
  if (weight_bytes <= kMiB) return 48;
  return weight_bytes <= 16 * kMiB ? 96 : 192;
}

int64_t inputs_per_gradient_task(int64_t weights, int threads) noexcept {
  constexpr int64_t kSmall = 24, kLarge = 48;
  return threads > 1 && weights < int64_t{32} * 1024 * threads ? kSmall : kLarge;
}

int deserved_threads(double multiply_adds, bool double_precision, int limit) noexcept {
  // Multiply-adds per microsecond of one core, and the work that repays a second thread's barriers.
  const double per_microsecond = double_precision ? 20e3 : 40e3;
  constexpr double kMicrosecondsPerThread = 2.0;
  const double threads = multiply_adds / per_microsecond / kMicrosecondsPerThread;
  return static_cast<int>(std::clamp(threads, 1.0, static_cast<double>(limit)));
}

}  // namespace lamina
