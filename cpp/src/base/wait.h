// Waiting for another thread's next move: by pauses while it is expected within a microsecond or so, asleep
// after.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <thread>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace lamina {

inline void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("isb");  // "yield" does nothing on most cores
#endif
}

// About 2 us of pauses before a waiting thread yields its CPU, maybe to the one it waits for: on a busy
// machine both may sit on one CPU.
inline constexpr int kSpins = 100;

template <class Ready, class BeforeYield>
void spin_then_yield(int spins, Ready ready, BeforeYield before_yield) noexcept {
  for (int i = 0; i < spins; ++i) {
    if (ready()) return;
    pause_cpu();
  }
  for (; !ready(); std::this_thread::yield()) before_yield();
}

template <class Ready>
void spin_then_yield(Ready ready) noexcept {
  spin_then_yield(kSpins, ready, [] {});
}

inline void sleep_while_equal(std::atomic<uint32_t>& word, uint32_t value) noexcept {
#if defined(__linux__)
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
#else
  word.wait(value, std::memory_order_acquire);
#endif
}

inline void wake_sleeper(std::atomic<uint32_t>& word) noexcept {
#if defined(__linux__)
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
#else
  word.notify_one();
#endif
}

inline void wake_sleepers(std::atomic<uint32_t>& word) noexcept {
#if defined(__linux__)
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, std::numeric_limits<int>::max(), nullptr, nullptr, 0);
#else
  word.notify_all();
#endif
}

// Where threads wait for what others do, awake at first and then asleep: a thread that yields again and again
// would lose its turn to other programs each time, for some milliseconds.
class WaitingPlace {
 public:
  // After `ready` was found false for a while, and until it is true; it reads what is written before
  // wake_all().
  template <class Ready>
  void sleep_until(Ready ready) noexcept {
    sleepers_.fetch_add(1);
    for (;;) {
      const uint32_t calls = calls_.load();
      if (ready()) break;
      sleep_while_equal(calls_, calls);
    }
    sleepers_.fetch_sub(1);
  }

  void wake_all() noexcept {
    if (sleepers_.load() == 0) return;
    calls_.fetch_add(1);
    wake_sleepers(calls_);
  }

 private:
  std::atomic<uint32_t> calls_{0};
  std::atomic<int> sleepers_{0};
};

}  // namespace lamina
