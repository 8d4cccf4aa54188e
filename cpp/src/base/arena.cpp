// Allocates zero-filled aligned memory, with huge pages for large blocks where Linux offers them.
#include "base/arena.h"
#include "base/text.h"

#include <limits>
#include <new>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace lamina {
namespace detail {
namespace {

[[noreturn]] void refuse(const std::string& size) {
  throw_error(Error::Kind::kMemory,
              {"memory: could not get ", size, "; use a smaller network or batch, or free memory"});
}

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

void* allocate_small(std::size_t bytes) {
  void* block = ::operator new(round_up(bytes, kAlignment), std::align_val_t{kAlignment}, std::nothrow);
  if (block != nullptr) std::memset(block, 0, bytes);
  return block;
}

#if defined(__linux__)
// The system's pages are zero and come at first touch, so on the node of the thread that uses them.
void* map_huge(std::size_t bytes) {
  const std::size_t length = round_up(bytes, kHugePage);
  void* mapped =
      mmap(nullptr, length + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(mapped);
  const std::size_t before = round_up(start, kHugePage) - start;
  char* block = static_cast<char*>(mapped) + before;
  if (before > 0) munmap(mapped, before);
  if (before < kHugePage) munmap(block + length, kHugePage - before);
  madvise(block, length, MADV_HUGEPAGE);  // A wish: without huge pages ordinary ones do.
  return block;
}
#endif

}  // namespace

std::size_t byte_count(int64_t count, std::size_t element_size) {
  if (count < 0) refuse(concat({count, " elements"}));
  // A quarter of the address space at most, so that sums and rounding up cannot overflow.
  constexpr std::size_t limit = std::numeric_limits<std::size_t>::max() / 4;
  const auto unsigned_count = static_cast<uint64_t>(count);
  if (unsigned_count > limit / element_size) refuse(concat({count, " elements of ", element_size, " bytes"}));
  return static_cast<std::size_t>(unsigned_count) * element_size;
}

void* allocate_zeroed(std::size_t bytes) {
#if defined(__linux__)
  void* block = bytes >= kHugePageThreshold ? map_huge(bytes) : allocate_small(bytes);
#else
  void* block = allocate_small(bytes);
#endif
  if (block == nullptr) refuse(concat({bytes, " bytes"}));
  return block;
}

void free_zeroed(void* block, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__)
  if (bytes >= kHugePageThreshold) {
    munmap(block, round_up(bytes, kHugePage));
    return;
  }
#endif
  ::operator delete(block, std::align_val_t{kAlignment});
}

}  // namespace detail

void Arena::start(Pass pass) noexcept {
  pass_ = pass;
  used_ = 0;
}

void Arena::allocate() {
  measured_ = used_;
  const auto size = static_cast<int64_t>(measured_);
  if (size <= buffer_.size()) {
    if (measured_ > 0) std::memset(buffer_.data(), 0, measured_);
  } else {
    buffer_ = AlignedBuffer<std::byte>();  // Freed first: old and new need not fit together.
    buffer_ = AlignedBuffer<std::byte>(size);
  }
  start(Pass::kPlacing);
}

void Arena::finish() {
  pass_ = Pass::kIdle;
  if (used_ != measured_)
    throw_error(Error::Kind::kState,
                {"Arena: the placing pass took ", used_, " bytes, the measuring pass ", measured_});
}

std::byte* Arena::take_bytes(std::size_t bytes) {
  if (pass_ == Pass::kIdle) throw_error(Error::Kind::kState, {"Arena: take is for use inside lay_out"});
  const std::size_t offset = used_;
  used_ = detail::byte_count(static_cast<int64_t>(offset + detail::round_up(bytes, kAlignment)), 1);
  if (pass_ == Pass::kMeasuring) return nullptr;
  if (used_ > measured_)
    throw_error(Error::Kind::kState, {"Arena: the placing pass takes more than was measured"});
  return buffer_.data() + offset;
}

}  // namespace lamina
