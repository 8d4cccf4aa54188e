// Those who follow a fit and may stop it: what callbacks are in other libraries.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "metrics/figures.h"

namespace lamina {

class Fit;

// An exception of an observer ends the fit, whose weights are then those of that point, and reaches its
// caller. Observers are asked in order, on the fit's thread. Epochs and steps count from 0. While an epoch
// runs they may predict, but not change weights.
class Observer {
 public:
  virtual ~Observer() = default;

  // Before the fit: the figures of its records. `complete`: no observer will add others.
  virtual void check(const FigureModes& /*figures*/, bool /*complete*/) {}
  virtual void on_fit_begin(Fit&) {}
  virtual void on_epoch_begin(Fit&, int64_t /*epoch*/) {}
  // About every 20 ms within an epoch, of which this share is done.
  virtual void on_progress(Fit&, int64_t /*epoch*/, double /*share*/) {}
  // After each update of an epoch whose loss, before the update and by row, this was; where wants_steps().
  // Fit::step_penalty() says what the layers' penalties added to it.
  virtual void on_step_end(Fit&, int64_t /*epoch*/, int64_t /*step*/, double /*loss*/) {}
  virtual bool wants_steps() const { return false; }
  // More figures may be added to the record, where adds_figures(), which the observers behind see and the
  // history does not have.
  virtual bool adds_figures() const { return true; }
  virtual void on_epoch_end(Fit&, int64_t /*epoch*/, Figures& /*record*/) {}
  // Also after an interrupt or an error, where the fit had begun.
  virtual void on_fit_end(Fit&) {}

  // About every 20 ms in all long work and after each epoch: to notice an interrupt, by an exception.
  virtual void on_poll(Fit&) {}
  // Why this exception ended the fit, in the words of the surface that it came from; none: its own text.
  virtual std::optional<std::string> reason(const std::exception_ptr&) { return std::nullopt; }
};

}  // namespace lamina
