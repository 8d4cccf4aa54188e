// Callbacks of Python's as an observer of the core.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "register.h"
#include "training/observer.h"

namespace lamina::python {

// Why an exception ended a fit, as Python names it.
std::string reason_in_python(const std::exception_ptr& error);

// Whether an exception is NotFiniteError, of the core's or raised in Python.
bool is_not_finite_in_python(const std::exception_ptr& error);

// Calls the methods of callbacks, by name, in the order of their lists. Called without the interpreter's
// lock, which it takes only where there is something to call.
class CallbackObserver final : public Observer {
 public:
  // `methods`: {"on_epoch_end": [bound methods], ...}. `fit`: what on_fit_begin and on_fit_end are given.
  CallbackObserver(py::handle fit, const py::dict& methods, bool checks_signals);

  void on_fit_begin(Fit&) override { call(fit_begin_, fit_); }
  void on_epoch_begin(Fit&, int64_t epoch) override { call(epoch_begin_, epoch); }
  void on_progress(Fit&, int64_t epoch, double share) override { call(progress_, epoch, share); }
  void on_step_end(Fit&, int64_t epoch, int64_t step, double loss) override {
    call(step_end_, epoch, step, loss);
  }
  bool wants_steps() const override { return !step_end_.empty(); }
  void on_epoch_end(Fit&, int64_t epoch, Figures& record) override;
  void on_fit_end(Fit& fit) override;
  void on_poll(Fit&) override;
  std::optional<std::string> reason(const std::exception_ptr& error) override {
    return reason_in_python(error);
  }

 private:
  using Methods = std::vector<py::object>;

  template <class... Arguments>
  static void call(const Methods& methods, const Arguments&... arguments) {
    if (methods.empty()) return;
    const py::gil_scoped_acquire lock;
    for (const py::object& method : methods) method(arguments...);
  }

  // fit.history.stop_reason, where the core has another.
  void tell_reason(const Fit& fit);

  py::handle fit_;  // whose call of the core this serves
  std::string reason_;
  Methods fit_begin_, epoch_begin_, progress_, step_end_, epoch_end_, fit_end_;
  bool checks_signals_;
};

}  // namespace lamina::python
