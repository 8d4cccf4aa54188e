// Which lines of the weights differ from those of a backup that updates of parts have not followed.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "base/layout.h"

namespace lamina {

// A step writes the old values of what it updates to the backup, which so holds the weights before the step,
// but where the step before had updated something else. A bit a line (64 bytes) of the flat buffer tells
// where. Threads may work on ranges that share none.
class ChangedLines {
 public:
  // Of a buffer of so many lines, all of them equal. `follows_all`: any parameter may be updated in part.
  ChangedLines(int64_t lines, bool follows_all)
      : words_(std::make_unique<std::atomic<uint64_t>[]>(static_cast<size_t>((lines + 63) / 64))),
        count_((lines + 63) / 64),
        follows_all_(follows_all) {}

  bool follows_all() const noexcept { return follows_all_; }

  void clear() noexcept {
    for (int64_t i = 0; i < count_; ++i) words_[static_cast<size_t>(i)].store(0, std::memory_order_relaxed);
  }
  // Elements [offset, offset + n), whole lines.
  template <class T>
  void mark(int64_t offset, int64_t n) noexcept {
    each_word<T>(offset, n, [](std::atomic<uint64_t>& word, int64_t, uint64_t mask) {
      word.fetch_or(mask, std::memory_order_relaxed);
    });
  }
  // Copies marked lines of [offset, offset + n) to the backup, and takes their marks away.
  template <class T>
  void bring_up_to_date(int64_t offset, int64_t n, const T* weights, T* backup) noexcept {
    each_word<T>(offset, n, [&](std::atomic<uint64_t>& word, int64_t first, uint64_t mask) {
      uint64_t marked = word.fetch_and(~mask, std::memory_order_relaxed) & mask;
      for (; marked != 0; marked &= marked - 1) {
        const int64_t at = (first + std::countr_zero(marked)) * kLine<T>;
        std::copy_n(weights + at, kLine<T>, backup + at);
      }
    });
  }

 private:
  template <class T>
  static constexpr int64_t kLine = padded_columns<T>(1);

  // Calls visit(word, its first line, mask of the lines of the range).
  template <class T, class Visit>
  void each_word(int64_t offset, int64_t n, Visit visit) noexcept {
    const int64_t last = (offset + n) / kLine<T>;
    for (int64_t line = offset / kLine<T>; line < last;) {
      const int64_t word = line / 64, end = std::min(last, 64 * (word + 1));
      const uint64_t ones = ~uint64_t{0} >> (64 - (end - line));
      visit(words_[static_cast<size_t>(word)], 64 * word, ones << (line % 64));
      line = end;
    }
  }

  std::unique_ptr<std::atomic<uint64_t>[]> words_;
  int64_t count_;
  bool follows_all_;
};

}  // namespace lamina
