// Tests of Philox against the published vectors, and of what is drawn from it.
#include "base/philox.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <vector>

#include "base/random.h"
#include "check.h"

namespace {

using lamina::philox;
using lamina::philox_counter;
using lamina::PhiloxBlock;
using lamina::RandomSequence;
using lamina::RandomStream;
using lamina::StreamTag;

constexpr bool equal(PhiloxBlock got, std::array<uint32_t, 4> expected) {
  return got.word[0] == expected[0] && got.word[1] == expected[1] && got.word[2] == expected[2] &&
         got.word[3] == expected[3];
}

// The known answers that come with Random123 for philox4x32 with 10 rounds.
LAMINA_TEST(published_vectors_are_met) {
  CHECK(equal(philox({{0, 0}}, {{0, 0, 0, 0}}), {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  CHECK(equal(philox({{kOnes, kOnes}}, {{kOnes, kOnes, kOnes, kOnes}}),
              {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK(equal(philox({{0xa4093822, 0x299f31d0}}, {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}),
              {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

LAMINA_TEST(philox_runs_at_compile_time) {
  constexpr PhiloxBlock block = philox({{0, 0}}, {{0, 0, 0, 0}});
  static_assert(block.word[0] == 0x6627e8d5);
  CHECK(equal(block, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
}

LAMINA_TEST(counters_of_different_places_differ) {
  std::set<std::array<uint32_t, 4>> seen;
  const uint64_t places[] = {0, 1, 255, uint64_t{1} << 32, (uint64_t{1} << 44) - 1};
  for (const uint64_t block : places)
    for (const uint64_t step : places)
      for (const uint32_t id : {0u, 1u, 0xffffffffu})
        for (const StreamTag tag : {StreamTag::kInitialise, StreamTag::kDropout}) {
          const PhiloxBlock counter = philox_counter(block, step, id, tag);
          seen.insert(std::to_array(counter.word));
        }
  CHECK(seen.size() == 5 * 5 * 3 * 2);
}

LAMINA_TEST(elements_are_the_words_of_their_blocks_in_order) {
  const RandomStream stream(42, StreamTag::kUser, 3, 5);
  RandomSequence sequence(stream);
  for (uint64_t i = 0; i < 11; ++i) {
    const uint32_t word = stream.block(i / 4).word[i % 4];
    CHECK(stream.bits(i) == word);
    CHECK(sequence.next() == word);
  }
}

LAMINA_TEST(seed_tag_id_and_step_each_change_the_numbers) {
  const uint32_t bits = RandomStream(1, StreamTag::kUser, 2, 3).bits(0);
  CHECK(bits != RandomStream(uint64_t{1} << 32 | 1, StreamTag::kUser, 2, 3).bits(0));
  CHECK(bits != RandomStream(1, StreamTag::kNoise, 2, 3).bits(0));
  CHECK(bits != RandomStream(1, StreamTag::kUser, 4, 3).bits(0));
  CHECK(bits != RandomStream(1, StreamTag::kUser, 2, uint64_t{3} << 32 | 3).bits(0));
}

LAMINA_TEST(uniform_numbers_fill_zero_to_one_evenly) {
  const RandomStream stream(7, StreamTag::kUser);
  constexpr uint64_t kCount = 100000;
  double sum = 0, lowest = 1, highest = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double value = stream.uniform_double(i);
    sum += value;
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
  }
  // Five standard errors of a mean of 1e5: 5 * sqrt(1/12) / sqrt(1e5) = 0.0046.
  CHECK_NEAR(sum / kCount, 0.5, 0.0046);
  CHECK(lowest >= 0 && lowest < 1e-3 && highest < 1 && highest > 0.999);
}

// Box-Muller on the C library's functions; both sides are good to a few units in the last place.
LAMINA_TEST(normal_numbers_agree_with_the_c_library) {
  const RandomStream stream(11, StreamTag::kInitialise, 1);
  constexpr double kTwoPi = 6.283185307179586;
  double worst = 0;
  for (uint64_t i = 0; i < 20000; i += 2) {
    const double u = 1.0 - stream.uniform_double(i), v = stream.uniform_double(i + 1);
    const double radius = std::sqrt(-2.0 * std::log(u));
    worst = std::max(worst, std::fabs(stream.normal(i) - radius * std::cos(kTwoPi * v)));
    worst = std::max(worst, std::fabs(stream.normal(i + 1) - radius * std::sin(kTwoPi * v)));
  }
  CHECK(worst < 1e-14);
}

LAMINA_TEST(normal_numbers_have_the_moments_of_a_normal) {
  const RandomStream stream(5, StreamTag::kInitialise);
  constexpr uint64_t kCount = 200000;
  double moment[5] = {};
  for (uint64_t i = 0; i < kCount; ++i) {
    double power = 1;
    for (double& sum : moment) {
      sum += power / kCount;
      power *= stream.normal(i);
    }
  }
  // Five standard errors, from variances 1, 2, 15 and 96 of the first four powers.
  CHECK_NEAR(moment[1], 0, 5 * std::sqrt(1.0 / kCount));
  CHECK_NEAR(moment[2], 1, 5 * std::sqrt(2.0 / kCount));
  CHECK_NEAR(moment[3], 0, 5 * std::sqrt(15.0 / kCount));
  CHECK_NEAR(moment[4], 3, 5 * std::sqrt(96.0 / kCount));
}

// Guards the promise of equal bits on every platform and compiler.
LAMINA_TEST(normal_numbers_have_the_recorded_bits) {
  uint64_t hash = 0;
  const RandomStream stream(0, StreamTag::kInitialise);
  for (uint64_t i = 0; i < 100000; ++i)
    hash = hash * 0x9e3779b97f4a7c15u + std::bit_cast<uint64_t>(stream.normal(i));
  CHECK(hash == 0x4f14b3f332caa7c1u);
}

LAMINA_TEST(bounded_numbers_are_even_and_in_range) {
  RandomSequence sequence(RandomStream(3, StreamTag::kUser));
  constexpr int kDraws = 60000;
  std::array<int, 6> counts{};
  for (int i = 0; i < kDraws; ++i) ++counts.at(static_cast<std::size_t>(sequence.bounded(6)));
  // Five standard deviations of a count: 5 * sqrt(60000 * 1/6 * 5/6) = 457.
  for (const int count : counts) CHECK(std::abs(count - kDraws / 6) < 457);
}

LAMINA_TEST(bounded_numbers_reject_the_biased_words) {
  // With bound 3 * 2^30 a quarter of the words must be redrawn; else each third value gets half the draws.
  RandomSequence sequence(RandomStream(3, StreamTag::kUser));
  constexpr uint64_t kThird = uint64_t{1} << 30;
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += sequence.bounded(3 * kThird) % 3 == 0 ? 1 : 0;
  CHECK(std::abs(low - 10000) < 5 * 82);
}

LAMINA_TEST(bounds_beyond_32_bits_work) {
  RandomSequence sequence(RandomStream(3, StreamTag::kUser));
  const uint64_t bound = (uint64_t{1} << 40) + 1;
  uint64_t highest = 0;
  for (int i = 0; i < 1000; ++i) highest = std::max(highest, sequence.bounded(bound));
  CHECK(highest < bound && highest > bound / 10 * 9);
  CHECK(sequence.bounded(1) == 0);
  CHECK(sequence.bounded(uint64_t{1} << 32) < uint64_t{1} << 32);
}

LAMINA_TEST(a_shuffle_permutes_and_depends_on_seed_and_epoch_only) {
  const auto shuffled = [](uint64_t seed, uint64_t epoch) {
    std::vector<int64_t> indices(1000);
    std::iota(indices.begin(), indices.end(), int64_t{0});
    lamina::shuffle_indices(seed, epoch, indices);
    return indices;
  };
  const std::vector<int64_t> first = shuffled(1, 0);
  CHECK(first == shuffled(1, 0));
  CHECK(first != shuffled(1, 1));
  CHECK(first != shuffled(2, 0));
  std::vector<int64_t> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < 1000; ++i) CHECK(sorted[static_cast<std::size_t>(i)] == i);
}

LAMINA_TEST(all_orders_of_three_are_equally_likely) {
  std::array<int, 27> counts{};
  constexpr int kDraws = 60000;
  for (uint64_t epoch = 0; epoch < kDraws; ++epoch) {
    std::array<int64_t, 3> order{0, 1, 2};
    lamina::shuffle_indices(9, epoch, order);
    ++counts[static_cast<std::size_t>(order[0] * 9 + order[1] * 3 + order[2])];
  }
  for (const std::size_t order : {5u, 7u, 11u, 15u, 19u, 21u})
    CHECK(std::abs(counts[order] - kDraws / 6) < 457);
}

}  // namespace

LAMINA_TEST_MAIN
