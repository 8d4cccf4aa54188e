// The choice of threads against a machine whose step times are given.
#include "training/thread_choice.h"

#include <algorithm>
#include <cstdint>

#include "check.h"

namespace {

using lamina::ThreadChoice;

// Runs steps that take so many microseconds on one and on two threads, for `microseconds`; returns how much
// of that time was spent on two.
double share_of_two(ThreadChoice& choice, double one, double two, double microseconds) {
  double total = 0.0, on_two = 0.0;
  while (total < microseconds) {
    const int threads = choice.threads();
    const int64_t steps = std::min<int64_t>(choice.steps_left(), 1000);
    const double time = static_cast<double>(steps) * (threads == 2 ? two : one);
    choice.record(steps, 1e-6 * time);
    total += time;
    if (threads == 2) on_two += time;
  }
  return on_two / total;
}

ThreadChoice for_steps_of(double microseconds) {
  ThreadChoice choice;
  choice.prepare(2, microseconds);
  return choice;
}

LAMINA_TEST(the_faster_choice_gets_nearly_all_of_the_time) {
  for (const double step : {3.0, 20.0, 300.0}) {
    ThreadChoice choice = for_steps_of(step);
    CHECK(share_of_two(choice, step, 3 * step, 2e6) < 0.05);
    ThreadChoice other = for_steps_of(step);
    CHECK(share_of_two(other, step, 0.6 * step, 2e6) > 0.95);
  }
}

LAMINA_TEST(a_second_core_that_becomes_slow_is_left_soon_and_found_again) {
  ThreadChoice choice = for_steps_of(20.0);
  share_of_two(choice, 20, 12, 5e6);
  CHECK(share_of_two(choice, 20, 60, 200e3) < 0.3);
  CHECK(share_of_two(choice, 20, 60, 2e6) < 0.05);
  share_of_two(choice, 20, 12, 2e6);
  CHECK(share_of_two(choice, 20, 12, 1e6) > 0.95);
}

LAMINA_TEST(steps_by_hand_one_at_a_time_find_it_too) {
  ThreadChoice choice = for_steps_of(20.0);
  for (int i = 0; i < 100'000; ++i) choice.record(1, choice.threads() == 2 ? 60e-6 : 20e-6);
  int on_two = 0;
  for (int i = 0; i < 10'000; ++i) {
    on_two += choice.threads() == 2;
    choice.record(1, choice.threads() == 2 ? 60e-6 : 20e-6);
  }
  CHECK(on_two < 500);
}

LAMINA_TEST(long_steps_and_one_thread_are_not_tried) {
  CHECK(for_steps_of(5000.0).threads() == 2);
  ThreadChoice one;
  one.prepare(1, 10.0);
  CHECK(one.threads() == 1);
}

}  // namespace

LAMINA_TEST_MAIN
