// The targets and weights of one batch, gathered beside the workspace's input rows.
#pragma once

#include <cstdint>
#include <optional>

#include "base/arena.h"
#include "inference/data.h"
#include "network/workspace.h"

namespace lamina {

// Which rows of a data set form a batch: indices[0..rows), or first_row onwards where indices is null.
struct BatchRows {
  const int64_t* indices = nullptr;
  int64_t first_row = 0;
  int64_t rows = 0;
  int64_t following = 0;  // how many more indices come after these, where there are indices

  int64_t source_row(int64_t i) const noexcept { return indices ? indices[i] : first_row + i; }
};

template <class T>
class Batch {
 public:
  Batch(int64_t capacity, int64_t target_columns);

  // By one thread, before gather, where the workspace holds sparse rows.
  static void place(const DataSet<T>& data, const BatchRows& batch, Workspace<T>& workspace) noexcept;
  // Copies rows [first, first + count) of the batch: inputs into the workspace, targets (scaled, where the
  // network does that) and weights times `weight_scale` here. Returns a class index that is out of range.
  std::optional<WrongClass> gather(const Network<T>& network, const DataSet<T>& data, const BatchRows& batch,
                                   double weight_scale, int64_t first, int64_t count,
                                   Workspace<T>& workspace) noexcept;

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

struct BatchWeight {
  double total;        // sum of the sample weights in row order, or the row count where there are none
  double scale = 1.0;  // a power of two that brings the weights into the range of T
};

// `relative`: a loss that divides by the total, so that the weights may be scaled.
template <class T>
BatchWeight batch_weight(const DataSet<T>& data, const BatchRows& batch, bool relative) noexcept;

template <class T>
double total_weight(const DataSet<T>& data, const BatchRows& batch) noexcept {
  return batch_weight(data, batch, true).total;
}

}  // namespace lamina
