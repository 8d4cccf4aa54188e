// A program's operator new that fails at the n-th call, alone or with all calls after it, and counts live
// blocks. For the one source file of a program.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(_MSC_VER)
#define LAMINA_NOINLINE __declspec(noinline)
#else
#define LAMINA_NOINLINE __attribute__((noinline))
#endif

namespace lamina::test {

// Of all threads; `fail_at` 0 counts alone.
inline std::atomic<long> allocations{0}, fail_at{0}, live_blocks{0};
inline std::atomic<bool> only_one{false};

inline bool must_fail() noexcept {
  const long number = ++allocations, first = fail_at;
  return first > 0 && (only_one ? number == first : number >= first);
}

// Neither is inlined: the compiler would take the pair for a mismatched one.
LAMINA_NOINLINE inline void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (must_fail()) return nullptr;
#if defined(_WIN32)
  void* block = _aligned_malloc(bytes, alignment);
#else
  void* block = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
#endif
  if (block != nullptr) ++live_blocks;
  return block;
}

inline void* allocate_or_throw(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
  if (void* block = allocate(bytes, alignment)) return block;
  throw std::bad_alloc();
}

LAMINA_NOINLINE inline void release(void* block) noexcept {
  if (block != nullptr) --live_blocks;
#if defined(_WIN32)
  _aligned_free(block);
#else
  std::free(block);
#endif
}

}  // namespace lamina::test

void* operator new(std::size_t bytes) { return lamina::test::allocate_or_throw(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return lamina::test::allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return lamina::test::allocate(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return lamina::test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { lamina::test::release(block); }
void operator delete(void* block, std::size_t) noexcept { lamina::test::release(block); }
void operator delete(void* block, std::align_val_t) noexcept { lamina::test::release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { lamina::test::release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { lamina::test::release(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  lamina::test::release(block);
}
