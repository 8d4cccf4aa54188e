// Counts the memory that a test program takes, by new and by mmap: the largest block, what is held now and
// what was held at most. It replaces the operators, so that one file of a program includes it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace lamina::test {

inline std::atomic<std::size_t> largest{0}, live{0}, peak{0};

inline void note_size(std::size_t bytes) noexcept {
  std::size_t before = largest;
  while (bytes > before && !largest.compare_exchange_weak(before, bytes)) {
  }
}

inline void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  note_size(bytes);
  void* block = std::aligned_alloc(alignment,
                                   (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment);
#if defined(__linux__)
  if (block != nullptr) {
    const std::size_t now = live += malloc_usable_size(block);
    std::size_t before = peak;
    while (now > before && !peak.compare_exchange_weak(before, now)) {
    }
  }
#endif
  return block;
}

inline void* allocate_or_throw(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
  if (void* block = allocate(bytes, alignment)) return block;
  throw std::bad_alloc();
}

inline void release(void* block) noexcept {
#if defined(__linux__)
  if (block != nullptr) live -= malloc_usable_size(block);
#endif
  std::free(block);
}

}  // namespace lamina::test

void* operator new(std::size_t bytes) { return lamina::test::allocate_or_throw(bytes); }
void* operator new(std::size_t bytes, std::align_val_t a) {
  return lamina::test::allocate_or_throw(bytes, static_cast<std::size_t>(a));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return lamina::test::allocate(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t a, const std::nothrow_t&) noexcept {
  return lamina::test::allocate(bytes, static_cast<std::size_t>(a));
}
void operator delete(void* block) noexcept { lamina::test::release(block); }
void operator delete(void* block, std::size_t) noexcept { lamina::test::release(block); }
void operator delete(void* block, std::align_val_t) noexcept { lamina::test::release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { lamina::test::release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { lamina::test::release(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  lamina::test::release(block);
}

#if defined(__linux__)
extern "C" void* mmap(void* place, std::size_t bytes, int protection, int flags, int file,
                      off_t offset) noexcept {
  lamina::test::note_size(bytes);
  return reinterpret_cast<void*>(syscall(SYS_mmap, place, bytes, protection, flags, file, offset));
}
#endif
