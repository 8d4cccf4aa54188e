// Tests of the thread team: order, nesting, failures, fork, and more threads than CPUs.
#include "base/thread_pool.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/denormals.h"
#include "base/error.h"
#include "check.h"

#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif

// ThreadSanitizer does not follow a multi-threaded process through fork().
#if defined(__SANITIZE_THREAD__) || defined(_WIN32)
#define LAMINA_TEST_FORK 0
#else
#define LAMINA_TEST_FORK 1
#endif

namespace {

using lamina::run_team;
using lamina::Team;
using Clock = std::chrono::steady_clock;

// A sum in two phases that needs the barrier: each member fills its share, then adds up all of it.
int64_t sum_over_barriers(int threads, int rounds) {
  constexpr int64_t kCount = 97;
  std::vector<int64_t> values(kCount), totals(static_cast<std::size_t>(threads));
  run_team(threads, [&](Team& team) {
    int64_t total = 0;
    for (int round = 1; round <= rounds; ++round) {
      const auto [first, last] = team.share(kCount);
      for (int64_t i = first; i < last; ++i) values[static_cast<std::size_t>(i)] = i * round;
      team.barrier();
      total += std::accumulate(values.begin(), values.end(), int64_t{0});
      team.barrier();
    }
    totals[static_cast<std::size_t>(team.index)] = total;
  });
  return totals[0];
}

constexpr int64_t expected_sum(int64_t rounds) { return 97 * 96 / 2 * (rounds * (rounds + 1) / 2); }

LAMINA_TEST(each_index_runs_once) {
  for (const int threads : {1, 2, 3, 8}) {
    std::vector<std::atomic<int>> calls(8);
    std::atomic<int> size{0};
    run_team(threads, [&](Team& team) {
      ++calls[static_cast<std::size_t>(team.index)];
      size = team.size;
    });
    CHECK(size == threads);
    for (int i = 0; i < 8; ++i) CHECK(calls[static_cast<std::size_t>(i)] == (i < threads ? 1 : 0));
  }
}

LAMINA_TEST(the_caller_is_index_zero) {
  std::thread::id zero;
  run_team(3, [&](Team& team) {
    if (team.index == 0) zero = std::this_thread::get_id();
  });
  CHECK(zero == std::this_thread::get_id());
}

LAMINA_TEST(shares_cover_every_item_once_and_in_order) {
  for (const int64_t count : {0, 1, 2, 7, 1000}) {
    std::vector<Team::Range> shares(4);
    run_team(4, [&](Team& team) { shares[static_cast<std::size_t>(team.index)] = team.share(count); });
    int64_t next = 0;
    for (const Team::Range& range : shares) {
      CHECK(range.first == next && range.last >= range.first);
      next = range.last;
    }
    CHECK(next == count);
  }
}

LAMINA_TEST(barriers_order_writes_before_reads) {
  for (const int threads : {1, 2, 3, 4}) CHECK(sum_over_barriers(threads, 500) == expected_sum(500));
}

LAMINA_TEST(many_short_launches_lose_no_call) {
  std::atomic<int64_t> calls{0};
  for (int i = 0; i < 20000; ++i) run_team(2, [&](Team&) { calls.fetch_add(1); });
  CHECK(calls == 40000);
}

LAMINA_TEST(a_nested_call_runs_alone) {
  std::atomic<int> outer{0}, inner{0};
  run_team(3, [&](Team&) {
    ++outer;
    run_team(4, [&](Team& team) { inner += team.size == 1 ? 1 : 100; });
  });
  CHECK(outer == 3);
  CHECK(inner == 3);
}

LAMINA_TEST(concurrent_callers_all_get_right_results) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int k = 0; k < 50; ++k)
        if (sum_over_barriers(2, 20) != expected_sum(20)) ++wrong;
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

LAMINA_TEST(a_second_caller_runs_alone_rather_than_wait) {
  std::atomic<bool> inside{false}, finish{false};
  std::thread first([&] {
    run_team(2, [&](Team&) {
      inside = true;
      while (!finish) std::this_thread::yield();
    });
  });
  while (!inside) std::this_thread::yield();
  int size = 0;
  run_team(2, [&](Team& team) { size = team.size; });
  CHECK(size == 1);
  finish = true;
  first.join();
}

LAMINA_TEST(whoever_comes_too_late_is_not_waited_for_and_runs_nothing) {
  const auto run = [](int threads, std::chrono::nanoseconds patience) {
    std::atomic<int> calls{0}, size{0};
    lamina::run_team(
        threads,
        [&](Team& team) {
          ++calls;
          size = team.size;
          team.barrier();
        },
        patience);
    CHECK(calls == size && (size == 1 || size == threads));
    return size.load();
  };
  for (int i = 0; i < 3000; ++i) run(2 + i % 3, std::chrono::microseconds(i % 40));
  // Asleep by now, it cannot come in no time.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(run(2, std::chrono::nanoseconds(0)) == 1);
  CHECK(run(2, std::chrono::hours(1)) == 2);
  CHECK_THROWS(lamina::run_team(
                   2, [](Team&) { throw std::runtime_error("alone"); }, std::chrono::nanoseconds(0)),
               std::runtime_error);
}

LAMINA_TEST(the_report_tells_of_long_waits_and_of_a_pool_in_use) {
  const lamina::TeamReport waited = run_team(2, [](Team& team) {
    if (team.index == 1) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    team.barrier();
  });
  CHECK(waited.has_pool && waited.waited > 0.02);
  run_team(2, [](Team& team) {
    if (team.index == 0) CHECK(!run_team(2, [](Team&) {}).has_pool);
  });
}

