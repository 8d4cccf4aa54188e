// What the caller of the thread pool hands to one worker: by one cache line, to be taken once or taken back.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/function_ref.h"
#include "base/wait.h"

namespace lamina {

class Team;

namespace detail {

// Two lines of most CPUs, one of Apple's: neighbours do not slow each other down.
inline constexpr std::size_t kFlagSpacing = 128;
// Pauses before a yield where there are more threads than CPUs.
inline constexpr int kCrowdedSpins = 32;

struct Job {
  static constexpr auto kNothing = [](Team&) {};

  FunctionRef<void(Team&)> body = kNothing;
  uint64_t arrivals = 0;
  uint64_t launch = 0;  // 0: end the worker
  int size = 0;
  bool gathers = false;                   // begins once all have come, or not at all
  std::chrono::nanoseconds idle_spin{0};  // after the job, before sleep
};

class JobSlot {
 public:
  // By the caller, once the job before was done or taken back.
  void hand_over(const Job& job) noexcept {
    job_ = job;
    command_.store((command_.load(std::memory_order_relaxed) | kTaken) + 1, std::memory_order_release);
    if (asleep_.exchange(false, std::memory_order_acq_rel)) wake_sleeper(command_);
  }

  // The job handed over last: of the caller, and of the worker once it has taken it.
  const Job& job() const noexcept { return job_; }
  bool was_taken() const noexcept { return (command_.load(std::memory_order_acquire) & kTaken) != 0; }
  bool worker_sleeps() const noexcept { return asleep_.load(std::memory_order_relaxed); }

  // True where a job was on offer; it is then the calling thread's alone.
  bool take() noexcept {
    uint32_t command = command_.load(std::memory_order_acquire);
    return (command & kTaken) == 0 &&
           command_.compare_exchange_strong(command, command | kTaken, std::memory_order_acq_rel);
  }

  // By the worker: waits until a job is on offer; spins, then yields, for `idle_spin` after the last one,
  // then sleeps.
  void wait(std::chrono::nanoseconds idle_spin) noexcept {
    uint32_t command = kTaken;
    const auto on_offer = [&] {
      command = command_.load(std::memory_order_acquire);
      return (command & kTaken) == 0;
    };
    const auto end = std::chrono::steady_clock::now() + idle_spin;
    do {
      for (int i = 0; i < kSpins; ++i) {
        if (on_offer()) return;
        pause_cpu();
      }
    } while (std::chrono::steady_clock::now() < end);
    // Anew each time: a waker that took its job back has reset it.
    for (;;) {
      asleep_.exchange(true, std::memory_order_acq_rel);
      if (on_offer()) break;
      sleep_while_equal(command_, command);
    }
    asleep_.store(false, std::memory_order_relaxed);
  }

 private:
  // Of the command: nothing on offer, the last one was taken by its worker or taken back.
  static constexpr uint32_t kTaken = 1;

  // Written by the caller: `command_` changes with each job, last. One line, one store: the worker, which
  // polls it, does not take it away half written. Even: the job is on offer.
  alignas(kFlagSpacing) Job job_;
  std::atomic<uint32_t> command_{kTaken};
  // Both exchange it after their own write, so one of them sees what the other wrote.
  alignas(kFlagSpacing) std::atomic<bool> asleep_{false};
};

}  // namespace detail

}  // namespace lamina
