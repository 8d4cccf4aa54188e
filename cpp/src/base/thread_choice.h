// How many threads repeated work deserves, found by trying: a second thread may be a virtual one of the same
// core, have caches that are far away, or a processor that other programs use. Results never depend on it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"

namespace lamina {

// The time that trials may cost, shared by all choices of the process: some hundredths of the time of their
// work. What lost more must be earned again before another trial.
class TrialBudget {
 public:
  static TrialBudget& of_process() noexcept;

  void note_work(double seconds) noexcept;
  void note_loss(double seconds) noexcept;
  // A trial longer than what can be saved up is allowed once that is reached, and paid later.
  bool allows(double seconds) const noexcept;
  bool is_in_debt() const noexcept { return seconds_.load(std::memory_order_relaxed) < 0.0; }

 private:
  static constexpr double kMost = 2e-3;
  std::atomic<double> seconds_{kMost};
};

// Of steps that repeat and belong to one caller. Short ones begin on one thread, which the others must beat;
// long ones on as many as there are cores, as their first ones count most.
class ThreadChoice {
 public:
  ThreadChoice() noexcept : ThreadChoice(TrialBudget::of_process()) {}
  explicit ThreadChoice(TrialBudget& budget) noexcept : budget_(&budget) {}

  // For steps that one thread would do in about `microseconds`, on at most `most` threads of a machine with
  // so many cores. What was learned stays while `most` does.
  void prepare(int most, int cores, double microseconds) noexcept;
  // Exactly so many.
  void fix(int threads) noexcept;

  // Of the next stretch of at most steps_left() steps, whose length and time `record` is told; beyond
  // seconds_left() it had better end after any step.
  int threads() const noexcept { return candidates_[current_].threads; }
  int64_t steps_left() const noexcept;
  double seconds_left() const noexcept;
  // How long a team may take to come together; a late one shows that others use its processors.
  std::chrono::nanoseconds patience() const noexcept;
  // Whether `record` wants times at all.
  bool tries() const noexcept { return count_ > 1; }
  void record(int64_t steps, double seconds, const TeamReport& report = {}) noexcept;

 private:
  struct Candidate {
    int threads = 1;
    double work = 0.0, seconds = 0.0;  // lately; work in microseconds of the estimate
    bool known() const noexcept { return work > 0.0; }
    double slowness() const noexcept { return seconds / work; }
  };
  struct Stretch {
    int64_t steps = 0;
    double work = 0.0, seconds = 0.0, waited = 0.0;
  };
  bool is_long() const noexcept;
  int64_t warm_up() const noexcept;
  int64_t fewer_if_longer(int64_t steps) const noexcept;
  int64_t steps_in(double seconds) const noexcept;
  double expected_slowness(size_t candidate) const noexcept;
  double cost_of_trial(size_t candidate) const noexcept;
  size_t fastest() const noexcept;
  void begin_trial(size_t candidate) noexcept;
  void begin_use(size_t candidate) noexcept;
  void account(double work, double seconds) noexcept;
  bool is_hopeless() const noexcept;
  void end_trial() noexcept;
  void look() noexcept;
  void try_another() noexcept;
  void leave_to_others() noexcept;

  static constexpr size_t kMostCandidates = 12;
  TrialBudget* budget_;
  std::array<Candidate, kMostCandidates> candidates_{};  // by threads, ascending
  size_t count_ = 1, current_ = 0, best_ = 0, last_tried_ = 0;
  int most_ = 0;
  double estimate_ = 0.0;                  // microseconds of a step on one thread
  double pause_ = 0.0, pause_left_ = 0.0;  // seconds from one trial to the next
  bool trial_ = false, begins_ = false;    // begins_: numbers are tried upwards while each is faster
  int64_t wanted_ = 0, done_ = 0;          // steps of the trial or of the stretch since the last change
  Stretch whole_, measured_;               // since then: all steps; those after the warm-up
};

// The choices of one kind of work, one for each order of its length.
class ThreadChoices {
 public:
  // The reference holds until the next call.
  ThreadChoice& of(int most, double microseconds) noexcept;
  // One step: run(choice) returns the report of its team.
  template <class Run>
  void run_step(int most, double microseconds, Run run) {
    ThreadChoice& choice = of(most, microseconds);
    if (!choice.tries()) return void(run(choice));
    const auto began = std::chrono::steady_clock::now();
    const TeamReport report = run(choice);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
    choice.record(1, taken.count(), report);
  }

 private:
  struct Slot {
    int most = 0, order = 0;
    uint64_t used = 0;
    ThreadChoice choice;
  };
  static constexpr size_t kSlots = 6;
  std::array<Slot, kSlots> slots_{};
  uint64_t uses_ = 0;
};

// The same for calls from any thread, each a step of its own. Never waits: a call that finds the choices in
// use takes all threads that it deserves. A copy begins anew.
class SharedThreadChoices {
 public:
  SharedThreadChoices() = default;
  SharedThreadChoices(const SharedThreadChoices&) noexcept {}
  SharedThreadChoices& operator=(const SharedThreadChoices&) noexcept { return *this; }

  // Calls run(threads), which returns the report of its team, with 1 to `most` threads.
  template <class Run>
  void run(int most, double microseconds, Run run) noexcept(noexcept(run(1))) {
    if (most == 1) return void(run(1));
    const int threads = choose(most, microseconds);
    const auto began = std::chrono::steady_clock::now();
    const TeamReport report = run(threads);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
    record(most, microseconds, threads, taken.count(), report);
  }

 private:
  int choose(int most, double microseconds) noexcept;
  void record(int most, double microseconds, int threads, double seconds, const TeamReport& report) noexcept;

  std::atomic_flag in_use_ = ATOMIC_FLAG_INIT;
  ThreadChoices choices_;
};

}  // namespace lamina
