// Functions over rows that draw random numbers: dropout, alpha dropout, normal noise.
#pragma once

#include <string.h>

#include "base/philox.h"
#include "kernels/rows/row_parts.inl"

namespace lamina::kernels {
namespace {

// Numbers below this of 65536 keep their element: the keep rate in steps of 1 / 65536.
LAMINA_INLINE uint32_t dropout_threshold(double drop_rate) {
  return static_cast<uint32_t>((1.0 - drop_rate) * 65536.0 + 0.5);
}

// Random bits for dropout come in groups of 64 columns: 8 counters of four words of two 16-bit numbers.
// Column c of a group takes number c / 8 of counter c % 8, so that whole vectors share one word.
constexpr int64_t kGroupColumns = 64;
constexpr int64_t kGroupCounters = 8;
constexpr int64_t kGroupsAtOnce = 2;
constexpr int64_t kCounters = kGroupsAtOnce * kGroupCounters;
constexpr uint64_t kCounterNumbers[kCounters] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

LAMINA_INLINE Bits<double> load_bits(const uint64_t* p) {
  double lanes[Vec<double>::kLanes];
  memcpy(lanes, p, sizeof lanes);
  return as_bits(loadu(lanes));
}

LAMINA_INLINE void store_bits(uint64_t* p, Bits<double> bits) {
  double lanes[Vec<double>::kLanes];
  storeu(lanes, from_bits(bits));
  memcpy(p, lanes, sizeof lanes);
}

// One Philox counter or its output a 64-bit lane, whose low half holds the word.
struct PhiloxLanes {
  Bits<double> word[4];
};

LAMINA_INLINE PhiloxLanes philox_lanes(PhiloxKey key, PhiloxLanes c) {
  const Bits<double> low = splat_bits<double>(uint64_t{0xffffffffu});
  const Bits<double> multiplier0 = splat_bits<double>(uint64_t{kPhiloxMultiplier[0]});
  const Bits<double> multiplier1 = splat_bits<double>(uint64_t{kPhiloxMultiplier[1]});
  uint32_t k0 = key.word[0], k1 = key.word[1];
  for (int round = 0; round < 10; ++round) {
    const Bits<double> p0 = multiply_low_halves(multiplier0, c.word[0]);
    const Bits<double> p1 = multiply_low_halves(multiplier1, c.word[2]);
    c.word[0] = shift_right<32>(p1) ^ c.word[1] ^ splat_bits<double>(uint64_t{k0});
    c.word[2] = shift_right<32>(p0) ^ c.word[3] ^ splat_bits<double>(uint64_t{k1});
    c.word[1] = p1 & low;
    c.word[3] = p0 & low;
    k0 += kPhiloxWeyl[0];
    k1 += kPhiloxWeyl[1];
  }
  return c;
}

// Words [4][counters] of the groups from `first_group` on.
LAMINA_INLINE void philox_groups(PhiloxKey key, uint64_t first_group, uint64_t step, uint32_t layer,
                                 StreamTag tag, uint32_t (&words)[4][kCounters]) {
  alignas(64) uint64_t wide[4][kCounters];
  // philox_counter() of counters that differ in their block alone.
  const PhiloxBlock fixed = philox_counter(0, step, layer, tag);
  for (int64_t i = 0; i < kCounters; i += Vec<double>::kLanes) {
    const Bits<double> block =
        splat_bits<double>(first_group * kGroupCounters) + load_bits(kCounterNumbers + i);
    const Bits<double> high = shift_right<32>(block) & splat_bits<double>(uint64_t{0xfffu});
    PhiloxLanes lanes;
    lanes.word[0] = block & splat_bits<double>(uint64_t{0xffffffffu});
    lanes.word[1] = splat_bits<double>(uint64_t{fixed.word[1]});
    lanes.word[2] = splat_bits<double>(uint64_t{fixed.word[2]});
    lanes.word[3] = splat_bits<double>(uint64_t{fixed.word[3]}) | shift_left<8>(high);
    lanes = philox_lanes(key, lanes);
    for (int w = 0; w < 4; ++w) store_bits(wide[w] + i, lanes.word[w]);
  }
  for (int w = 0; w < 4; ++w) {
    for (int64_t i = 0; i < kCounters; ++i) words[w][i] = static_cast<uint32_t>(wide[w][i]);
  }
}

// out[c] = kept where column c's number is below the threshold, else dropped; a whole group.
template <class T>
LAMINA_INLINE void choose_group(const uint32_t (&words)[4][kCounters], int64_t group, uint32_t threshold,
                                T kept, T dropped, T* out) {
  for (int64_t w = 0; w < 4; ++w) {
    const uint32_t* word = words[w] + group * kGroupCounters;
    T* low = out + 2 * w * kGroupCounters;
    T* high = low + kGroupCounters;
    for (int64_t i = 0; i < kGroupCounters; ++i) low[i] = (word[i] & 0xffffu) < threshold ? kept : dropped;
    for (int64_t i = 0; i < kGroupCounters; ++i) high[i] = (word[i] >> 16) < threshold ? kept : dropped;
  }
}

// Calls apply(words, group within words, values, columns <= 64) for every group of the rows.
template <class T, class Apply>
LAMINA_INLINE void over_dropout_groups(int64_t first_row, int64_t rows, int64_t columns, T* values,
                                       int64_t row_stride, uint64_t seed, uint64_t step, uint32_t layer,
                                       Apply apply) {
  const int64_t padded = padded_columns<T>(columns);
  const int64_t groups = (columns + kGroupColumns - 1) / kGroupColumns;
  const PhiloxKey key = philox_key(seed);
  const int64_t first_group = first_row * groups, last_group = (first_row + rows) * groups;
  uint32_t words[4][kCounters];
  int64_t row = 0, column = 0;
  for (int64_t group = first_group; group < last_group; group += kGroupsAtOnce) {
    philox_groups(key, static_cast<uint64_t>(group), step, layer, StreamTag::kDropout, words);
    const int64_t count = smaller(kGroupsAtOnce, last_group - group);
    for (int64_t i = 0; i < count; ++i) {
      apply(words, i, values + row * row_stride + column, smaller(kGroupColumns, padded - column));
      column += kGroupColumns;
      if (column >= columns) {
        column = 0;
        ++row;
      }
    }
  }
}

template <class T>
void dropout_rows(int64_t first_row, int64_t rows, int64_t columns, T* values, int64_t row_stride,
                  uint64_t seed, uint64_t step, uint32_t layer, T drop_rate) noexcept {
  const uint32_t threshold = dropout_threshold(static_cast<double>(drop_rate));
  const T scale = threshold == 0 ? T(0) : static_cast<T>(65536.0 / static_cast<double>(threshold));
  over_dropout_groups(first_row, rows, columns, values, row_stride, seed, step, layer,
                      [&](const uint32_t (&words)[4][kCounters], int64_t group, T* p, int64_t n) {
                        alignas(64) T factors[kGroupColumns];
                        choose_group(words, group, threshold, scale, T(0), factors);
                        for (int64_t c = 0; c < n; c += Vec<T>::kLanes)
                          store(p + c, load(p + c) * load(factors + c));
                      });
}

template <class T>
void alpha_dropout_rows(const AlphaDropoutRows<T>& job) noexcept {
  const uint32_t threshold = dropout_threshold(static_cast<double>(job.drop_rate));
  over_dropout_groups(job.first_row, job.rows, job.columns, job.values, job.row_stride, job.seed, job.step,
                      job.layer, [&](const uint32_t (&words)[4][kCounters], int64_t group, T* p, int64_t n) {
                        alignas(64) T factors[kGroupColumns];
                        alignas(64) T offsets[kGroupColumns];
                        choose_group(words, group, threshold, job.scale, T(0), factors);
                        choose_group(words, group, threshold, job.added, job.dropped, offsets);
                        for (int64_t c = 0; c < n; c += Vec<T>::kLanes)
                          store(p + c, fma(load(p + c), load(factors + c), load(offsets + c)));
                      });
}

// Two times `n` standard normal numbers from as many pairs of words (Box & Muller 1958).
template <class T>
LAMINA_INLINE void normal_pairs(const uint32_t* first, const uint32_t* second, int64_t n, T* cosines,
                                T* sines) {
  alignas(64) T radii[kCounters], angles[kCounters];
  // (0, 1], so that the logarithm is finite; [0, 2 pi].
  for (int64_t i = 0; i < n; ++i) radii[i] = (static_cast<T>(first[i]) + T(0.5)) * T(0x1p-32);
  for (int64_t i = 0; i < n; ++i) angles[i] = static_cast<T>(second[i]) * T(6.283185307179586 * 0x1p-32);
  for (int64_t i = 0; i < n; i += Vec<T>::kLanes) {
    const Vec<T> radius = sqrt(log(load(radii + i)) * broadcast<T>(T(-2)));
    Vec<T> sine, cosine;
    sin_cos(load(angles + i), sine, cosine);
    store(cosines + i, radius * cosine);
    store(sines + i, radius * sine);
  }
}

// A group of 64 columns takes 16 counters: columns 0..15 and 16..31 the pair of words 0 and 1 of each
// counter, the others that of words 2 and 3.
template <class T>
void noise_rows(int64_t first_row, int64_t rows, int64_t columns, T* values, int64_t row_stride,
                uint64_t seed, uint64_t step, uint32_t layer, T deviation) noexcept {
  static_assert(kGroupColumns == 4 * kCounters);
  const int64_t padded = padded_columns<T>(columns);
  const int64_t groups = (columns + kGroupColumns - 1) / kGroupColumns;
  const PhiloxKey key = philox_key(seed);
  const Vec<T> factor = broadcast<T>(deviation);
  uint32_t words[4][kCounters];
  alignas(64) T normal[kGroupColumns];
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t index = (first_row + row) * groups + group;
      philox_groups(key, static_cast<uint64_t>(index * kGroupsAtOnce), step, layer, StreamTag::kNoise, words);
      const int64_t first = group * kGroupColumns, n = smaller(kGroupColumns, padded - first);
      normal_pairs<T>(words[0], words[1], kCounters, normal, normal + kCounters);
      if (n > 2 * kCounters)
        normal_pairs<T>(words[2], words[3], kCounters, normal + 2 * kCounters, normal + 3 * kCounters);
      T* p = values + row * row_stride + first;
      for (int64_t c = 0; c < n; c += Vec<T>::kLanes)
        store(p + c, fma(load(normal + c), factor, load(p + c)));
    }
  }
}

template <class T>
constexpr void enter_random_functions(KernelTable<T>& table) {
  table.dropout_rows = &dropout_rows<T>;
  table.alpha_dropout_rows = &alpha_dropout_rows<T>;
  table.noise_rows = &noise_rows<T>;
}

}  // namespace
}  // namespace lamina::kernels
