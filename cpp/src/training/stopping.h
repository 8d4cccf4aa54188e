// The observers that end a fit: early stopping, a loss to reach, a limit of time.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "training/learner.h"
#include "training/observer.h"

namespace lamina {

struct EarlyStoppingOptions {
  std::string monitor;                      // empty: "val_loss" where there is validation data, else "loss"
  int64_t patience = 10;                    // epochs without improvement that are tolerated, at least 1
  double min_delta = 0.0;                   // smallest change that counts as improvement, at least 0
  std::optional<Mode> mode = std::nullopt;  // none: known for losses and lamina's metrics
  bool restore_best_weights = true;
  bool keep_last = false;  // of epochs of the same best figure, the last one is the best
};

// Stops when a figure has not improved for some epochs, and puts the weights of the best epoch back at the
// end, also after an interrupt or an error.
class EarlyStopping final : public Observer {
 public:
  // Raises kValue for options out of range.
  explicit EarlyStopping(EarlyStoppingOptions options);

  double best() const noexcept { return best_; }               // NaN before the first finite value
  int64_t best_epoch() const noexcept { return best_epoch_; }  // -1 before

  void check(const FigureModes& figures, bool complete) override;
  void on_fit_begin(Fit&) override;
  void on_epoch_end(Fit& fit, int64_t epoch, Figures& record) override;
  void on_fit_end(Fit& fit) override;

 private:
  Monitored watched(const FigureModes& figures) const;

  EarlyStoppingOptions options_;
  FigureModes expected_;
  double best_ = std::numeric_limits<double>::quiet_NaN();
  int64_t best_epoch_ = -1, improved_epoch_ = -1;
  std::unique_ptr<WeightCopy> weights_;
};

// Stops when the training loss falls to a threshold.
class TargetLoss final : public Observer {
 public:
  explicit TargetLoss(double threshold) : threshold_(threshold) {}
  void on_epoch_end(Fit& fit, int64_t epoch, Figures& record) override;

 private:
  double threshold_;
};

// Stops when a fit has taken that long, within an epoch after the step in hand.
class TimeLimit final : public Observer {
 public:
  // Raises kValue where `seconds` is not above 0.
  explicit TimeLimit(double seconds);
  void on_fit_begin(Fit&) override { started_ = std::chrono::steady_clock::now(); }
  void on_poll(Fit& fit) override;

 private:
  double seconds_;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace lamina
