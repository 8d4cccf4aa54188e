// Rows of a user's compressed sparse matrix, read into a workspace or made dense.
#pragma once

#include <cstdint>

#include "base/function_ref.h"
#include "inference/data.h"
#include "network/workspace.h"

namespace lamina {

// Calls use(column, element) for the elements that a row stores, in columns that the matrix has.
void each_stored(const ArraySource& source, int64_t row, FunctionRef<void(int64_t, int64_t)> use);

// Stored elements of the largest batch, where rows (indices[i], or i where indices is null) come in batches
// of `batch_rows`.
int64_t most_stored(const ArraySource& source, const int64_t* indices, int64_t rows,
                    int64_t batch_rows) noexcept;

// Rows (indices[i], or first_row + i) into `to`, in two steps: where each of `rows` rows will stand, by one
// thread, and then the elements of rows [first, first + count), by any. Where the matrix has changed
// meanwhile elements are left out, but nothing is read or written outside of it.
template <class T>
void place_sparse_rows(const ArraySource& source, const int64_t* indices, int64_t first_row, int64_t rows,
                       SparseInput<T>& to) noexcept;
template <class T>
void gather_sparse_rows(const ArraySource& source, const int64_t* indices, int64_t first_row, int64_t first,
                        int64_t count, SparseInput<T>& to) noexcept;

// Of dense rows those elements that are not 0: rows (indices[i], or first_row + i) become rows
// [first, first + count) of `to`, which has room for whole padded rows.
template <class T>
void compress_rows(const kernels::KernelTable<T>& table, const ArraySource& source, const int64_t* indices,
                   int64_t first_row, int64_t first, int64_t count, SparseInput<T>& to) noexcept;

// How many elements of a dense row are not 0, in the mean over some of at least one row.
double nonzeros_of_rows(const ArraySource& source);

}  // namespace lamina
