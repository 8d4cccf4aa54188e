// Runs one function on a team of threads at once; the process's only pool of worker threads.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/function_ref.h"
#include "base/thread_count.h"

namespace lamina {

namespace detail {
class ThreadPool;
}

// What a team's body knows of itself: its index in [0, size), and a barrier.
class Team {
 public:
  const int index = 0;
  const int size = 1;

  // Returns once every member has arrived here as often as this one, has returned or has thrown;
  // what they wrote before arriving is then visible. Spins, then yields the CPU.
  void barrier() noexcept {
    if (size > 1) wait_for_members();
  }

  // True once a member's body has thrown: a long loop may then stop early.
  bool failed() const noexcept;

  // Rows or tiles [first, last) of `count` that this member owns in an even, ordered split.
  struct Range {
    int64_t first;
    int64_t last;
  };
  Range share(int64_t count) const noexcept {
    if (size == 1) return {0, count};  // without divisions, which would show in short steps
    return {count * index / size, count * (index + 1) / size};
  }

 private:
  friend class detail::ThreadPool;

  Team() = default;
  Team(int index_, int size_, detail::ThreadPool* pool, uint64_t arrivals, uint64_t launch)
      : index(index_), size(size_), pool_(pool), arrivals_(arrivals), launch_(launch) {}

  void wait_for_members() noexcept;

  detail::ThreadPool* pool_ = nullptr;
  uint64_t arrivals_ = 0;
  uint64_t launch_ = 0;
};

// What a call's caller has seen of its team.
struct TeamReport {
  bool has_pool = true;  // false: another call had the pool, or no thread can be started
  double waited = 0.0;   // seconds that the caller waited for others, short waits left out
};

// Calls body(team) on `threads` threads at once, the caller being index 0, and returns when all have
// returned. The team may be smaller, down to the caller alone: while another call holds the pool,
// inside a body, or when no thread can be started. So a body must give the same result for any team
// size. All members run with default rounding and denormals flushed (denormals.h).
//
// A body may throw: it then counts as arrived at all later barriers, so the others run to their
// ends, and the first exception thrown is rethrown here. Callable from any thread; never blocks
// waiting for the pool. A child after fork() starts with an empty pool; a body must not fork. Where a worker
// has not come within `patience`, the caller runs the body alone.
TeamReport run_team(int threads, FunctionRef<void(Team&)> body,
                    std::chrono::nanoseconds patience = std::chrono::nanoseconds::max());

// The same for work of some microseconds, too short to wait for others: workers that come in time run the
// body beside the caller, those that do not come before the caller's own returns never do. The body hands
// out its work piece by piece, leaves none undone where the caller is alone, and uses no barrier. Sleeping
// workers are woken only where calls follow each other at once, or where the caller asks for it.
TeamReport run_with_helpers(int threads, FunctionRef<void(Team&)> body, bool wake = false);

}  // namespace lamina
