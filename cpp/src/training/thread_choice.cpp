// Trials of a few steps each, now and then again, as a machine's load and placement change.
#include "training/thread_choice.h"

#include <algorithm>

namespace lamina {

namespace {

// Longer steps repay their barriers on any machine.
constexpr double kLongestTried = 2000.0;
// Microseconds of a trial, and of the best choice between two trials: trials cost a few percent at most.
constexpr double kTrial = 400.0, kBetweenTrials = 40000.0;
constexpr int64_t kFewestSteps = 6;
constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();

}  // namespace

void ThreadChoice::prepare(int most, double microseconds) {
  if (most == most_ && microseconds == estimate_ && wanted_ > 0) return;
  most_ = most;
  estimate_ = microseconds;
  candidates_.clear();
  const bool tried = most > 1 && microseconds < kLongestTried;
  for (int threads = most; threads > 1; threads /= 2) {
    candidates_.push_back({threads});
    if (!tried) break;
  }
  if (tried || most == 1) candidates_.push_back({1});
  best_ = next_trial_ = 0;
  untried_ = static_cast<int>(candidates_.size());
  begin_stretch(0, kTrial);
}

int64_t ThreadChoice::steps_left() const noexcept {
  return candidates_.size() == 1 ? kNoEnd : wanted_ - done_;
}

void ThreadChoice::begin_stretch(size_t candidate, double microseconds) noexcept {
  current_ = candidate;
  const double per_step = std::max(0.1, estimate_ / candidates_[candidate].threads);
  wanted_ = std::max(kFewestSteps, static_cast<int64_t>(microseconds / per_step));
  done_ = 0;
  seconds_ = 0.0;
}

void ThreadChoice::record(int64_t steps, double seconds) noexcept {
  done_ += steps;
  seconds_ += seconds;
  if (candidates_.size() == 1 || done_ < wanted_) return;
  candidates_[current_].seconds_per_step = seconds_ / static_cast<double>(done_);
  const bool was_trial = untried_ > 0 || current_ != best_;
  if (untried_ > 0) --untried_;
  const auto faster = [](const Candidate& a, const Candidate& b) {
    return a.seconds_per_step < b.seconds_per_step;
  };
  best_ = static_cast<size_t>(std::min_element(candidates_.begin(), candidates_.end(), faster) -
                              candidates_.begin());
  if (untried_ > 0) {
    begin_stretch(candidates_.size() - static_cast<size_t>(untried_), kTrial);
  } else if (was_trial) {
    begin_stretch(best_, kBetweenTrials);
  } else {
    next_trial_ = (next_trial_ + 1) % candidates_.size();
    if (next_trial_ == best_) next_trial_ = (next_trial_ + 1) % candidates_.size();
    begin_stretch(next_trial_, kTrial);
  }
}

}  // namespace lamina
