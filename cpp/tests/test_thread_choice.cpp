// The choice of threads against machines whose step times are given.
#include "base/thread_choice.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_count.h"
#include "check.h"

namespace {

using lamina::TeamReport;
using lamina::ThreadChoice;
using lamina::TrialBudget;

// Microseconds of a step on so many threads, at a time (in seconds) of the machine's clock; what of them the
// caller waits is told through the last argument.
using StepTime = std::function<double(int threads, double now, double& waited)>;

// A machine that runs steps one after another, each as long as it is told.
struct Machine {
  StepTime step_time;
  double now = 0.0, on_two = 0.0;
  int64_t steps = 0;

  // Steps until `seconds` have passed or `most` are done; returns the time that they took.
  double run(ThreadChoice& choice, double seconds, int64_t most = std::int64_t{1} << 40) {
    const double began = now;
    for (int64_t done = 0; now < began + seconds && done < most;) {
      const int threads = choice.threads();
      const int64_t wanted = std::min(choice.steps_left(), most - done);
      TeamReport report;
      double taken = 0.0;
      int64_t count = 0;
      while (count < wanted && (taken < choice.seconds_left() || threads == 1) &&
             now + taken < began + seconds) {
        double waited = 0.0;
        taken += 1e-6 * step_time(threads, now + taken, waited);
        report.waited += 1e-6 * waited;
        ++count;
      }
      choice.record(count, taken, report);
      now += taken;
      done += count;
      steps += count;
      if (threads == 2) on_two += taken;
    }
    return now - began;
  }
};

StepTime steady(double one, double two) {
  return [=](int threads, double, double&) { return threads == 2 ? two : one; };
}

double share_of_two(ThreadChoice& choice, double one, double two, double seconds) {
  Machine machine{steady(one, two)};
  const double total = machine.run(choice, seconds);
  return machine.on_two / total;
}

struct Fresh {
  TrialBudget budget;
  ThreadChoice choice{budget};
  explicit Fresh(double microseconds, int most = 2, int cores = 2) {
    choice.prepare(most, cores, microseconds);
  }
};

LAMINA_TEST(the_faster_choice_gets_nearly_all_of_the_time) {
  for (const double step : {3.0, 20.0, 300.0, 5000.0, 50'000.0}) {
    Fresh slower(step), faster(step);
    if (step < 10'000.0) CHECK(share_of_two(slower.choice, step, 3 * step, 10.0) < 0.05);
    CHECK(share_of_two(faster.choice, step, 0.6 * step, 10.0) > 0.95);
  }
}

LAMINA_TEST(two_virtual_processors_of_one_core_cost_at_most_a_twentieth_and_one_step) {
  for (const double step : {4.0, 20.0, 100.0, 1000.0, 4000.0}) {
    for (const double ratio : {1.02, 1.07, 1.3, 2.0, 10.0}) {
      for (const double seconds : {0.1, 1.0}) {
        Fresh fresh(step, 2, 1);
        Machine machine{steady(step, ratio * step)};
        const double taken = machine.run(fresh.choice, seconds);
        const double tried = 1e-6 * step * (ratio - 1.0);
        CHECK(taken < 1.05 * 1e-6 * step * static_cast<double>(machine.steps) + tried);
      }
    }
  }
}

LAMINA_TEST(a_short_fit_soon_has_its_second_thread) {
  Fresh fresh(100.0);
  Machine machine{steady(100.0, 55.0)};
  const double taken = machine.run(fresh.choice, 1.0, 100);
  CHECK(taken < 1.1 * 100 * 55e-6);
}

LAMINA_TEST(a_worker_that_must_be_woken_is_not_taken_for_a_slow_one) {
  // Calls with a step each, on a second thread that sleeps where the call before had one.
  for (const double waking : {40.0, 80.0, 160.0}) {
    Fresh fresh(40.0);
    int before = 1;
    Machine machine{[&](int threads, double, double&) {
      const double taken = (threads == 2 ? 26.0 : 40.0) + (threads > before ? waking : 0.0);
      before = threads;
      return taken;
    }};
    while (machine.now < 1.0) machine.run(fresh.choice, 1.0, 1);
    CHECK(machine.on_two / machine.now > 0.9);
  }
}

LAMINA_TEST(a_small_gain_is_not_worth_a_processor) {
  Fresh fresh(100.0);
  CHECK(share_of_two(fresh.choice, 100.0, 99.0, 5.0) < 0.02);
}

LAMINA_TEST(a_second_core_that_becomes_slow_is_left_soon_and_found_again) {
  for (const double step : {20.0, 4000.0}) {
    Fresh fresh(step);
    share_of_two(fresh.choice, step, 0.6 * step, 5.0);
    CHECK(share_of_two(fresh.choice, step, 3 * step, 0.4) < 0.3);
    CHECK(share_of_two(fresh.choice, step, 3 * step, 5.0) < 0.05);
    share_of_two(fresh.choice, step, 0.6 * step, 5.0);
    CHECK(share_of_two(fresh.choice, step, 0.6 * step, 2.0) > 0.9);
  }
}

// The second processor belongs to others for `busy` of every `period` seconds, and a step that needs it
// waits.
StepTime shared_processor(double one, double two, double period, double busy) {
  return [=](int threads, double now, double& waited) {
    if (threads == 1) return one;
    const double phase = std::fmod(now, period);
    waited = phase < busy ? 1e6 * (busy - phase) : 0.0;
    return two + waited;
  };
}

LAMINA_TEST(a_processor_that_others_use_half_of_the_time_is_left_alone) {
  for (const double step : {20.0, 100.0, 4000.0}) {
    // Time slices of 3 ms; of four programs; and 20 ms of a virtual machine that others share.
    for (const auto& [period, busy] : {std::pair{6e-3, 4e-3}, {12e-3, 9e-3}, {40e-3, 30e-3}}) {
      Fresh fresh(step);
      Machine machine{shared_processor(step, 0.6 * step, period, busy)};
      const double taken = machine.run(fresh.choice, 4.0);
      CHECK(taken < 1.05 * 1e-6 * step * static_cast<double>(machine.steps));
    }
  }
}

LAMINA_TEST(a_time_slice_lost_now_and_then_does_not_cost_the_second_thread) {
  Fresh fresh(100.0);
  Machine machine{shared_processor(100.0, 55.0, 100e-3, 3e-3)};
  const double taken = machine.run(fresh.choice, 5.0);
  CHECK(machine.on_two > 0.8 * taken);
}

LAMINA_TEST(what_trials_lost_in_one_fit_is_not_lost_again_in_the_next) {
  TrialBudget budget;
  Machine machine{steady(100.0, 30'000.0)};
  double taken = 0.0;
  for (int fit = 0; fit < 100; ++fit) {
    ThreadChoice choice(budget);
    choice.prepare(2, 2, 100.0);
    taken += machine.run(choice, 1.0, 50);
  }
  // One of them meets the slow processor; the others keep away.
  CHECK(taken < 1.05 * 100e-6 * static_cast<double>(machine.steps) + 31e-3);
}

LAMINA_TEST(a_slow_first_step_decides_nothing) {
  for (const double step : {100.0, 4000.0}) {
    Fresh fresh(step);
    bool first = true;
    Machine machine{[&](int threads, double, double&) {
      const double faults = std::exchange(first, false) ? 20 * step : 0.0;
      return faults + (threads == 2 ? 0.6 * step : step);
    }};
    machine.run(fresh.choice, 0.2);
    machine.on_two = 0.0;
    const double taken = machine.run(fresh.choice, 2.0);
    CHECK(machine.on_two > 0.9 * taken);
    Fresh other(step);
    first = true;
    Machine slow{[&](int threads, double, double&) {
      const double faults = std::exchange(first, false) ? 20 * step : 0.0;
      return faults + (threads == 2 ? 1.5 * step : step);
    }};
    slow.run(other.choice, 0.2);
    slow.on_two = 0.0;
    CHECK(slow.run(other.choice, 2.0) > 20 * slow.on_two);
  }
}

LAMINA_TEST(a_long_step_that_waits_for_a_late_worker_is_the_last_of_its_kind) {
  Fresh fresh(4000.0);
  Machine machine{[](int threads, double, double& waited) {
    waited = threads == 2 ? 20e3 : 0.0;
    return (threads == 2 ? 2000.0 : 4000.0) + waited;
  }};
  machine.run(fresh.choice, 10.0, 20);
  CHECK(machine.on_two < 2 * 22e-3);
}

LAMINA_TEST(a_call_of_a_second_is_not_doubled_to_learn_something) {
  Fresh fresh(1e6);
  Machine machine{steady(1e6, 0.55e6)};
  machine.run(fresh.choice, 300.0);
  CHECK(machine.on_two == machine.now);
}

LAMINA_TEST(long_steps_on_one_thread_find_a_processor_that_is_free_again) {
  Fresh fresh(100e3);
  bool busy = true;
  Machine machine{[&](int threads, double, double& waited) {
    waited = threads == 2 && busy ? 200e3 : 0.0;
    return (threads == 2 ? 55e3 : 100e3) + waited;
  }};
  const double taken = machine.run(fresh.choice, 60.0);
  CHECK(taken < 1.05 * 0.1 * static_cast<double>(machine.steps));
  busy = false;
  machine.run(fresh.choice, 30.0);
  machine.on_two = 0.0;
  CHECK(machine.run(fresh.choice, 60.0) < 1.01 * machine.on_two);
}

LAMINA_TEST(steps_by_hand_one_at_a_time_find_it_too) {
  Fresh fresh(20.0);
  const auto step = [&] { fresh.choice.record(1, fresh.choice.threads() == 2 ? 60e-6 : 20e-6); };
  for (int i = 0; i < 100'000; ++i) step();
  int on_two = 0;
  for (int i = 0; i < 10'000; ++i, step()) on_two += fresh.choice.threads() == 2;
  CHECK(on_two < 500);
}

LAMINA_TEST(a_pool_that_another_fit_has_is_not_waited_for) {
  Fresh fresh(100.0);
  int on_two = 0;
  for (int i = 0; i < 10'000; ++i) {
    const int threads = fresh.choice.threads();
    on_two += threads == 2;
    fresh.choice.record(1, 100e-6, {.has_pool = threads == 1});
  }
  CHECK(on_two > 0 && on_two < 500);
}

LAMINA_TEST(long_steps_begin_on_all_cores_and_one_thread_tries_nothing) {
  CHECK(Fresh(5000.0).choice.threads() == 2);
  CHECK(Fresh(5000.0, 16, 8).choice.threads() == 8);
  CHECK(Fresh(5000.0, 2, 1).choice.threads() == 1);
  const Fresh one(10.0, 1, 8);
  CHECK(one.choice.threads() == 1 && !one.choice.tries());
}

LAMINA_TEST(the_best_of_many_numbers_is_found) {
  for (const int best : {1, 2, 4, 8, 16}) {
    Fresh fresh(200.0, 16, 16);
    Machine machine{[=](int threads, double, double&) {
      const double distance = std::fabs(std::log2(threads) - std::log2(best));
      return 200.0 / best * (1.0 + 0.5 * distance);
    }};
    machine.run(fresh.choice, 0.1);
    const int64_t before = machine.steps;
    const double taken = machine.run(fresh.choice, 2.0);
    CHECK(taken < 1.05e-6 * 200.0 / best * static_cast<double>(machine.steps - before));
  }
}

LAMINA_TEST(exactly_so_many_threads_are_never_tried) {
  const int before = lamina::get_num_threads();
  lamina::set_num_threads(3, true);
  lamina::ThreadChoices choices;
  ThreadChoice& choice = choices.of(3, 10.0);
  CHECK(choice.threads() == 3 && !choice.tries());
  lamina::set_num_threads(before);
  CHECK(choices.of(3, 10.0).tries());
}

LAMINA_TEST(calls_of_other_lengths_have_choices_of_their_own) {
  lamina::ThreadChoices choices;
  for (int round = 0; round < 200; ++round) {
    for (const double length : {10.0, 1000.0}) {
      ThreadChoice& choice = choices.of(2, length);
      choice.record(1, 1e-6 * length * (choice.threads() == 2 && length > 100 ? 0.5 : 1.2));
    }
  }
  CHECK(choices.of(2, 1000.0).threads() == 2);
}

LAMINA_TEST(calls_from_many_threads_learn_together) {
  lamina::SharedThreadChoices shared;
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int k = 0; k < 1000; ++k)
        shared.run(2, 10.0, [&](int threads) {
          if (threads < 1 || threads > 2) ++wrong;
          return TeamReport();
        });
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

LAMINA_TEST(siblings_of_one_core_count_once) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "lamina_cores";
  const auto write = [&](int cpu, const std::string& siblings) {
    const auto topology = folder / ("cpu" + std::to_string(cpu)) / "topology";
    std::filesystem::create_directories(topology);
    std::ofstream(topology / "thread_siblings_list") << siblings << "\n";
  };
  write(0, "0,2");
  write(1, "1,3");
  write(2, "0,2");
  write(3, "1,3");
  CHECK(lamina::detail::count_cores(folder.string(), {0, 1, 2, 3}) == 2);
  CHECK(lamina::detail::count_cores(folder.string(), {0, 2}) == 1);
  CHECK(lamina::detail::count_cores(folder.string(), {0, 1}) == 2);
  // Without lists, each is a core.
  CHECK(lamina::detail::count_cores(folder.string(), {8, 9}) == 2);
  std::filesystem::remove_all(folder);
  CHECK(lamina::physical_cores() >= 1 && lamina::physical_cores() <= lamina::hardware_threads());
}

}  // namespace

LAMINA_TEST_MAIN
