// The loop of a fit.
#include "training/fit.h"

#include <algorithm>

#include "base/error.h"
#include "base/hook_guard.h"

namespace lamina {

bool Learner::is_not_finite(const std::exception_ptr& error) const {
  try {
    std::rethrow_exception(error);
  } catch (const Error& found) {
    return found.kind() == Error::Kind::kNotFinite;
  } catch (...) {
    return false;
  }
}

Fit::Fit(Learner& learner, int64_t epochs, std::span<Observer* const> observers)
    : learner_(learner), epochs_(epochs), observers_(observers.begin(), observers.end()) {
  if (epochs < 1) throw_error(Error::Kind::kValue, {"fit: expected epochs of at least 1, got ", epochs});
  wants_steps_ = std::any_of(observers_.begin(), observers_.end(),
                             [](const Observer* observer) { return observer->wants_steps(); });
}

void Fit::check(bool complete) {
  const FigureModes figures = learner_.figures();
  for (Observer* observer : observers_) observer->check(figures, complete);
}

void Fit::stop(const std::string& reason) {
  const std::lock_guard lock(reason_mutex_);
  reason_ = reason;
}

std::string Fit::stop_reason() const {
  const std::lock_guard lock(reason_mutex_);
  return reason_;
}

void Fit::break_off(const std::string& reason) {
  stop(reason);
  broken_off_ = true;
}

void Fit::run() {
  run_between([&] {
    while (epoch_ < epochs_) {
      begin_epoch();
      HookGuard guard;
      const auto poll = [&](int64_t done) { return guard([&] { return progress(done); }); };
      const auto after_step = [&](int64_t step, const StepLoss& loss) {
        return guard([&] { return step_ended(step, loss); });
      };
      EpochHooks hooks{poll, std::nullopt};
      if (wants_steps_) hooks.after_step = after_step;
      Figures record;
      const bool whole = learner_.train_epoch(hooks, record);
      guard.rethrow();
      if (!whole) return;
      end_epoch(record, {});
      if (is_over()) return;
    }
  });
}

void Fit::run(FunctionRef<std::string()> minimise) {
  run_between([&] {
    begin_epoch();
    const std::string reason = minimise();
    if (!is_over() && !reason.empty()) stop(reason);
  });
}

bool Fit::end_iteration(Figures trained, const Figures& further) {
  end_epoch(trained, further);
  if (is_over() || epoch_ >= epochs_) return false;
  begin_epoch();
  return true;
}

void Fit::begin_epoch() {
  started_ = Clock::now();
  for (Observer* observer : observers_) observer->on_epoch_begin(*this, epoch_);
}

bool Fit::progress(int64_t steps_done) {
  for (Observer* observer : observers_) observer->on_poll(*this);
  const double share = static_cast<double>(steps_done) / static_cast<double>(steps_);
  for (Observer* observer : observers_) observer->on_progress(*this, epoch_, share);
  return broken_off_;
}

bool Fit::step_ended(int64_t step, const StepLoss& loss) {
  step_penalty_ = loss.penalty;
  for (Observer* observer : observers_) observer->on_step_end(*this, epoch_, step, loss.mean);
  return broken_off_;
}

void Fit::end_epoch(Figures& record, const Figures& further) {
  const auto ask = [&] {
    for (Observer* observer : observers_) observer->on_poll(*this);
    return false;
  };
  HookGuard guard;
  learner_.complete(record, [&](int64_t) { return guard(ask); });
  guard.rethrow();
  record.insert(record.end(), further.begin(), further.end());
  history_.epochs.push_back({record, std::chrono::duration<double>(Clock::now() - started_).count()});
  for (Observer* observer : observers_) observer->on_epoch_end(*this, epoch_, record);
  ++epoch_;
  ask();
}

void Fit::run_between(FunctionRef<void()> train) {
  learner_.begin();
  steps_ = learner_.steps_per_epoch();
  std::exception_ptr error;
  attempt(error, [&] {
    for (Observer* observer : observers_) observer->on_fit_begin(*this);
    learner_.start(epochs_);
    train();
  });
  if (error) stop(reason_of(error));
  const bool distrusted = error && learner_.is_not_finite(error);
  attempt(error, [&] { learner_.finish(distrusted); });
  for (Observer* observer : observers_) attempt(error, [&] { observer->on_fit_end(*this); });
  history_.stop_reason = stop_reason();
  learner_.end();
  if (error) std::rethrow_exception(error);
}

void Fit::attempt(std::exception_ptr& error, FunctionRef<void()> part) {
  try {
    part();
  } catch (...) {
    if (!error) error = std::current_exception();
  }
}

std::string Fit::reason_of(const std::exception_ptr& error) const {
  for (Observer* observer : observers_)
    if (std::optional<std::string> reason = observer->reason(error)) return *reason;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& found) {
    return found.what();
  } catch (...) {
    return "an exception without a text";
  }
}

}  // namespace lamina
