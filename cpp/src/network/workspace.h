// The buffers of one pass: values, stored derivatives and deltas of every slot, for a number of rows.
#pragma once

#include <cstdint>
#include <vector>

#include "network/network.h"

namespace lamina {

enum class WorkspaceUse { kInference, kTraining };

template <class T>
class Workspace {
 public:
  Workspace(const Network<T>& network, int64_t rows, WorkspaceUse use);

  const Slot<T>& slot(int index) const noexcept { return slots_[static_cast<size_t>(index)]; }
  const Slot<T>& input() const noexcept { return slots_.front(); }
  const Slot<T>& output() const noexcept { return slots_.back(); }
  int64_t rows() const noexcept { return rows_; }
  WorkspaceUse use() const noexcept { return use_; }
  int64_t bytes() const noexcept { return arena_.capacity(); }

  // Lets the first layer read a user's matrix in place; `restore_input` goes back to the own buffer.
  void borrow_input(const T* values, int64_t row_stride) noexcept;
  void restore_input() noexcept { show_input(own_input_.values, own_input_.row_stride, true); }
  // Stands for one row of another workspace of the same network.
  void view_row(const Workspace& other, int64_t row) noexcept;

 private:
  void show_input(T* values, int64_t row_stride, bool padded) noexcept;

  Arena arena_;
  std::vector<Slot<T>> slots_;
  std::vector<int64_t> slot_rows_;   // for each row
  std::vector<size_t> input_slots_;  // the input and its views
  Slot<T> own_input_;
  int64_t rows_;
  WorkspaceUse use_;
};

}  // namespace lamina
