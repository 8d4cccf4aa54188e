// Lets objects that other threads use make themselves whole again around fork().
#pragma once

namespace lamina {

// While alive, its calls are made on the thread that forks: `before` in the parent, then one of the others in
// each process. The last member of its object, so that it is registered only while that is whole.
class AtFork {
 public:
  struct Calls {
    void (*before)(void* object) noexcept;
    void (*in_parent)(void* object) noexcept;
    void (*in_child)(void* object) noexcept;  // no other thread is left; what they held stays locked
  };
  AtFork(void* object, const Calls& calls);
  ~AtFork();
  AtFork(const AtFork&) = delete;
  AtFork& operator=(const AtFork&) = delete;

 private:
  friend struct AtForkList;

  void* object_;
  Calls calls_;
  AtFork *previous_ = nullptr, *next_ = nullptr;
};

}  // namespace lamina
