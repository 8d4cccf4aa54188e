// Lets a long call notice Ctrl-C and report progress to a Python callback.
#pragma once

#include <exception>
#include <type_traits>

#include "base/poll.h"
#include "register.h"

namespace lamina::python {

// Called without the interpreter lock. A signal's or the callback's exception stops the core at the next
// step; rethrow() raises it once the core has returned.
class PythonPoll {
 public:
  // `callback` is None or takes what is done and returns true to stop.
  explicit PythonPoll(const py::object& callback) : callback_(callback) {}

  bool operator()(int64_t done) noexcept {
    const py::gil_scoped_acquire lock;
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      return !callback_.is_none() && callback_(done).template cast<bool>();
    } catch (...) {
      error_ = std::current_exception();
      return true;
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const py::object& callback_;
  std::exception_ptr error_;
};

// Calls call(poll) with the interpreter's lock, which `call` gives up while the core works, and raises what
// stopped it.
template <class Call>
auto interruptible(Call call) {
  const py::object none = py::none();
  PythonPoll poll(none);
  if constexpr (std::is_void_v<decltype(call(poll))>) {
    call(poll);
    poll.rethrow();
  } else {
    auto result = call(poll);
    poll.rethrow();
    return result;
  }
}

}  // namespace lamina::python
