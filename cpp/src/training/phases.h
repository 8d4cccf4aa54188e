// The steps between the phases of a batch: a layer that couples rows is summarised by the whole team.
#pragma once

#include "base/thread_pool.h"
#include "network/work_sizes.h"
#include "network/workspace.h"

namespace lamina {

// By every member, before its rows go through `phase`. Holds barriers (phase 0: none), so all members must
// come here, even those that have nothing to do or have seen that the step is over. `batch` is the pass of
// all rows. Each column is summed by one member over all rows, so the bits are the same for any team.
template <class T>
void begin_forward_phase(Team& team, const Network<T>& network, const NetworkPass<T>& batch,
                         int phase) noexcept {
  if (phase == 0) return;
  constexpr int64_t line = padded_columns<T>(1);
  team.barrier();
  const Team::Range own = team.share(network.coupled_columns(phase) / line);
  network.summarize_forward(batch, phase, own.first * line, own.last * line);
  team.barrier();
}

// The same in the backward pass, where the last phase comes first and needs nothing.
template <class T>
void begin_backward_phase(Team& team, const Network<T>& network, const NetworkPass<T>& batch,
                          int phase) noexcept {
  if (phase + 1 == network.phases()) return;
  constexpr int64_t line = padded_columns<T>(1);
  team.barrier();
  const Team::Range own = team.share(network.coupled_columns(phase + 1) / line);
  network.summarize_backward(batch, phase + 1, own.first * line, own.last * line);
  team.barrier();
}

// Calls run(first row, rows) for a member's share of the rows, in tiles that go through all layers while
// they are in the cache.
template <class T, class Run>
void for_each_tile(const Team& team, const Network<T>& network, int64_t rows, Run run) noexcept {
  const Team::Range own = team.share(rows);
  const int64_t count = own.last - own.first;
  const int64_t tile = network.tile_rows();
  if (count > 0 && count <= tile) return run(own.first, count);
  const int64_t tiles = (count + tile - 1) / tile;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t first = own.first + count * i / tiles, last = own.first + count * (i + 1) / tiles;
    run(first, last - first);
  }
}

// Multiply-adds of a batch between two barriers, by which threads are counted.
template <class T>
double work_between_barriers(const Network<T>& network, int64_t row_multiply_adds, int64_t rows) noexcept {
  return static_cast<double>(row_multiply_adds) * static_cast<double>(rows) / network.phases();
}

}  // namespace lamina
