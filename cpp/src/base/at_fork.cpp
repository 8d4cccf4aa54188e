// A list of all objects that want to know of fork(), locked while the process forks.
#include "base/at_fork.h"

#include <mutex>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace lamina {

// Never destroyed: objects may outlive static destructors.
struct AtForkList {
  std::mutex mutex;
  AtFork* first = nullptr;

  static AtForkList& instance() {
    static auto* list = new AtForkList;
    return *list;
  }
  void call(void (*AtFork::Calls::*which)(void*) noexcept) noexcept {
    for (AtFork* one = first; one != nullptr; one = one->next_) (one->calls_.*which)(one->object_);
  }
  void add(AtFork& one) {
    const std::lock_guard lock(mutex);
    one.next_ = first;
    if (first != nullptr) first->previous_ = &one;
    first = &one;
  }
  void remove(AtFork& one) noexcept {
    const std::lock_guard lock(mutex);
    (one.previous_ != nullptr ? one.previous_->next_ : first) = one.next_;
    if (one.next_ != nullptr) one.next_->previous_ = one.previous_;
  }
};

namespace {

#if !defined(_WIN32)
void before_fork() {
  AtForkList::instance().mutex.lock();
  AtForkList::instance().call(&AtFork::Calls::before);
}
void after_fork_in_parent() {
  AtForkList::instance().call(&AtFork::Calls::in_parent);
  AtForkList::instance().mutex.unlock();
}
void after_fork_in_child() {
  AtForkList::instance().call(&AtFork::Calls::in_child);
  AtForkList::instance().mutex.unlock();
}
[[maybe_unused]] const int handlers =
    pthread_atfork(&before_fork, &after_fork_in_parent, &after_fork_in_child);
#endif

}  // namespace

AtFork::AtFork(void* object, const Calls& calls) : object_(object), calls_(calls) {
  AtForkList::instance().add(*this);
}

AtFork::~AtFork() { AtForkList::instance().remove(*this); }

}  // namespace lamina
