// Random numbers drawn by position: the same for any number of threads, order of use and platform.
#pragma once

#include <cstdint>
#include <span>

#include "base/philox.h"

namespace lamina {

// Elements 0, 1, 2, ... of one purpose (philox.h tells step, id and tag). Element i of one kind
// depends on i alone; different kinds (bits, double, normal) of one stream share their bits.
class RandomStream {
 public:
  constexpr RandomStream(uint64_t seed, StreamTag tag, uint32_t id = 0, uint64_t step = 0) noexcept
      : key_(philox_key(seed)), step_(step), id_(id), tag_(tag) {}

  constexpr PhiloxBlock block(uint64_t index) const noexcept {
    return philox(key_, philox_counter(index, step_, id_, tag_));
  }

  constexpr uint32_t bits(uint64_t i) const noexcept { return block(i / 4).word[i % 4]; }

  // In [0, 1), a multiple of 2^-53.
  constexpr double uniform_double(uint64_t i) const noexcept {
    const PhiloxBlock words = block(i / 2);
    return to_double(words.word[i % 2 * 2], words.word[i % 2 * 2 + 1]);
  }

  // Mean 0, variance 1 (Box and Muller, 1958), |x| < 8.7. The same bits on every platform with IEEE
  // doubles: it uses + - * / and sqrt only, not the C library's log and cos.
  double normal(uint64_t i) const noexcept;

 private:
  static constexpr double to_double(uint32_t low, uint32_t high) noexcept {
    return static_cast<double>((uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
  }

  PhiloxKey key_;
  uint64_t step_;
  uint32_t id_;
  StreamTag tag_;
};

// A stream read from its start, for algorithms that need an unknown count of numbers.
class RandomSequence {
 public:
  constexpr explicit RandomSequence(RandomStream stream) noexcept : stream_(stream) {}

  constexpr uint32_t next() noexcept {
    if (position_ % 4 == 0) block_ = stream_.block(position_ / 4);
    return block_.word[position_++ % 4];
  }

  // Uniform in [0, bound), without bias (Lemire, 2019); bound > 0.
  uint64_t bounded(uint64_t bound) noexcept;

 private:
  RandomStream stream_;
  PhiloxBlock block_{};
  uint64_t position_ = 0;
};

// Permutes `indices` in place (Fisher-Yates). The permutation depends on seed, epoch and length only.
void shuffle_indices(uint64_t seed, uint64_t epoch, std::span<int64_t> indices) noexcept;

}  // namespace lamina
