// The pieces of one short job after another, for a caller and those who help it (run_with_helpers).
#pragma once

#include <atomic>
#include <cstdint>

#include "base/wait.h"

namespace lamina {

class PieceQueue {
 public:
  static constexpr int64_t kMostPieces = 0xffff;

  // By the caller: has run_piece(i), noexcept, called for every i in [0, count), and returns when all are
  // done. Helpers see what was written before, and the caller then what they wrote.
  template <class Run>
  void run(int64_t count, Run run_piece) noexcept {
    done_by_helpers_.store(0, std::memory_order_relaxed);
    ++job_;
    state_.store(job_ << kJobShift | static_cast<uint64_t>(count) << kCountShift, std::memory_order_release);
    int64_t own = 0;
    for (int64_t piece = -1; take(false, piece); ++own) run_piece(piece);
    spin_then_yield([&] { return own + done_by_helpers_.load(std::memory_order_acquire) == count; });
  }

  // By the caller, at its end.
  void close() noexcept { state_.store(kClosed, std::memory_order_release); }

  // By a helper: takes its share of each job until the caller closes.
  template <class Run>
  void help(Run run_piece) noexcept {
    for (;;) {
      int64_t piece = -1;
      spin_then_yield([&] { return take(true, piece) || state_.load(std::memory_order_relaxed) == kClosed; });
      if (piece < 0) return;
      run_piece(piece);
      done_by_helpers_.fetch_add(1, std::memory_order_release);
    }
  }

 private:
  // A job's number, its pieces, those taken from its end, those taken from its beginning; 16 bits each.
  static constexpr int kJobShift = 48, kCountShift = 32, kBackShift = 16;
  static constexpr uint64_t kClosed = ~uint64_t{0};

  // The caller takes from the beginning and helpers from the end, so that each meets what it met in the call
  // before, which its cache may still hold.
  bool take(bool from_end, int64_t& piece) noexcept {
    uint64_t state = state_.load(std::memory_order_acquire);
    for (;;) {
      const auto part = [state](int shift) { return static_cast<int64_t>(state >> shift & kMostPieces); };
      const int64_t count = part(kCountShift), at_end = part(kBackShift), at_beginning = part(0);
      if (state == kClosed || at_beginning + at_end >= count) return false;
      const uint64_t taken = state + (from_end ? uint64_t{1} << kBackShift : 1);
      if (state_.compare_exchange_weak(state, taken, std::memory_order_acq_rel, std::memory_order_acquire)) {
        piece = from_end ? count - 1 - at_end : at_beginning;
        return true;
      }
    }
  }

  std::atomic<uint64_t> state_{0};
  std::atomic<int64_t> done_by_helpers_{0};
  uint64_t job_ = 0;
};

}  // namespace lamina
