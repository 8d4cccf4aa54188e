// Blocks from the sizes of caches.
#include "kernels/blocking.h"

#include <algorithm>

#include "base/caches.h"

namespace lamina::kernels {
namespace {

// A panel's row, and as much of the inputs beside it: one step of a gradient's sums.
constexpr int64_t kStepBytes = 512;

int64_t multiple(int64_t size, int64_t unit, int64_t least, int64_t most) noexcept {
  return std::clamp(size / unit * unit, least, most);
}

Blocking& in_use() noexcept {
  static Blocking blocking = blocking_for(caches());
  return blocking;
}

}  // namespace

Blocking blocking_for(const Caches& c) noexcept {
  constexpr int64_t kKiB = 1024;
  Blocking blocking;
  blocking.function_rows = multiple(c.level1 * 3 / 8 / 256, 24, 24, 48);
  blocking.small_bytes = c.level2;
  blocking.medium_bytes = std::clamp(c.level3 / 2, c.level2, std::max(c.level2, 16384 * kKiB));
  if (!c.slow_level3) {
    blocking.panel_bytes = std::clamp(c.level2 / 2, 64 * kKiB, 1024 * kKiB);
    return blocking;
  }
  // What is read again and again stays in the first two levels: the rows of one pass of a gradient in a third
  // of the first, a panel, the next one and a tile's rows together in the second.
  blocking.panel_bytes = std::clamp(c.level2 / 4, 64 * kKiB, 512 * kKiB);
  blocking.row_major_rows = multiple(c.level1 / 3 / kStepBytes, 16, 16, 256);
  blocking.packed_bytes = c.level2 / 4;
  blocking.tile_bytes = c.level2 * 5 / 8;
  return blocking;
}

const Blocking& blocking() noexcept { return in_use(); }

void set_blocking(const Blocking& blocking) noexcept { in_use() = blocking; }

}  // namespace lamina::kernels
