// Tests of short jobs shared with helpers: every piece once, whoever comes, and the pool whole afterwards.
#include "base/piece_queue.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "check.h"

namespace {

using lamina::PieceQueue;
using lamina::run_team;
using lamina::run_with_helpers;
using lamina::Team;

// Jobs of a few pieces, each piece the sum of the job before it: true if every piece ran once, in its turn.
bool jobs_are_right(int threads, int jobs, int64_t pieces) {
  std::vector<int64_t> before(static_cast<size_t>(pieces), 1), now(before.size());
  PieceQueue queue;
  const auto run = [&](int64_t piece) {
    now[static_cast<size_t>(piece)] +=
        piece + std::accumulate(before.begin(), before.end(), int64_t{0}) % 1000;
  };
  run_with_helpers(threads, [&](Team& team) {
    if (team.index > 0) return queue.help(run);
    for (int job = 0; job < jobs; ++job) {
      now.assign(now.size(), 0);
      queue.run(pieces, run);
      before = now;
    }
    queue.close();
  });
  std::vector<int64_t> wanted(static_cast<size_t>(pieces), 1);
  for (int job = 0; job < jobs; ++job) {
    const int64_t sum = std::accumulate(wanted.begin(), wanted.end(), int64_t{0}) % 1000;
    std::iota(wanted.begin(), wanted.end(), sum);
  }
  return before == wanted;
}

LAMINA_TEST(every_piece_runs_once_whoever_helps) {
  for (const int threads : {1, 2, 3, 64})
    for (const int64_t pieces : {1, 2, 7})
      for (int call = 0; call < 200; ++call) CHECK(jobs_are_right(threads, 3, pieces));
}

LAMINA_TEST(calls_in_a_row_get_help) {
  std::atomic<int> helped{0};
  // Enough for a worker to start, and for one that the system put aside to come back.
  for (int call = 0; call < 100'000 && helped == 0; ++call)
    run_with_helpers(2, [&](Team& team) {
      if (team.index > 0) ++helped;
      for (int i = 0; team.index == 0 && i < 200; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    });
  CHECK(helped > 0 || lamina::hardware_threads() == 1);
}

LAMINA_TEST(teams_and_helped_calls_take_turns_with_pauses_between) {
  for (int call = 0; call < 300; ++call) {
    CHECK(jobs_are_right(2, 2, 5));
    // Past the workers' spin, so that some offers meet a sleeper.
    if (call % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(70));
    std::atomic<int> members{0};
    run_team(2, [&](Team& team) {
      ++members;
      team.barrier();
    });
    CHECK(members == 2);
  }
}

LAMINA_TEST(many_callers_at_once_all_finish) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int call = 0; call < 500; ++call)
        if (!jobs_are_right(2, 2, 5)) ++wrong;
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

LAMINA_TEST(a_failure_of_the_caller_is_rethrown_and_the_pool_goes_on) {
  CHECK_THROWS(run_with_helpers(2,
                                [](Team& team) {
                                  if (team.index == 0) throw std::runtime_error("caller");
                                }),
               std::runtime_error);
  CHECK(jobs_are_right(2, 3, 4));
}

}  // namespace

LAMINA_TEST_MAIN
