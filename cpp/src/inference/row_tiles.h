// Shares out the tiles of a call's rows among threads, and polls the caller meanwhile.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/execution.h"
#include "base/poll.h"
#include "inference/sparse_rows.h"
#include "network/work_sizes.h"
#include "network/workspace.h"

namespace lamina {

// Less than it takes a sleeping thread to wake and be of use.
inline constexpr double kBriefMicroseconds = 200.0;

struct RowTiles {
  int64_t rows, tile;
  int threads;
  double microseconds;  // of one thread, estimated
  Execution execution;

  // The threads that `rows` rows through `network` deserve, by the multiply-adds of a row.
  template <class T>
  static int most_threads(int64_t rows, double multiply_adds, const Execution& execution) {
    const auto limit = static_cast<int>(std::clamp<int64_t>(rows, 1, execution.threads()));
    return deserved_threads(multiply_adds * static_cast<double>(rows), sizeof(T) == 8, limit);
  }

  // Rows that pass through `network`, in as many tiles for each thread.
  template <class T>
  static RowTiles cut(const Network<T>& network, int64_t rows, double multiply_adds, int threads,
                      const Execution& execution) {
    const int64_t most = network.tile_rows();
    const int64_t rounds = std::max<int64_t>(1, (rows + most * threads - 1) / (most * threads));
    return {rows, std::max<int64_t>(1, (rows + rounds * threads - 1) / (rounds * threads)), threads,
            estimated_microseconds(multiply_adds * static_cast<double>(rows), sizeof(T) == 8), execution};
  }

  // Calls body(thread, first row, rows) once for each tile, each thread taking the next free one. The poll
  // is told the rows begun. Sets `completed`; false: it asked to stop.
  template <class Body>
  TeamReport run(Poll poll, bool& completed, Body body) const {
    std::atomic<int64_t> next{0};
    std::atomic<bool> cancelled{false};
    // One tile is done before anybody could be asked: two looks at the clock are a tenth of a short call.
    const bool asks = tile < rows;
    const auto take_tiles = [&](Team& team) {
      std::chrono::steady_clock::time_point asked;
      if (asks) asked = std::chrono::steady_clock::now();
      for (int64_t first = next.fetch_add(tile); first < rows && !cancelled.load(std::memory_order_relaxed);
           first = next.fetch_add(tile)) {
        body(team.index, first, std::min(tile, rows - first));
        if (!asks || team.index != 0 ||
            std::chrono::steady_clock::now() - asked < std::chrono::milliseconds(20))
          continue;
        if (poll(first)) cancelled.store(true, std::memory_order_relaxed);
        asked = std::chrono::steady_clock::now();
      }
    };
    // Sleeping threads are woken only where they can be of use before the caller is through.
    const TeamReport report =
        execution.run_with_helpers(threads, take_tiles, microseconds >= kBriefMicroseconds);
    completed = !cancelled.load();
    return report;
  }
};

// Calls run(tiles, completed) with rows cut for as many threads as calls of that length have been found to be
// fastest with; returns `completed`.
template <class T, class Run>
bool run_row_tiles(const Network<T>& network, int64_t rows, double multiply_adds, const Execution& execution,
                   Run run) {
  const int most = RowTiles::most_threads<T>(rows, multiply_adds, execution);
  const double work = multiply_adds * static_cast<double>(rows);
  bool completed = true;
  network.call_threads().run(most, estimated_microseconds(work, sizeof(T) == 8), [&](int threads) {
    return run(RowTiles::cut(network, rows, multiply_adds, threads, execution), completed);
  });
  return completed;
}

// Calls body(workspace, first row, rows) for each tile of a pass forward, each thread with a workspace of its
// own. `sparse` (or null): rows that workspaces hold as they are. False: the poll asked to stop.
template <class T, class Body>
bool run_inference_tiles(const Network<T>& network, int64_t rows, const ArraySource* sparse,
                         const Execution& execution, Poll poll, Body body) {
  const auto work = static_cast<double>(network.forward_multiply_adds());
  return run_row_tiles(network, rows, work, execution, [&](const RowTiles& tiles, bool& completed) {
    std::vector<Workspace<T>> workspaces;
    workspaces.reserve(static_cast<size_t>(tiles.threads));
    const int64_t stored = sparse != nullptr ? most_stored(*sparse, nullptr, rows, tiles.tile) : 0;
    for (int i = 0; i < tiles.threads; ++i) {
      workspaces.emplace_back(network, tiles.tile, WorkspaceUse::kInference, sparse != nullptr);
      if (sparse != nullptr) workspaces.back().sparse_input()->reserve(stored);
    }
    return tiles.run(poll, completed, [&](int thread, int64_t first, int64_t count) {
      body(workspaces[static_cast<size_t>(thread)], first, count);
    });
  });
}

}  // namespace lamina
