// The right to train a network: one thread has it at a time, as often as it likes.
#pragma once

#include <atomic>
#include <thread>

namespace lamina {

// A recursive lock that is only ever tried. Unlike a mutex of the system's it knows its owner by an id that
// is the same in the child of a fork.
class TrainingRight {
 public:
  bool try_lock() noexcept {
    const std::thread::id self = std::this_thread::get_id();
    std::thread::id nobody;
    if (!owner_.compare_exchange_strong(nobody, self, std::memory_order_acquire) && nobody != self)
      return false;
    ++depth_;
    return true;
  }
  void unlock() noexcept {
    if (--depth_ == 0) owner_.store({}, std::memory_order_release);
  }
  // In the child of a fork: takes the right from a thread that is not there. False: this thread has it, or
  // nobody does.
  bool take_from_lost_thread() noexcept {
    const std::thread::id owner = owner_.load(std::memory_order_relaxed);
    if (owner == std::thread::id() || owner == std::this_thread::get_id()) return false;
    depth_ = 0;
    owner_.store({}, std::memory_order_relaxed);
    return true;
  }
  bool is_mine() const noexcept {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

 private:
  std::atomic<std::thread::id> owner_{};
  int depth_ = 0;  // the owner's
};

}  // namespace lamina
