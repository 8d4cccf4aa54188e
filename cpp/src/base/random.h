// Random numbers drawn by position: the same for any number of threads, order of use and platform.
#pragma once

#include <cstddef>
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

  constexpr PhiloxBlock block(uint64_t index) const noexcept { return philox(key_, counter(index)); }
  constexpr PhiloxBlock counter(uint64_t index) const noexcept {
    return philox_counter(index, step_, id_, tag_);
  }
  constexpr PhiloxKey key() const noexcept { return key_; }

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

  uint32_t next() noexcept {
    if (next_ == kWords) refill();
    return words_[next_++];
  }

  // Uniform in [0, bound), without bias (Lemire, 2019); bound > 0.
  uint64_t bounded(uint64_t bound) noexcept {
    if (bound >= uint64_t{1} << 32) return bounded_widely(bound);
    const auto range = static_cast<uint32_t>(bound);
    const uint64_t product = uint64_t{next()} * range;
    return static_cast<uint32_t>(product) < range ? bounded_again(range, product) : product >> 32;
  }

 private:
  // Blocks that are made together, as vectors of the compiler's.
  static constexpr std::size_t kBlocks = 8, kWords = 4 * kBlocks;
  void refill() noexcept;
  uint64_t bounded_widely(uint64_t bound) noexcept;
  // Where `product` of the first number may be biased.
  uint64_t bounded_again(uint32_t range, uint64_t product) noexcept;

  RandomStream stream_;
  uint64_t blocks_ = 0;  // made so far
  std::size_t next_ = kWords;
  uint32_t words_[kWords];
};

// Permutes `indices` in place (Fisher-Yates). The permutation depends on seed, epoch and length only.
void shuffle_indices(uint64_t seed, uint64_t epoch, std::span<int64_t> indices) noexcept;

}  // namespace lamina
