// Predicts rows one by one, for any number of threads at once, without an allocation or a lock.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/arena.h"
#include "base/layout.h"
#include "base/thread_count.h"
#include "inference/predictor.h"

namespace lamina::c {

// Workspaces that threads take and give back.
template <class T>
class WorkspacePool {
 public:
  WorkspacePool() = default;
  WorkspacePool(int count, std::int64_t size)
      : taken_(std::make_unique<std::atomic<bool>[]>(std::size_t(count))) {
    for (int i = 0; i < count; ++i) workspaces_.emplace_back(size);
  }

  // Calls use(workspace); where there are more threads than workspaces it tries again until one is free.
  template <class Use>
  void with(Use use) const noexcept {
    for (std::size_t i = 0;; i = (i + 1) % workspaces_.size()) {
      if (!taken_[i].exchange(true, std::memory_order_acquire)) {
        use(const_cast<T*>(workspaces_[i].data()));
        taken_[i].store(false, std::memory_order_release);
        return;
      }
      if (i + 1 == workspaces_.size()) std::this_thread::yield();
    }
  }

 private:
  std::vector<AlignedBuffer<T>> workspaces_;
  std::unique_ptr<std::atomic<bool>[]> taken_;
};

template <class T>
class RowPredictor {
 public:
  RowPredictor(const Network<T>& network, const T* weights)
      : predictor_(network, weights),
        size_(predictor_.any_row_workspace_size() + padded_columns<T>(predictor_.outputs())) {
    if (bytes() > kStackBytes) pool_ = WorkspacePool<T>(std::max(4, hardware_threads()), size_);
  }

  std::int64_t inputs() const noexcept { return predictor_.inputs(); }
  std::int64_t outputs() const noexcept { return predictor_.outputs(); }

  // rows[rows, inputs] -> y[rows, outputs].
  template <class Number>
  void predict(const ArraySource& rows, Number* y) const noexcept {
    const auto run = [&](T* workspace) { run_rows(rows, y, workspace); };
    if (bytes() <= kSmallStackBytes)
      on_stack<kSmallStackBytes>(run);
    else if (bytes() <= kStackBytes)
      on_stack<kStackBytes>(run);
    else
      pool_.with(run);
  }

 private:
  static constexpr std::int64_t kSmallStackBytes = std::int64_t{4} << 10,
                                kStackBytes = std::int64_t{64} << 10;

  std::int64_t bytes() const noexcept { return size_ * static_cast<std::int64_t>(sizeof(T)); }

  template <std::int64_t kBytes, class Run>
  static void on_stack(const Run& run) noexcept {
    alignas(64) T workspace[kBytes / static_cast<std::int64_t>(sizeof(T))];
    run(workspace);
  }

  template <class Number>
  void run_rows(const ArraySource& rows, Number* y, T* workspace) const noexcept {
    ArraySource row = rows;
    row.rows = 1;
    for (std::int64_t i = 0; i < rows.rows; ++i, y += outputs()) {
      row.data = static_cast<const unsigned char*>(rows.data) + i * rows.row_stride;
      if constexpr (std::is_same_v<T, Number>) {
        predictor_.predict_any_row(row, y, workspace);
      } else {
        T* own = workspace + predictor_.any_row_workspace_size();
        predictor_.predict_any_row(row, own, workspace);
        std::transform(own, own + outputs(), y, [](T value) { return static_cast<Number>(value); });
      }
    }
  }

  Predictor<T> predictor_;
  std::int64_t size_;
  WorkspacePool<T> pool_;  // empty where the stack is enough
};

template <class T>
using ConstRowPredictor = const RowPredictor<T>;

}  // namespace lamina::c
