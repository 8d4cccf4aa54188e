// Callbacks of Python's as an observer of the core.
#include "callback_observer.h"

#include <new>

#include "errors.h"
#include "figures_dict.h"
#include "training/fit.h"

namespace lamina::python {

namespace {

std::vector<py::object> methods_of(const py::dict& methods, const char* name) {
  std::vector<py::object> found;
  if (methods.contains(name))
    for (const py::handle& method : methods[name])
      found.push_back(py::reinterpret_borrow<py::object>(method));
  return found;
}

std::string name_of(const py::handle& type) { return type.attr("__name__").cast<std::string>(); }

}  // namespace

std::string reason_in_python(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const py::error_already_set& raised) {
    const py::gil_scoped_acquire lock;
    if (raised.matches(PyExc_KeyboardInterrupt)) return "interrupted";
    const std::string name = name_of(raised.type());
    const auto text = py::str(raised.value()).cast<std::string>();
    return text.empty() ? name : name + ": " + text;
  } catch (const Error& raised) {
    const py::gil_scoped_acquire lock;
    return name_of(exception_for(raised.kind())) + ": " + raised.what();
  } catch (const std::bad_alloc&) {
    return "MemoryError";
  } catch (const std::exception& raised) {
    return raised.what();
  }
}

bool is_not_finite_in_python(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const py::error_already_set& raised) {
    const py::gil_scoped_acquire lock;
    return raised.matches(exception_for(Error::Kind::kNotFinite));
  } catch (const Error& raised) {
    return raised.kind() == Error::Kind::kNotFinite;
  } catch (...) {
    return false;
  }
}

CallbackObserver::CallbackObserver(py::handle fit, const py::dict& methods, bool checks_signals)
    : fit_(fit),
      fit_begin_(methods_of(methods, "on_fit_begin")),
      epoch_begin_(methods_of(methods, "on_epoch_begin")),
      progress_(methods_of(methods, "on_progress")),
      step_end_(methods_of(methods, "on_step_end")),
      epoch_end_(methods_of(methods, "on_epoch_end")),
      fit_end_(methods_of(methods, "on_fit_end")),
      checks_signals_(checks_signals) {}

void CallbackObserver::tell_reason(const Fit& fit) {
  if (fit.stop_reason() == reason_) return;
  reason_ = fit.stop_reason();
  fit_.attr("history").attr("stop_reason") = reason_;
}

void CallbackObserver::on_epoch_end(Fit& fit, int64_t epoch, Figures& record) {
  if (epoch_end_.empty()) return;
  const py::gil_scoped_acquire lock;
  tell_reason(fit);
  const py::dict dict = dict_of(record);
  for (const py::object& method : epoch_end_) method(epoch, dict);
  record = figures_of(dict);
}

void CallbackObserver::on_fit_end(Fit& fit) {
  const py::gil_scoped_acquire lock;
  tell_reason(fit);
  std::exception_ptr first;
  for (const py::object& method : fit_end_) try {
      method(fit_);
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  if (first) std::rethrow_exception(first);
}

void CallbackObserver::on_poll(Fit&) {
  if (!checks_signals_) return;
  const py::gil_scoped_acquire lock;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace lamina::python
