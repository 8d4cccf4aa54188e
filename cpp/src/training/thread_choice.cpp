// Trials of a few steps each, now and then again, as a machine's load and placement change.
#include "training/thread_choice.h"

#include <algorithm>

namespace lamina {

namespace {

// All in microseconds. Longer steps repay their barriers on any machine.
constexpr double kLongestTried = 2000.0;
// A trial, and the run of the best choice between two trials. They are the longer the oftener trials
// have lost since the last change: a trial also leaves the caches to the other choice.
constexpr double kTrial = 400.0, kLeastPause = 40e3, kLongestPause = 1e6;
// Within that run it is looked at this often; so much slower than another it makes room at once.
constexpr double kLook = 5e3, kOvertaken = 1.1;
constexpr int64_t kFewestSteps = 6;
// Not measured: what the other choice left in other caches comes over.
constexpr int64_t kWarmUpSteps = 2;
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
  pause_ = kLeastPause;
  untried_ = static_cast<int>(candidates_.size());
  begin_stretch(0, kTrial);
}

int64_t ThreadChoice::steps_left() const noexcept {
  if (candidates_.size() == 1) return kNoEnd;
  if (done_ < kWarmUpSteps) return kWarmUpSteps - done_;
  return std::min(wanted_ - done_, steps_in(kLook, current_));
}

int64_t ThreadChoice::steps_in(double microseconds, size_t candidate) const noexcept {
  const double per_step = std::max(0.1, estimate_ / candidates_[candidate].threads);
  return std::max(kFewestSteps, static_cast<int64_t>(microseconds / per_step));
}

// Whether the best so far is no longer, by its time since the last look.
bool ThreadChoice::look(int64_t steps, double seconds) noexcept {
  seen_.steps += steps;
  seen_.seconds += seconds;
  if (untried_ > 0 || current_ != best_ || seen_.seconds < 0.5e-6 * kLook) return false;
  const double latest = seen_.seconds / static_cast<double>(seen_.steps);
  seen_ = {};
  const bool overtaken = std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& other) {
    return &other != &candidates_[current_] && kOvertaken * other.seconds_per_step < latest;
  });
  if (overtaken) candidates_[current_].seconds_per_step = latest;
  return overtaken;
}

void ThreadChoice::begin_stretch(size_t candidate, double microseconds) noexcept {
  current_ = candidate;
  wanted_ = kWarmUpSteps + steps_in(microseconds, candidate);
  done_ = 0;
  seconds_ = 0.0;
  seen_ = {};
}

void ThreadChoice::record(int64_t steps, double seconds) noexcept {
  if (candidates_.size() == 1) return;
  const bool warm = done_ >= kWarmUpSteps;
  done_ += steps;
  if (warm) seconds_ += seconds;
  if (!(warm && look(steps, seconds))) {
    if (done_ < wanted_) return;
    candidates_[current_].seconds_per_step = seconds_ / static_cast<double>(done_ - kWarmUpSteps);
  }
  const bool was_trial = untried_ > 0 || current_ != best_;
  if (untried_ > 0) --untried_;
  const auto faster = [](const Candidate& a, const Candidate& b) {
    return a.seconds_per_step < b.seconds_per_step;
  };
  const size_t before = best_;
  best_ = static_cast<size_t>(std::min_element(candidates_.begin(), candidates_.end(), faster) -
                              candidates_.begin());
  if (best_ != before) {
    pause_ = kLeastPause;
  } else if (was_trial) {
    pause_ = std::min(2.0 * pause_, kLongestPause);
  }
  if (untried_ > 0) {
    begin_stretch(candidates_.size() - static_cast<size_t>(untried_), kTrial);
  } else if (was_trial) {
    begin_stretch(best_, pause_);
  } else {
    next_trial_ = (next_trial_ + 1) % candidates_.size();
    if (next_trial_ == best_) next_trial_ = (next_trial_ + 1) % candidates_.size();
    begin_stretch(next_trial_, kTrial);
  }
}

}  // namespace lamina
