// Trials of a few steps each, now and then again, as a machine's load and placement change.
#include "base/thread_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/thread_count.h"

namespace lamina {

namespace {

// Times in seconds, but for estimates, which are in microseconds.
constexpr double kShareForTrials = 0.02, kDeepestDebt = 0.05;
// Longer steps begin on all cores; and a step of them is a trial.
constexpr double kLongStep = 2000.0, kShortStep = 500.0;
// A trial of others takes that long or so many steps, behind some that are not measured: what the other
// choice left in other caches comes over, and memory is used for the first time.
constexpr double kTrial = 300e-6;
constexpr int64_t kTrialSteps = 4, kWarmUpSteps = 2;
// Between two trials; it grows while they lose, also by what they take.
constexpr double kLeastPause = 40e-3, kLongestPause = 0.5, kPausePerTrial = 50.0;
// How often the number in use is looked at, and how far its time is remembered: longer than a time slice of
// the system, so that one lost slice alone is not taken for the rule.
constexpr double kLook = 4e-3, kMemory = 20e-3;
// Fewer threads are not tried on steps so long that this costs more, unless the caller is seen to wait.
constexpr double kCostliestTrial = 20e-3;
// More threads must save this share to be worth their processors.
constexpr double kSavedByMore = 0.03;
// A trial that is so much slower ends early, but not for the waking of its workers, which its first step
// pays: where that ended trials, calls of some 40 us never found their second thread.
constexpr double kHopeless = 2.0, kHopelessAtLeast = 300e-6;
// A sleeping worker of an idle processor comes within some 40 us.
constexpr std::chrono::microseconds kPatience{100};

}  // namespace

TrialBudget& TrialBudget::of_process() noexcept {
  static constinit TrialBudget budget;
  return budget;
}

// Concurrent changes may lose one of them, which does no harm.
void TrialBudget::note_work(double seconds) noexcept {
  const double now = seconds_.load(std::memory_order_relaxed);
  if (now < kMost)
    seconds_.store(std::min(kMost, now + kShareForTrials * seconds), std::memory_order_relaxed);
}

void TrialBudget::note_loss(double seconds) noexcept {
  const double now = seconds_.load(std::memory_order_relaxed);
  seconds_.store(std::max(-kDeepestDebt, now - seconds), std::memory_order_relaxed);
}

bool TrialBudget::allows(double seconds) const noexcept {
  return seconds_.load(std::memory_order_relaxed) >= std::min(seconds, kMost);
}

void ThreadChoice::fix(int threads) noexcept {
  most_ = 0;
  count_ = 1;
  current_ = best_ = 0;
  candidates_[0] = {threads};
}

void ThreadChoice::prepare(int most, int cores, double microseconds) noexcept {
  estimate_ = std::max(microseconds, 0.1);
  if (most == most_) return;
  most_ = most;
  count_ = 0;
  for (int threads = most; threads > 1; threads /= 2) candidates_[count_++] = {threads};
  candidates_[count_++] = {1};
  std::reverse(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(count_));
  pause_ = kLeastPause;
  last_tried_ = 0;
  size_t start = 0;
  if (is_long())
    while (start + 1 < count_ && candidates_[start + 1].threads <= cores) ++start;
  begin_use(start);
  // A long step has a trial later, and others at once.
  if (is_long()) {
    pause_left_ = start == 0 ? 0.0 : 2.0 * pause_;
  } else if (count_ > 1 && !budget_->is_in_debt()) {
    begins_ = true;
    begin_trial(0);
  }
}

bool ThreadChoice::is_long() const noexcept { return estimate_ >= kLongStep; }

int64_t ThreadChoice::warm_up() const noexcept {
  if (is_long()) return 0;
  return begins_ && current_ == 0 ? 1 : fewer_if_longer(kWarmUpSteps);
}

int64_t ThreadChoice::fewer_if_longer(int64_t steps) const noexcept {
  return is_long() ? 1 : estimate_ < kShortStep ? steps : steps / 2;
}

double ThreadChoice::expected_slowness(size_t candidate) const noexcept {
  if (candidates_[candidate].known()) return candidates_[candidate].slowness();
  if (!candidates_[best_].known()) return 1e-6;
  const double ratio =
      static_cast<double>(candidates_[best_].threads) / static_cast<double>(candidates_[candidate].threads);
  return candidates_[best_].slowness() * std::max(ratio, 1.5);
}

int64_t ThreadChoice::steps_in(double seconds) const noexcept {
  const double per_step = estimate_ * expected_slowness(current_);
  return static_cast<int64_t>(std::min(1e9, seconds / per_step));
}

int64_t ThreadChoice::steps_left() const noexcept {
  if (!tries()) return std::numeric_limits<int64_t>::max();
  if (done_ < warm_up()) return warm_up() - done_;
  return std::max<int64_t>(1, trial_ ? wanted_ - done_ : steps_in(kLook));
}

double ThreadChoice::seconds_left() const noexcept {
  if (!tries()) return std::numeric_limits<double>::infinity();
  return trial_ ? kTrial : kLook;
}

std::chrono::nanoseconds ThreadChoice::patience() const noexcept {
  return tries() ? std::chrono::nanoseconds(kPatience) : std::chrono::nanoseconds::max();
}

size_t ThreadChoice::fastest() const noexcept {
  size_t found = best_;
  for (size_t i = 0; i < count_; ++i)
    if (candidates_[i].known()) {
      found = i;
      break;
    }
  for (size_t i = found + 1; i < count_; ++i)
    if (candidates_[i].known() &&
        candidates_[i].slowness() < (1.0 - kSavedByMore) * candidates_[found].slowness())
      found = i;
  return found;
}

void ThreadChoice::begin_trial(size_t candidate) noexcept {
  trial_ = true;
  current_ = last_tried_ = candidate;
  done_ = 0;
  wanted_ = warm_up() + std::max(fewer_if_longer(kTrialSteps), std::min<int64_t>(1000, steps_in(kTrial)));
  whole_ = measured_ = {};
}

void ThreadChoice::begin_use(size_t candidate) noexcept {
  trial_ = false;
  current_ = best_ = candidate;
  done_ = warm_up();
  whole_ = measured_ = {};
  pause_left_ = pause_;
}

// What the current number lost against the best one known, or against one thread.
void ThreadChoice::account(double work, double seconds) noexcept {
  budget_->note_work(seconds);
  const Candidate& other = candidates_[trial_ ? best_ : 0];
  if (current_ == 0 && !trial_) return;
  if (!other.known() || &other == &candidates_[current_]) return;
  const double lost = seconds - work * other.slowness();
  if (lost > 0.0) budget_->note_loss(lost);
}

bool ThreadChoice::is_hopeless() const noexcept {
  const Candidate& best = candidates_[best_];
  return current_ != best_ && best.known() &&
         whole_.seconds > kHopeless * whole_.work * best.slowness() + kHopelessAtLeast;
}

void ThreadChoice::record(int64_t steps, double seconds, const TeamReport& report) noexcept {
  if (!tries() || steps <= 0) return;
  if (threads() > 1 && !report.has_pool) return leave_to_others();
  const double work = static_cast<double>(steps) * estimate_;
  const bool warm = done_ >= warm_up();
  done_ += steps;
  account(work, seconds);
  const auto add = [&](Stretch& stretch) {
    stretch.steps += steps;
    stretch.work += work;
    stretch.seconds += seconds;
    stretch.waited += report.waited;
  };
  add(whole_);
  if (warm) add(measured_);
  if (!trial_) return look();
  if (is_hopeless()) measured_ = whole_;
  if (done_ >= wanted_ || is_hopeless()) end_trial();
}

void ThreadChoice::end_trial() noexcept {
  Candidate& tried = candidates_[current_];
  const double slowness = measured_.seconds / measured_.work;
  // Bad luck is more common than good luck.
  const double kept =
      tried.known() && tried.slowness() < slowness ? 0.5 * (tried.slowness() + slowness) : slowness;
  tried.work = measured_.work;
  tried.seconds = kept * measured_.work;
  const size_t before = best_, now = fastest();
  const bool won = now == current_ && (now != before || begins_);
  const double trial_seconds = whole_.seconds;
  if (begins_ && won && current_ + 1 < count_) {
    best_ = now;
    return begin_trial(current_ + 1);
  }
  pause_ = won ? kLeastPause : std::min(2.0 * pause_, kLongestPause);
  begins_ = false;
  begin_use(now);
  pause_left_ = std::max(pause_, kPausePerTrial * trial_seconds);
}

void ThreadChoice::look() noexcept {
  Candidate& used = candidates_[current_];
  used.work += measured_.work;
  used.seconds += measured_.seconds;
  const double memory = std::max(kMemory, 3.0 * estimate_ * used.slowness());
  if (used.seconds > memory) {
    used.work *= memory / used.seconds;
    used.seconds = memory;
  }
  // One thread would not have waited, and would have had the others' share to do.
  const double waited = measured_.waited, taken = measured_.seconds;
  const bool waits = current_ > 0 && waited * used.threads > taken * (used.threads - 1);
  measured_ = whole_ = {};
  if (const size_t now = fastest(); now != best_) {
    pause_ = std::min(2.0 * pause_, kLongestPause);
    return begin_use(now);
  }
  pause_left_ -= taken;
  if (waits && (!candidates_[0].known() || last_tried_ != 0 || pause_left_ < 0.5 * pause_))
    return begin_trial(0);
  if (pause_left_ <= 0.0) try_another();
}

double ThreadChoice::cost_of_trial(size_t candidate) const noexcept {
  const double work = estimate_ * static_cast<double>(fewer_if_longer(kWarmUpSteps + kTrialSteps));
  return work * std::max(0.0, expected_slowness(candidate) - expected_slowness(best_));
}

// Twice as many, half as many and one, in turn.
void ThreadChoice::try_another() noexcept {
  const size_t more = best_ + 1 < count_ ? best_ + 1 : 0, fewer = best_ > 0 ? best_ - 1 : more;
  size_t next = last_tried_ == more ? fewer : last_tried_ == fewer ? 0 : more;
  if (next == best_) next = best_ > 0 ? fewer : more;
  const double cost = cost_of_trial(next);
  if (next < best_ && cost > kCostliestTrial) {
    pause_left_ = pause_;
  } else if (budget_->allows(cost)) {
    begin_trial(next);
  }
}

// The pool is another caller's: who works beside it does so alone, and asks again later.
void ThreadChoice::leave_to_others() noexcept {
  begins_ = false;
  begin_use(0);
}

ThreadChoice& ThreadChoices::of(int most, double microseconds) noexcept {
  const int order = std::ilogb(std::max(microseconds, 0.1));
  Slot* slot = &slots_[0];
  for (Slot& other : slots_) {
    if (other.most == most && other.order == order) {
      slot = &other;
      break;
    }
    if (other.used < slot->used) slot = &other;
  }
  if (slot->most != most || slot->order != order) {
    slot->choice = ThreadChoice();
    slot->most = most;
    slot->order = order;
  }
  slot->used = ++uses_;
  if (threads_are_exact()) {
    slot->choice.fix(most);
  } else {
    slot->choice.prepare(most, most > 1 ? physical_cores() : 1, microseconds);
  }
  return slot->choice;
}

int SharedThreadChoices::choose(int most, double microseconds) noexcept {
  if (in_use_.test_and_set(std::memory_order_acquire)) return most;
  const int threads = choices_.of(most, microseconds).threads();
  in_use_.clear(std::memory_order_release);
  return threads;
}

void SharedThreadChoices::record(int most, double microseconds, int threads, double seconds,
                                 const TeamReport& report) noexcept {
  if (in_use_.test_and_set(std::memory_order_acquire)) return;
  ThreadChoice& choice = choices_.of(most, microseconds);
  if (choice.threads() == threads) choice.record(1, seconds, report);
  in_use_.clear(std::memory_order_release);
}

}  // namespace lamina
