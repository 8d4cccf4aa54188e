// Waiting for another thread's next move, which is expected within a microsecond or so.
#pragma once

#include <thread>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
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

}  // namespace lamina
