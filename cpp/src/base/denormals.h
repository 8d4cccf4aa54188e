// Scoped floating-point modes: denormals flushed to zero for the compute, or kept, with rounding to nearest.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define LAMINA_FLUSH_X86 1
#elif defined(__aarch64__) && !defined(_MSC_VER)
#define LAMINA_FLUSH_AARCH64 1
#endif

namespace lamina {

// While alive, this thread has the default rounding and masks, and reads and writes denormals as zero where
// `flush`; the old mode comes back at the end. Elsewhere than on x86-64 and aarch64 it does nothing.
template <bool flush>
class DenormalMode {
 public:
  DenormalMode() noexcept : saved_(read()) {
    if (changes()) write(kMode);
  }
  // Without reading the mode once more, which waits for all arithmetic under way.
  ~DenormalMode() {
    if (changes()) write(saved_);
  }
  DenormalMode(const DenormalMode&) = delete;
  DenormalMode& operator=(const DenormalMode&) = delete;

  static constexpr bool kSupported =
#if defined(LAMINA_FLUSH_X86) || defined(LAMINA_FLUSH_AARCH64)
      true;
#else
      false;
#endif

 private:
#if defined(LAMINA_FLUSH_X86)
  using Word = uint32_t;
  // Reset value 0x1f80 with flush-to-zero (bit 15) and denormals-are-zero (bit 6).
  static constexpr Word kMode = flush ? 0x1f80u | 0x8040u : 0x1f80u;
  static constexpr Word kExceptions = 0x3fu;  // what arithmetic has met so far: no part of the mode
  static Word read() noexcept { return _mm_getcsr(); }
  static void write(Word mode) noexcept { _mm_setcsr(mode); }
#elif defined(LAMINA_FLUSH_AARCH64)
  using Word = uint64_t;
  static constexpr Word kMode = flush ? uint64_t{1} << 24 : 0;  // FPCR.FZ
  static constexpr Word kExceptions = 0;
  static Word read() noexcept {
    Word mode;
    asm volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void write(Word mode) noexcept { asm volatile("msr fpcr, %0" : : "r"(mode)); }
#else
     using Word = uint32_t;
  static constexpr Word kMode = 0, kExceptions = 0;
  static Word read() noexcept { return kMode; }
  static void write(Word) noexcept {}
#endif

  bool changes() const noexcept { return (saved_ & ~kExceptions) != kMode; }

  Word saved_;
};

using FlushDenormals = DenormalMode<true>;
using KeepDenormals = DenormalMode<false>;

// `value` as T as within FlushDenormals, for a few numbers outside of it.
template <class T>
T narrowed(double value) noexcept {
  const T narrow = static_cast<T>(value);
  return sizeof(T) < sizeof(double) && std::abs(narrow) < std::numeric_limits<T>::min()
             ? std::copysign(T(0), narrow)
             : narrow;
}

}  // namespace lamina

#undef LAMINA_FLUSH_X86
#undef LAMINA_FLUSH_AARCH64
