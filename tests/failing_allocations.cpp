// A preloaded operator new that fails at the n-th call, alone or with all calls after it, and counts live
// blocks.
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<long> calls{0}, fail_at{0}, live{0};
std::atomic<bool> only_one{false};

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  const long first = fail_at, number = first != 0 ? ++calls : 0;
  if (first > 0 && (only_one ? number == first : number >= first)) return nullptr;
  void* block = nullptr;
  if (posix_memalign(&block, alignment < sizeof(void*) ? sizeof(void*) : alignment, bytes ? bytes : 1) != 0)
    return nullptr;
  ++live;
  return block;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* block = allocate(bytes, alignment)) return block;
  throw std::bad_alloc();
}

void release(void* block) noexcept {
  if (block != nullptr) --live;
  std::free(block);
}

}  // namespace

extern "C" {
// n = 0: none fails; -1: none fails, but calls are counted.
void fail_allocation(long n, int alone) {
  only_one = alone != 0;
  calls = 0;
  fail_at = n;
}
long allocation_calls() { return calls; }
long live_blocks() { return live; }
}

void* operator new(std::size_t bytes) { return allocate_or_throw(bytes, 16); }
void* operator new[](std::size_t bytes) { return allocate_or_throw(bytes, 16); }
void* operator new(std::size_t bytes, std::align_val_t a) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(a));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, 16); }
void* operator new(std::size_t bytes, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(bytes, static_cast<std::size_t>(a));
}
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { release(block); }
