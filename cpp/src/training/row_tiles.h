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
  bool brief;  // over before a sleeping thread has woken

  // Tiles of at most `most` rows, as many for each thread. `multiply_adds` of a row decide how many threads
  // the rows deserve.
  static RowTiles cut(int64_t rows, int64_t most, double multiply_adds, bool double_precision) {
    const auto limit = static_cast<int>(std::clamp<int64_t>(rows, 1, get_num_threads()));
    const double work = multiply_adds * static_cast<double>(rows);
    const int threads = deserved_threads(work, double_precision, limit);
    const int64_t rounds = std::max<int64_t>(1, (rows + most * threads - 1) / (most * threads));
    return {rows, std::max<int64_t>(1, (rows + rounds * threads - 1) / (rounds * threads)), threads,
            estimated_microseconds(work, double_precision) < 200.0};
  }

  // Calls body(thread, first row, rows) once for each tile, each thread taking the next free one. The poll
  // is told the rows begun. False: it asked to stop.
  template <class Body>
  bool run(Poll poll, Body body) const {
    std::atomic<int64_t> next{0};
    std::atomic<bool> cancelled{false};
    const auto take_tiles = [&](Team& team) {
      auto asked = std::chrono::steady_clock::now();
      for (int64_t first = next.fetch_add(tile); first < rows && !cancelled.load(std::memory_order_relaxed);
           first = next.fetch_add(tile)) {
        body(team.index, first, std::min(tile, rows - first));
        if (team.index != 0 || std::chrono::steady_clock::now() - asked < std::chrono::milliseconds(20))
          continue;
        if (poll(first)) cancelled.store(true, std::memory_order_relaxed);
        asked = std::chrono::steady_clock::now();
      }
    };
    brief ? run_with_helpers(threads, take_tiles) : run_team(threads, take_tiles);
    return !cancelled.load();
  }
};

}  // namespace lamina
