// Hooks that are asked where no exception may pass, such as by a team of threads.
#pragma once

#include <exception>

namespace lamina {

// Keeps the first exception, which asks to stop as a hook's true does, until rethrow().
class HookGuard {
 public:
  template <class Ask>
  bool operator()(Ask ask) noexcept {
    if (error_) return true;
    try {
      return ask();
    } catch (...) {
      error_ = std::current_exception();
      return true;
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

}  // namespace lamina
