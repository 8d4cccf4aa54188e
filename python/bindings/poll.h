// Lets a long call notice Ctrl-C.
#pragma once

#include <type_traits>

#include "array_view.h"
#include "base/hook_guard.h"
#include "base/poll.h"
#include "register.h"

namespace lamina::python {

// Calls call(poll) with the interpreter's lock, which `call` gives up while the core works. A signal's
// exception stops the core at the next step, and is raised once it has returned.
template <class Call>
auto interruptible(Call call) {
  HookGuard guard;
  const auto poll = [&](int64_t) noexcept {
    const py::gil_scoped_acquire lock;
    return guard([]() -> bool {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      return false;
    });
  };
  if constexpr (std::is_void_v<decltype(call(poll))>) {
    call(poll);
    guard.rethrow();
  } else {
    auto result = call(poll);
    guard.rethrow();
    return result;
  }
}

// Calls run(poll) on these arrays without the interpreter's lock.
template <class Run, class... Arrays>
auto run_unlocked(Run run, const Arrays&... arrays) {
  return interruptible([&](Poll poll) {
    const Unlocked unlocked(arrays...);
    return run(poll);
  });
}

}  // namespace lamina::python
