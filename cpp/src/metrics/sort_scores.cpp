// A stable sort by digits of 11 bits; digits that all keys share, as the low ones of float32, cost no pass.
#include "metrics/sort_scores.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace lamina::metrics {
namespace {

constexpr int kDigitBits = 11;
constexpr int kDigits = (64 + kDigitBits - 1) / kDigitBits;
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;
// Below it comparisons take less time than counting digits.
constexpr std::size_t kFewRows = 1024;

uint64_t key_of(double score) noexcept {
  const uint64_t bits = std::bit_cast<uint64_t>(score + 0.0);  // -0 becomes 0
  constexpr uint64_t sign = uint64_t{1} << 63;
  return bits & sign ? ~bits : bits | sign;
}

std::size_t digit_of(uint64_t key, int digit) noexcept {
  return static_cast<std::size_t>(key >> (digit * kDigitBits)) & (kBuckets - 1);
}

}  // namespace

std::vector<KeyedRow> sorted_by_score(const std::vector<double>& scores) {
  std::vector<KeyedRow> rows(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) rows[i] = {key_of(scores[i]), static_cast<int64_t>(i)};
  if (rows.size() < kFewRows) {
    std::ranges::stable_sort(rows, {}, &KeyedRow::key);
    return rows;
  }
  std::vector<std::array<std::size_t, kBuckets>> counts(kDigits);
  for (const KeyedRow& row : rows)
    for (int digit = 0; digit < kDigits; ++digit)
      ++counts[static_cast<std::size_t>(digit)][digit_of(row.key, digit)];
  std::vector<KeyedRow> other(rows.size());
  for (int digit = 0; digit < kDigits; ++digit) {
    auto& places = counts[static_cast<std::size_t>(digit)];
    if (places[digit_of(rows.front().key, digit)] == rows.size()) continue;
    std::size_t next = 0;
    for (std::size_t& place : places) next += std::exchange(place, next);
    for (const KeyedRow& row : rows) other[places[digit_of(row.key, digit)]++] = row;
    rows.swap(other);
  }
  return rows;
}

}  // namespace lamina::metrics
