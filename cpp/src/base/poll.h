// Asks the caller of a long call now and then whether to go on.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/function_ref.h"

namespace lamina {

// Called about every 20 ms on the caller's thread with the progress (steps of an epoch, rows of a
// prediction, first weights drawn); returning true asks to stop.
using Poll = FunctionRef<bool(int64_t done)>;

// Asks a poll at most every 20 ms; reading the clock would cost a short step's time, so it looks every few
// calls there.
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
