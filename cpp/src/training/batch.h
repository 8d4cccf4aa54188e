// The targets and weights of one batch, gathered beside the workspace's input rows.
#pragma once

#include <cstdint>

#include "base/arena.h"
#include "network/workspace.h"
#include "training/data.h"

namespace lamina {

// Which rows of a data set form a batch: indices[0..rows), or first_row onwards where indices is null.
struct BatchRows {
  const int64_t* indices = nullptr;
  int64_t first_row = 0;
  int64_t rows = 0;

  int64_t source_row(int64_t i) const noexcept { return indices ? indices[i] : first_row + i; }
};

template <class T>
class Batch {
 public:
  Batch(int64_t capacity, int64_t target_columns);

  // Copies rows [first, first + count) of the batch: inputs into the workspace, targets (scaled, where the
  // network does that) and weights here.
  void gather(const Network<T>& network, const DataSet<T>& data, const BatchRows& batch, int64_t first,
              int64_t count, Workspace<T>& workspace) noexcept;

  // From row `first` of the batch on, after gather; null where the data set has none.
  Targets<T> targets(const DataSet<T>& data, int64_t first) const noexcept;
  const T* weights(const DataSet<T>& data, int64_t first) const noexcept {
    return data.sample_weights ? weights_ + first : nullptr;
  }
  double* row_losses() noexcept { return row_losses_; }

 private:
  Arena arena_;
  int64_t target_columns_;
  T* values_ = nullptr;
  int32_t* classes_ = nullptr;
  T* weights_ = nullptr;
  double* row_losses_ = nullptr;
};

// Sum of the sample weights of a batch in row order (its row count where there are none).
template <class T>
double total_weight(const DataSet<T>& data, const BatchRows& batch) noexcept {
  if (data.sample_weights == nullptr) return static_cast<double>(batch.rows);
  double sum = 0.0;
  for (int64_t i = 0; i < batch.rows; ++i)
    sum += static_cast<double>(data.sample_weights[batch.source_row(i)]);
  return sum;
}

}  // namespace lamina