LAMINA_TEST(team_size_follows_each_call) {
  for (const int threads : {2, 5, 1, 3, 8, 2}) {
    std::atomic<int> calls{0};
    run_team(threads, [&](Team& team) {
      ++calls;
      team.barrier();
    });
    CHECK(calls == threads);
  }
}

LAMINA_TEST(counts_outside_the_range_are_clamped) {
  int size = 0;
  run_team(-3, [&](Team& team) { size = team.size; });
  CHECK(size == 1);
}

// The others stand at barriers that the thrower never reaches.
void check_rethrown(int thrower) {
  std::atomic<int> finished{0}, saw_failure{0};
  std::string message;
  try {
    run_team(3, [&](Team& team) {
      team.barrier();
      if (team.index == thrower) throw std::runtime_error("row 7");
      for (int i = 0; i < 100; ++i) team.barrier();
      saw_failure += team.failed() ? 1 : 0;
      ++finished;
    });
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  CHECK(message == "row 7");
  CHECK(finished == 2);
  CHECK(saw_failure == 2);
}

LAMINA_TEST(a_workers_exception_reaches_the_caller_and_frees_the_others) { check_rethrown(2); }

LAMINA_TEST(the_callers_own_exception_waits_for_the_others) { check_rethrown(0); }

LAMINA_TEST(after_a_failure_the_next_call_works) {
  CHECK_THROWS(run_team(2, [](Team&) { throw std::logic_error("both"); }), std::logic_error);
  CHECK_THROWS(run_team(1, [](Team&) { throw std::logic_error("alone"); }), std::logic_error);
  bool failed = true;
  run_team(2, [&](Team& team) {
    if (team.index == 0) failed = team.failed();
  });
  CHECK(!failed);
  CHECK(sum_over_barriers(2, 10) == expected_sum(10));
}

LAMINA_TEST(members_may_return_before_others_reach_a_barrier) {
  std::atomic<int> finished{0};
  run_team(4, [&](Team& team) {
    for (int i = 0; i < team.index * 10; ++i) team.barrier();
    ++finished;
  });
  CHECK(finished == 4);
  CHECK(sum_over_barriers(4, 10) == expected_sum(10));
}

LAMINA_TEST(every_member_flushes_denormals_and_no_caller_keeps_it) {
  if (!lamina::FlushDenormals::kSupported) return;
  volatile float tiny = 1e-40f;
  for (const int threads : {1, 3}) {
    std::atomic<int> flushed{0};
    run_team(threads, [&](Team&) { flushed += tiny * 1.0f == 0.0f ? 1 : 0; });
    CHECK(flushed == threads);
    CHECK(tiny * 1.0f != 0.0f);
  }
}

LAMINA_TEST(four_threads_on_fewer_cpus_pass_all_barriers) {
  std::atomic<int> passed{0};
  run_team(4, [&](Team& team) {
    for (int i = 0; i < 2000; ++i) team.barrier();
    ++passed;
  });
  CHECK(passed == 4);
}

#if !defined(_WIN32)
LAMINA_TEST(workers_sleep_soon_after_the_last_job) {
  run_team(2, [](Team&) {});
  const auto cpu_nanoseconds = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  const int64_t before = cpu_nanoseconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  // 50 us of spinning, and ample room for a sanitizer's own threads.
  CHECK(cpu_nanoseconds() - before < 10'000'000);
}

LAMINA_TEST(workers_block_signals) {
  sigset_t mask;
  sigemptyset(&mask);
  run_team(2, [&](Team& team) {
    if (team.index == 1) pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  });
  CHECK(sigismember(&mask, SIGINT) == 1);
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  CHECK(sigismember(&mask, SIGINT) == 0);
}
#endif

#if LAMINA_TEST_FORK
// Forks; the child works with a team and exits 0 if the result is right. True if it did in time.
bool child_works() {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(sum_over_barriers(2, 10) == expected_sum(10) ? 0 : 1);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

LAMINA_TEST(five_hundred_forks_of_an_idle_pool_work_in_parent_and_child) {
  const auto start = Clock::now();
  for (int i = 0; i < 500; ++i) {
    CHECK(sum_over_barriers(2, 2) == expected_sum(2));
    CHECK(child_works());
  }
  CHECK(Clock::now() - start < std::chrono::seconds(20));
}

LAMINA_TEST(five_hundred_forks_while_another_thread_works_never_hang) {
  const auto start = Clock::now();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread other([&] {
    while (!stop)
      if (sum_over_barriers(2, 50) != expected_sum(50)) ++wrong;
  });
  for (int i = 0; i < 500; ++i) CHECK(child_works());
  stop = true;
  other.join();
  CHECK(wrong == 0);
  CHECK(Clock::now() - start < std::chrono::seconds(20));
}

LAMINA_TEST(a_childs_child_works) {
  CHECK(sum_over_barriers(2, 2) == expected_sum(2));
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    const bool right = sum_over_barriers(2, 2) == expected_sum(2) && child_works();
    _exit(right ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#endif

LAMINA_TEST(thread_counts_outside_1_to_1024_are_refused) {
  for (const int count : {0, -1, 1025}) CHECK_THROWS(lamina::set_num_threads(count), lamina::Error);
  lamina::set_num_threads(lamina::hardware_threads() + 3);
  CHECK(lamina::get_num_threads() == lamina::hardware_threads() + 3);
}

}  // namespace

LAMINA_TEST_MAIN
