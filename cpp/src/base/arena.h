// Aligned, zero-filled memory: buffers of one type, and an arena that places many blocks in one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace lamina {

inline constexpr std::size_t kAlignment = 64;
inline constexpr std::size_t kHugePage = std::size_t{2} << 20;
// From here on a block starts on a huge page and asks the system for huge pages.
inline constexpr std::size_t kHugePageThreshold = std::size_t{1} << 20;

namespace detail {

// Zero-filled; throws Error kMemory naming the size. `bytes` > 0; freed with the same `bytes`.
void* allocate_zeroed(std::size_t bytes);
void free_zeroed(void* block, std::size_t bytes) noexcept;

// count * element_size; throws Error kMemory where the product overflows or count is negative.
std::size_t byte_count(int64_t count, std::size_t element_size);

}  // namespace detail

// `size` elements of T, all zero at first, starting on 64 bytes (2 MiB from 4 MiB on). Move-only.
template <class T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
  static_assert(alignof(T) <= kAlignment);

 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(int64_t size) {
    const std::size_t bytes = detail::byte_count(size, sizeof(T));
    if (bytes > 0) data_ = static_cast<T*>(detail::allocate_zeroed(bytes));
    size_ = size;
  }
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    AlignedBuffer(std::move(other)).swap(*this);
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() {
    if (data_ != nullptr) detail::free_zeroed(data_, static_cast<std::size_t>(size_) * sizeof(T));
  }

  void swap(AlignedBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  int64_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T& operator[](int64_t i) noexcept { return data_[i]; }
  const T& operator[](int64_t i) const noexcept { return data_[i]; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }
  const T* begin() const noexcept { return data_; }
  const T* end() const noexcept { return data_ + size_; }
  std::span<T> span() noexcept { return {data_, static_cast<std::size_t>(size_)}; }
  std::span<const T> span() const noexcept { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  T* data_ = nullptr;
  int64_t size_ = 0;
};

// One allocation cut into 64-byte aligned, zero-filled blocks, in two passes over the same takes:
//   arena.lay_out([&](Arena& a) { x = a.take<float>(n); y = a.take<double>(m); });
// The first pass measures (takes return null), the second places. The blocks live as long as the
// arena and are never freed singly; lay_out again replaces them all, reusing memory that suffices.
class Arena {
 public:
  template <class Plan>
  void lay_out(Plan&& plan) {
    start(Pass::kMeasuring);
    plan(*this);
    allocate();
    plan(*this);
    finish();
  }

  template <class T>
  T* take(int64_t count) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= kAlignment);
    return reinterpret_cast<T*>(take_bytes(detail::byte_count(count, sizeof(T))));
  }

  // Bytes owned.
  int64_t capacity() const noexcept { return buffer_.size(); }

 private:
  enum class Pass { kIdle, kMeasuring, kPlacing };

  void start(Pass pass) noexcept;
  void allocate();
  void finish();
  std::byte* take_bytes(std::size_t bytes);

  AlignedBuffer<std::byte> buffer_;
  std::size_t used_ = 0;
  std::size_t measured_ = 0;
  Pass pass_ = Pass::kIdle;
};

}  // namespace lamina
