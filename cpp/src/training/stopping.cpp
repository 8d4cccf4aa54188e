// The observers that end a fit.
#include "training/stopping.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/number_text.h"
#include "base/text.h"
#include "training/fit.h"

namespace lamina {

EarlyStopping::EarlyStopping(EarlyStoppingOptions options) : options_(std::move(options)) {
  if (options_.patience < 1)
    throw_error(Error::Kind::kValue,
                {"EarlyStopping: expected patience of at least 1, got ", options_.patience});
  if (!(options_.min_delta >= 0.0))
    throw_error(Error::Kind::kValue,
                {"EarlyStopping: expected min_delta of at least 0, got ", exact_number(options_.min_delta)});
}

Monitored EarlyStopping::watched(const FigureModes& figures) const {
  return monitored("EarlyStopping", options_.monitor, options_.mode, figures);
}

void EarlyStopping::check(const FigureModes& figures, bool complete) {
  bool announced = options_.monitor.empty();
  for (const FigureMode& figure : figures) announced = announced || figure.name == options_.monitor;
  if (complete || announced) watched(figures);
  expected_ = figures;
}

void EarlyStopping::on_fit_begin(Fit&) {
  weights_.reset();
  best_ = std::numeric_limits<double>::quiet_NaN();
  best_epoch_ = improved_epoch_ = -1;
}

void EarlyStopping::on_epoch_end(Fit& fit, int64_t epoch, Figures& record) {
  const Monitored figure = watched(modes_of(record, expected_));
  const double value = find_figure(record, figure.name)->value;
  const double gain = figure.larger_is_better ? value - best_ : best_ - value;
  const bool improves = (std::isnan(best_) && std::isfinite(value)) || gain > options_.min_delta;
  if (improves || (options_.keep_last && value == best_)) {
    if (options_.restore_best_weights) weights_ = fit.learner().copy_weights();
    best_ = value;
    best_epoch_ = epoch;
  }
  if (improves) {
    improved_epoch_ = epoch;
  } else if (epoch - improved_epoch_ >= options_.patience) {
    fit.stop(best_epoch_ >= 0
                 ? concat({figure.name, " has not improved for ", options_.patience, " epochs (best ",
                           short_number(best_), " in epoch ", best_epoch_ + 1, ")"})
                 : concat({figure.name, " was not finite in any of ", epoch + 1, " epochs"}));
  }
}

void EarlyStopping::on_fit_end(Fit& fit) {
  if (weights_ == nullptr) return;
  fit.learner().put_back(*weights_);
  fit.set_best_epoch(best_epoch_);
  weights_.reset();
}

void TargetLoss::on_epoch_end(Fit& fit, int64_t, Figures& record) {
  const Figure* loss = find_figure(record, "loss");
  if (loss != nullptr && loss->value <= threshold_)
    fit.stop(concat({"loss ", short_number(loss->value), " reached the target ", short_number(threshold_)}));
}

TimeLimit::TimeLimit(double seconds) : seconds_(seconds) {
  if (!(seconds > 0.0))
    throw_error(Error::Kind::kValue, {"fit: expected time_limit above 0 s, got ", exact_number(seconds)});
}

void TimeLimit::on_poll(Fit& fit) {
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started_;
  if (taken.count() >= seconds_)
    fit.break_off(concat({"the time limit of ", short_number(seconds_), " s was reached"}));
}

}  // namespace lamina
