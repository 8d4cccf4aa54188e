// Normal numbers, bounded integers and the shuffle, from Philox streams.
#include "base/random.h"

#include <bit>
#include <cmath>
#include <utility>

namespace lamina {
namespace {

// log(x) for finite normal x > 0: x = 2^e * m with m in [sqrt(1/2), sqrt(2)), then
// log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172. Error below 1e-15 relative.
double portable_log(double x) noexcept {
  constexpr uint64_t kMantissa = (uint64_t{1} << 52) - 1;
  constexpr double kLog2 = 0x1.62e42fefa39efp-1;
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & kMantissa) | uint64_t{1023} << 52);
  if (m > 0x1.6a09e667f3bcdp+0) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double sum = 0.0;
  for (int power = 21; power >= 1; power -= 2) sum = sum * s2 + 1.0 / power;
  return exponent * kLog2 + 2.0 * s * sum;
}

struct SineCosine {
  double sine, cosine;
};

// sin and cos of 2 pi u, u in [0, 1): the eighth of the circle is exact in binary, the rest is a
// Taylor series on |x| <= pi / 4. Error below 1e-15.
SineCosine portable_sine_cosine(double u) noexcept {
  constexpr double kPi = 0x1.921fb54442d18p+1;
  const int quarter = static_cast<int>(u * 4.0 + 0.5);
  const double x = 2.0 * kPi * (u - quarter * 0.25);
  const double x2 = x * x;
  double sine = 1.0, cosine = 1.0;
  for (int n = 18; n >= 2; n -= 2) {
    sine = 1.0 - sine * x2 / (n * (n + 1));
    cosine = 1.0 - cosine * x2 / (n * (n - 1));
  }
  sine *= x;
  switch (quarter % 4) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace

double RandomStream::normal(uint64_t i) const noexcept {
  const PhiloxBlock words = block(i / 2);
  // 1 - u is in (0, 1], so its logarithm is finite.
  const double u = 1.0 - to_double(words.word[0], words.word[1]);
  const double radius = std::sqrt(-2.0 * portable_log(u));
  const SineCosine angle = portable_sine_cosine(to_double(words.word[2], words.word[3]));
  return radius * (i % 2 == 0 ? angle.cosine : angle.sine);
}

// philox() of kBlocks counters, round by round.
void RandomSequence::refill() noexcept {
  uint32_t word[4][kBlocks];
  for (std::size_t i = 0; i < kBlocks; ++i) {
    const PhiloxBlock counter = stream_.counter(blocks_ + i);
    for (std::size_t w = 0; w < 4; ++w) word[w][i] = counter.word[w];
  }
  PhiloxKey key = stream_.key();
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < kBlocks; ++i) {
      const uint64_t p0 = uint64_t{kPhiloxMultiplier[0]} * word[0][i];
      const uint64_t p1 = uint64_t{kPhiloxMultiplier[1]} * word[2][i];
      word[0][i] = static_cast<uint32_t>(p1 >> 32) ^ word[1][i] ^ key.word[0];
      word[1][i] = static_cast<uint32_t>(p1);
      word[2][i] = static_cast<uint32_t>(p0 >> 32) ^ word[3][i] ^ key.word[1];
      word[3][i] = static_cast<uint32_t>(p0);
    }
    key.word[0] += kPhiloxWeyl[0];
    key.word[1] += kPhiloxWeyl[1];
  }
  for (std::size_t i = 0; i < kWords; ++i) words_[i] = word[i % 4][i / 4];
  blocks_ += kBlocks;
  next_ = 0;
}

uint64_t RandomSequence::bounded_widely(uint64_t bound) noexcept {
  if (bound > uint64_t{1} << 32) {
    // Too wide for one word: the smallest power of two that covers it, and rejection.
    const uint64_t mask = ~uint64_t{0} >> std::countl_zero(bound - 1);
    for (;;) {
      const uint64_t low = next();
      const uint64_t candidate = (uint64_t{next()} << 32 | low) & mask;
      if (candidate < bound) return candidate;
    }
  }
  return next();
}

uint64_t RandomSequence::bounded_again(uint32_t range, uint64_t product) noexcept {
  const uint32_t biased = (0u - range) % range;
  while (static_cast<uint32_t>(product) < biased) product = uint64_t{next()} * range;
  return product >> 32;
}

void shuffle_indices(uint64_t seed, uint64_t epoch, std::span<int64_t> indices) noexcept {
  RandomSequence random(RandomStream(seed, StreamTag::kShuffle, 0, epoch));
  for (std::size_t left = indices.size(); left > 1; --left)
    std::swap(indices[left - 1], indices[static_cast<std::size_t>(random.bounded(left))]);
}

}  // namespace lamina
