// How work is cut to fit the caches. No sum crosses a cut, so results never depend on it.
#pragma once

#include <stdint.h>

namespace lamina {
struct Caches;
}

namespace lamina::kernels {

// The defaults are those of a core with 32 KiB, 1 MiB and 32 MiB.
struct Blocking {
  // Bytes of a panel of weights that one pass over the rows keeps in the second-level cache.
  int64_t panel_bytes = int64_t{512} << 10;
  // Rows of a row-major B, and columns of its A, in one pass: where panels are wider than a line.
  int64_t row_major_rows = 256;
  // Rows whose outputs stay in the first-level cache for an activation over blocks.
  int64_t function_rows = 48;
  // Bytes of a batch's inputs that a gradient product may have copied side by side, to read them once for all
  // its columns; 0: none.
  int64_t packed_bytes = 0;
  // Rows that pass through all layers together: `least_tile` for weights of up to small_bytes, twice as many
  // up to medium_bytes, four times as many beyond. But never more than what tile_bytes hold of the widest
  // layer, or `least_tile`.
  int64_t least_tile = 48;
  int64_t small_bytes = int64_t{1} << 20, medium_bytes = int64_t{16} << 20;
  int64_t tile_bytes = INT64_MAX;
};

Blocking blocking_for(const Caches& caches) noexcept;

// In use; that of this processor's caches.
const Blocking& blocking() noexcept;
// For tests alone, while nothing else runs.
void set_blocking(const Blocking& blocking) noexcept;

}  // namespace lamina::kernels
