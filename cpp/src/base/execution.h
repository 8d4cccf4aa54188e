// On how many threads, and on whose, a network's work runs.
#pragma once

#include <string>

#include "base/error.h"
#include "base/function_ref.h"
#include "base/thread_count.h"
#include "base/thread_pool.h"

namespace lamina {

// Handed to a model or a predictor, which is then at work beside others: all take their threads from the
// process's one pool, and whoever finds it taken goes on alone. Results do not depend on it.
class Execution {
 public:
  // As many threads as get_num_threads() says at each call.
  Execution() = default;
  // At most this many; raises kValue unless it is 1 to kMaxThreads.
  explicit Execution(int threads) : threads_(threads) {
    if (threads < 1 || threads > kMaxThreads)
      throw_error(Error::Kind::kValue, {"execution: expected 1 to ", kMaxThreads, " threads, got ", threads});
  }

  int threads() const { return threads_ > 0 ? threads_ : get_num_threads(); }
  TeamReport run_team(int threads, FunctionRef<void(Team&)> body,
                      std::chrono::nanoseconds patience = std::chrono::nanoseconds::max()) const {
    return lamina::run_team(threads, body, patience);
  }
  TeamReport run_with_helpers(int threads, FunctionRef<void(Team&)> body, bool wake = false) const {
    return lamina::run_with_helpers(threads, body, wake);
  }

 private:
  int threads_ = 0;  // 0: the process's number
};

}  // namespace lamina
