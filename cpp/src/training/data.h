// What a training or evaluation call reads: the user's array as it lies in memory, targets and weights.
#pragma once

#include <cstdint>

#include "kernels/kernel_table.h"
#include "layers/layer.h"
#include "layers/loss.h"

namespace lamina {

// [rows, columns] of any supported type; strides in bytes, negative ones allowed.
struct ArraySource {
  const void* data = nullptr;
  kernels::SourceType type = kernels::SourceType::kF32;
  int64_t rows = 0, columns = 0;
  int64_t row_stride = 0, column_stride = 0;
};

template <class T>
struct DataSet {
  ArraySource inputs;
  Targets<T> targets;
  const T* sample_weights = nullptr;  // [rows], at least 0; null: all 1
};

// Copies rows (indices[i], or first_row + i where indices is null) as T into padded rows, less `offset`.
template <class T>
void gather_inputs(const kernels::KernelTable<T>& table, const RowOffset<T>& offset,
                   const ArraySource& source, const int64_t* indices, int64_t first_row, int64_t rows, T* out,
                   int64_t out_row_stride) noexcept {
  table.gather_rows({rows, source.columns, source.data, source.type, source.row_stride, source.column_stride,
                     indices, first_row, out, out_row_stride, offset.high, offset.low});
}

}  // namespace lamina
