// What a training or evaluation call reads: the user's array as it lies in memory, targets and weights.
// Their owner may change them during the call, so nothing read from them is used as an index unchecked.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/kernel_table.h"
#include "layers/layer.h"
#include "layers/loss.h"

namespace lamina {

// Where the elements of compressed sparse rows (CSR) lie; the others are 0. Those of row r are
// [starts[r], starts[r + 1]), in ascending columns.
struct SparseLayout {
  const void* starts;   // [rows + 1]
  const void* columns;  // [stored]
  bool wide;            // both are int64, else int32
  int64_t stored;
};

// [rows, columns] of any supported type; strides in bytes, negative ones allowed.
struct ArraySource {
  const void* data = nullptr;
  kernels::SourceType type = kernels::SourceType::kF32;
  int64_t rows = 0, columns = 0;
  int64_t row_stride = 0, column_stride = 0;
  // Not null: `data` are the stored elements, float32 or float64, one after another.
  const SparseLayout* sparse = nullptr;
  // Of dense rows, not 0: about so many elements of a row are not 0, few enough for training to gather them
  // as sparse rows. It may be wrong: results do not depend on it.
  double stored_per_row = 0.0;
};

// Raises kType or kValue for sparse rows that are none; while they are read, only memory is safe.
void check_sparse(const ArraySource& source, const char* where);

// Raises kValue unless there are so many columns and at least so many rows; sparse rows are checked.
void check_shape(const ArraySource& inputs, int64_t columns, int64_t least_rows, const char* where);

template <class T>
struct DataSet {
  ArraySource inputs;
  Targets<T> targets;
  const double* sample_weights = nullptr;  // [rows], at least 0; null: all 1
};

// A class index that a network with that number of outputs does not have.
struct WrongClass {
  int64_t row;
  int32_t found;
};

// Copies the classes of rows (indices[i], or first_row + i where indices is null) to `out`; one that is not
// in [0, outputs) becomes 0, and the first of those is returned.
inline std::optional<WrongClass> gather_classes(const int32_t* classes, const int64_t* indices,
                                                int64_t first_row, int64_t rows, int64_t outputs,
                                                int32_t* out) noexcept {
  std::optional<WrongClass> wrong;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = indices == nullptr ? first_row + i : indices[i];
    // Volatile: the value that is checked is the one that is used.
    const int32_t found = *static_cast<const volatile int32_t*>(classes + row);
    const bool known = found >= 0 && found < outputs;
    if (!known && !wrong) wrong = WrongClass{row, found};
    out[i] = known ? found : 0;
  }
  return wrong;
}

[[noreturn]] void fail_wrong_class(const char* where, const WrongClass& wrong, int64_t outputs);

// Sparse rows, for gather_inputs.
template <class T>
void gather_as_dense(const RowOffset<T>& offset, const ArraySource& source, const int64_t* indices,
                     int64_t first_row, int64_t rows, T* out, int64_t out_row_stride) noexcept;

// Copies rows (indices[i], or first_row + i where indices is null) as T into padded rows, less `offset`.
// `following`: how many more indices come after these, of rows that are gathered later.
template <class T>
void gather_inputs(const kernels::KernelTable<T>& table, const RowOffset<T>& offset,
                   const ArraySource& source, const int64_t* indices, int64_t first_row, int64_t rows, T* out,
                   int64_t out_row_stride, int64_t following = 0) noexcept {
  if (source.sparse != nullptr)
    return gather_as_dense(offset, source, indices, first_row, rows, out, out_row_stride);
  table.gather_rows({rows, source.columns, source.data, source.type, source.row_stride, source.column_stride,
                     indices, following, first_row, out, out_row_stride, offset.high, offset.low});
}

}  // namespace lamina
