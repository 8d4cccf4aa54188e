// Starting threads that take no signals.
#pragma once

#if !defined(_WIN32)
#include <pthread.h>
#include <signal.h>
#endif

namespace lamina {

// Signals stay with the program's own threads: what starts inside inherits a full mask.
class [[maybe_unused]] BlockedSignals {
 public:
#if defined(_WIN32)
  BlockedSignals() = default;
#else
  BlockedSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
#endif
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
#if !defined(_WIN32)
  sigset_t saved_;
#endif
};

}  // namespace lamina
