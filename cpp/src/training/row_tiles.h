// Shares out the tiles of a call's rows among threads, and lets the caller look in meanwhile.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/thread_pool.h"
#include "training/schedule.h"
#include "training/step.h"

namespace lamina {

struct RowTiles {
  int64_t rows, tile;
  int threads;

  // `multiply_adds` of a row decide how many threads the rows deserve.
  static RowTiles cut(int64_t rows, int64_t tile, double multiply_adds, bool double_precision) {
    const int64_t tiles = tile > 0 ? (rows + tile - 1) / tile : 0;
    const auto most = static_cast<int>(std::clamp<int64_t>(tiles, 1, kMaxThreads));
    return {rows, tile,
            deserved_threads(multiply_adds * static_cast<double>(rows), double_precision,
                             std::min(get_num_threads(), most))};
  }

  // Calls body(thread, first row, rows) once for each tile, each thread taking the next free one. The poll
  // is told the rows begun. False: it asked to stop.
  template <class Body>
  bool run(Poll poll, Body body) const {
    std::atomic<int64_t> next{0};
    std::atomic<bool> cancelled{false};
    run_team(threads, [&](Team& team) {
      auto asked = std::chrono::steady_clock::now();
      for (int64_t first = next.fetch_add(tile); first < rows && !cancelled.load(std::memory_order_relaxed);
           first = next.fetch_add(tile)) {
        body(team.index, first, std::min(tile, rows - first));
        if (team.index != 0 || std::chrono::steady_clock::now() - asked < std::chrono::milliseconds(20))
          continue;
        if (poll(first)) cancelled.store(true, std::memory_order_relaxed);
        asked = std::chrono::steady_clock::now();
      }
    });
    return !cancelled.load();
  }
};

}  // namespace lamina
