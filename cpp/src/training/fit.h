// The loop of a fit, whatever it trains: epochs, their records, those who follow it, and its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "training/history.h"
#include "training/learner.h"
#include "training/observer.h"

namespace lamina {

class Fit {
 public:
  // The epochs to run at most. Learner and observers must live as long.
  Fit(Learner& learner, int64_t epochs, std::span<Observer* const> observers);

  // Asks the observers' checks. `complete`: no observer adds figures to the records.
  void check(bool complete);

  // Trains for the epochs, or until it is stopped. An exception of the learner or of an observer ends the fit
  // and is raised once the average, the best weights and the observers' ends are seen to.
  void run();
  // The same for a method that runs its own iterations over all rows: `minimise` calls end_iteration after
  // each, leaves where that gives false, and returns why it ended early, or an empty text.
  void run(FunctionRef<std::string()> minimise);
  // `trained`: loss and metrics; `further`: figures that close the record. False: leave.
  bool end_iteration(Figures trained, const Figures& further);

  // For observers, and for learners whose epochs run outside of the core.

  // Ends training after the epoch in hand; the last reason given stands. From any thread.
  void stop(const std::string& reason);
  // Empty while training goes on; the history has it once the fit has ended.
  std::string stop_reason() const;
  // Ends training at the next step: an epoch in hand gives no record.
  void break_off(const std::string& reason);
  // Of the last step that ended, where an observer wants steps.
  double step_penalty() const noexcept { return step_penalty_; }

  int64_t epochs() const noexcept { return epochs_; }
  Learner& learner() noexcept { return learner_; }
  const History& history() const noexcept { return history_; }
  void set_best_epoch(int64_t epoch) { history_.best_epoch = epoch; }

 private:
  using Clock = std::chrono::steady_clock;

  bool is_over() const { return !stop_reason().empty(); }
  // Within an epoch: asks on_poll and on_progress, and returns whether to break it off.
  bool progress(int64_t steps_done);
  bool step_ended(int64_t step, const StepLoss& loss);
  // Begins and ends what `train` does, whatever happens in it.
  void run_between(FunctionRef<void()> train);
  void begin_epoch();
  void end_epoch(Figures& record, const Figures& further);
  std::string reason_of(const std::exception_ptr& error) const;
  // Runs part of a fit's end; an exception goes to `error` unless there is one already.
  static void attempt(std::exception_ptr& error, FunctionRef<void()> part);

  Learner& learner_;
  int64_t epochs_;
  std::vector<Observer*> observers_;
  bool wants_steps_ = false;
  mutable std::mutex reason_mutex_;
  std::string reason_;
  History history_;
  int64_t epoch_ = 0;
  int64_t steps_ = 1;  // of an epoch
  double step_penalty_ = 0.0;
  Clock::time_point started_;
  bool broken_off_ = false;
};

}  // namespace lamina
