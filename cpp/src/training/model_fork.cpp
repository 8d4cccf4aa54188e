// A model around fork(): its locks and weights are whole in the child, whatever other threads were doing.
#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "training/model.h"

namespace lamina {

// A change of weights that is not part of a fit is over before the process forks, unless it takes long.
template <class T>
void Model<T>::before_fork() noexcept {
  constexpr int kTries = 10'000;
  const auto whole = [&] { return fork_reads_ || in_poll_ || training_right_.is_mine() || published(); };
  for (int i = 0; i < kTries && !whole(); ++i) {
    fork_reads_ = weights_mutex_.try_lock_shared();
    if (!fork_reads_) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  published_mutex_.lock();
}

template <class T>
void Model<T>::after_fork_in_parent() noexcept {
  published_mutex_.unlock();
  if (std::exchange(fork_reads_, false)) weights_mutex_.unlock_shared();
}

// Other threads' locks are forgotten, and what they were writing to is left as it is and used no more.
template <class T>
void Model<T>::after_fork_in_child() noexcept {
  fork_reads_ = in_poll_ = false;
  std::construct_at(&turn_mutex_);
  std::construct_at(&weights_mutex_);
  if (training_right_.take_from_lost_thread()) {
    static_cast<void>(buffers_.release());
    followed_ = nullptr;
    in_epoch_ = in_loss_ = false;
    if (published_) {
      std::copy_n(published_->data(), network_.flat_size(), network_.weights());
      network_.mark_weights_changed();
      published_.reset();
    }
  } else if (in_epoch_) {
    weights_mutex_.lock();  // this thread goes on with its epoch
  }
  published_mutex_.unlock();
}

template void Model<float>::before_fork() noexcept;
template void Model<float>::after_fork_in_parent() noexcept;
template void Model<float>::after_fork_in_child() noexcept;
template void Model<double>::before_fork() noexcept;
template void Model<double>::after_fork_in_parent() noexcept;
template void Model<double>::after_fork_in_child() noexcept;

}  // namespace lamina
