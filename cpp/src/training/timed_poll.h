// Asks a caller's poll now and then during a long call.
#pragma once

#include <chrono>

#include "training/step.h"

namespace lamina {

// Asks the caller's poll at most every 20 ms; reading the clock would cost a short step's time, so it looks
// every few calls there.
class TimedPoll {
 public:
  TimedPoll(Poll poll, bool short_steps) : poll_(poll), calls_per_look_(short_steps ? 8 : 1) {}
  bool operator()(int64_t done) {
    if (++calls_ % calls_per_look_ != 0) return false;
    const auto now = Clock::now();
    if (now - asked_ < std::chrono::milliseconds(20)) return false;
    asked_ = now;
    return poll_(done);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Poll poll_;
  Clock::time_point asked_ = Clock::now();
  unsigned calls_per_look_;
  unsigned calls_ = 0;
};

}  // namespace lamina
