// The buffers of one pass: values, stored derivatives and deltas of every slot, for a number of rows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "network/network.h"

namespace lamina {

enum class WorkspaceUse { kInference, kTraining };

// Rows of a batch that store some of their elements: room for them, and what is there.
template <class T>
class SparseInput {
 public:
  explicit SparseInput(int64_t rows) : starts_(rows), ends_(rows) {}

  // Room for so many stored elements; what is there is lost where there was less.
  void reserve(int64_t elements) {
    if (elements <= columns_.size()) return;
    columns_ = AlignedBuffer<int32_t>(elements);
    values_ = AlignedBuffer<T>(elements);
    rows_ = {starts_.data(), ends_.data(), columns_.data(), values_.data()};
  }
  int64_t capacity() const noexcept { return columns_.size(); }
  // [rows] each, from 0 to capacity() at most.
  int64_t* starts() noexcept { return starts_.data(); }
  int64_t* ends() noexcept { return ends_.data(); }
  int32_t* columns() noexcept { return columns_.data(); }
  T* values() noexcept { return values_.data(); }
  const kernels::SparseRows<T>& rows() const noexcept { return rows_; }

 private:
  AlignedBuffer<int64_t> starts_, ends_;
  AlignedBuffer<int32_t> columns_;
  AlignedBuffer<T> values_;
  kernels::SparseRows<T> rows_{starts_.data(), ends_.data(), nullptr, nullptr};
};

template <class T>
class Workspace {
 public:
  // `sparse`: the input is held as sparse rows, which the network must take.
  Workspace(const Network<T>& network, int64_t rows, WorkspaceUse use, bool sparse = false);

  const Slot<T>& slot(int index) const noexcept { return slots_[static_cast<size_t>(index)]; }
  const Slot<T>& input() const noexcept { return slots_.front(); }
  const Slot<T>& output() const noexcept { return slots_.back(); }
  // Null where the input is dense.
  SparseInput<T>* sparse_input() const noexcept { return sparse_.get(); }
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
  std::unique_ptr<SparseInput<T>> sparse_;
  int64_t rows_;
  WorkspaceUse use_;
};

}  // namespace lamina
