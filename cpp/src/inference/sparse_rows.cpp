// Rows of a user's compressed sparse matrix.
#include "inference/sparse_rows.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/layout.h"
#include "base/text.h"
#include "kernels/dispatch.h"

namespace lamina {

namespace {

using kernels::SourceType;

// Read once: the value that is checked is the one that is used.
int64_t index_at(const void* indices, bool wide, int64_t i) noexcept {
  return wide ? static_cast<const volatile int64_t*>(indices)[i]
              : static_cast<const volatile int32_t*>(indices)[i];
}

struct Range {
  int64_t first, last;
  int64_t count() const noexcept { return last - first; }
};

// The stored elements of a row, within the matrix whatever its starts say.
Range stored_of(const ArraySource& source, int64_t row) noexcept {
  const SparseLayout& layout = *source.sparse;
  const int64_t first = std::clamp<int64_t>(index_at(layout.starts, layout.wide, row), 0, layout.stored);
  const int64_t last =
      std::clamp<int64_t>(index_at(layout.starts, layout.wide, row + 1), first, layout.stored);
  return {first, last};
}

double value_at(const ArraySource& source, int64_t i) noexcept {
  if (source.type == SourceType::kF64) return static_cast<const double*>(source.data)[i];
  return static_cast<double>(static_cast<const float*>(source.data)[i]);
}

template <class Use>
void each_stored_of(const ArraySource& source, Range range, Use use) {
  for (int64_t i = range.first; i < range.last; ++i) {
    const int64_t column = index_at(source.sparse->columns, source.sparse->wide, i);
    if (column >= 0 && column < source.columns) use(column, i);
  }
}

int64_t source_row(const int64_t* indices, int64_t first_row, int64_t i) noexcept {
  return indices != nullptr ? indices[i] : first_row + i;
}

}  // namespace

void each_stored(const ArraySource& source, int64_t row, FunctionRef<void(int64_t, int64_t)> use) {
  each_stored_of(source, stored_of(source, row), use);
}

void check_sparse(const ArraySource& source, const char* where) {
  const auto fail = [&](TextParts what) {
    throw_error(Error::Kind::kValue, {where, ": expected compressed sparse rows ", what});
  };
  const SparseLayout& layout = *source.sparse;
  if (source.type != SourceType::kF32 && source.type != SourceType::kF64)
    throw_error(Error::Kind::kType, {where, ": expected sparse rows of float32 or float64"});
  if (source.columns > INT32_MAX) fail({"with fewer than 2^31 columns, got ", source.columns});
  const auto start = [&](int64_t row) { return index_at(layout.starts, layout.wide, row); };
  if (start(0) != 0 || start(source.rows) > layout.stored)
    fail({"that start at 0 and end within the ", layout.stored, " stored elements, got ", start(0), " and ",
          start(source.rows)});
  for (int64_t row = 0; row < source.rows; ++row) {
    if (start(row + 1) < start(row)) fail({"whose starts ascend, got others in row ", row});
    int64_t before = -1;
    for (int64_t i = start(row); i < start(row + 1); ++i) {
      const int64_t column = index_at(layout.columns, layout.wide, i);
      if (column <= before || column >= source.columns)
        fail({"with ascending columns below ", source.columns, " in each row, got ", column, " after ",
              before, " in row ", row});
      before = column;
    }
  }
}

int64_t most_stored(const ArraySource& source, const int64_t* indices, int64_t rows,
                    int64_t batch_rows) noexcept {
  int64_t most = 0, longest = 0;
  for (int64_t first = 0; first < rows; first += batch_rows) {
    int64_t sum = 0;
    for (int64_t i = first; i < std::min(rows, first + batch_rows); ++i) {
      const int64_t count = stored_of(source, source_row(indices, 0, i)).count();
      longest = std::max(longest, count);
      sum += count;
    }
    most = std::max(most, sum);
  }
  // One more row may join the last batch.
  return most + longest;
}

template <class T>
void place_sparse_rows(const ArraySource& source, const int64_t* indices, int64_t first_row, int64_t rows,
                       SparseInput<T>& to) noexcept {
  int64_t next = 0;
  for (int64_t i = 0; i < rows; ++i) {
    to.starts()[i] = next;
    next = std::min(to.capacity(), next + stored_of(source, source_row(indices, first_row, i)).count());
    to.ends()[i] = next;
  }
}

template <class T>
void gather_sparse_rows(const ArraySource& source, const int64_t* indices, int64_t first_row, int64_t first,
                        int64_t count, SparseInput<T>& to) noexcept {
  for (int64_t i = first; i < first + count; ++i) {
    int64_t place = to.starts()[i];
    const int64_t end = to.ends()[i];
    Range range = stored_of(source, source_row(indices, first_row, i));
    range.last = std::min(range.last, range.first + end - place);
    each_stored_of(source, range, [&](int64_t column, int64_t element) {
      to.columns()[place] = static_cast<int32_t>(column);
      to.values()[place++] = static_cast<T>(value_at(source, element));
    });
    for (; place < end; ++place) {
      to.columns()[place] = 0;
      to.values()[place] = T(0);
    }
  }
}

template <class T>
void compress_rows(const kernels::KernelTable<T>& table, const ArraySource& source, const int64_t* indices,
                   int64_t first_row, int64_t first, int64_t count, SparseInput<T>& to) noexcept {
  const int64_t stride = padded_columns<T>(source.columns);
  gather_inputs(table, {}, source, indices, first_row, count, to.values() + first * stride, stride);
  for (int64_t i = first; i < first + count; ++i) {
    const int64_t start = i * stride;
    to.starts()[i] = start;
    to.ends()[i] = start + table.keep_nonzero(source.columns, to.values() + start, to.columns() + start);
  }
}

double nonzeros_of_rows(const ArraySource& source) {
  constexpr int64_t kMostRows = 256;
  const kernels::KernelTable<double>& table = kernels::kernels<double>();
  AlignedBuffer<double> row(padded_columns<double>(source.columns));
  const int64_t rows = std::min(source.rows, kMostRows);
  double sum = 0.0;
  for (int64_t i = 0; i < rows; ++i) {
    gather_inputs(table, {}, source, nullptr, i * source.rows / rows, 1, row.data(), row.size());
    sum += static_cast<double>(std::count_if(row.begin(), row.end(), [](double x) { return x != 0.0; }));
  }
  return sum / static_cast<double>(rows);
}

template <class T>
void gather_as_dense(const RowOffset<T>& offset, const ArraySource& source, const int64_t* indices,
                     int64_t first_row, int64_t rows, T* out, int64_t out_row_stride) noexcept {
  const auto offset_of = [&](int64_t column) {
    const double high = offset.high != nullptr ? static_cast<double>(offset.high[column]) : 0.0;
    return high + (offset.low != nullptr ? static_cast<double>(offset.low[column]) : 0.0);
  };
  for (int64_t i = 0; i < rows; ++i) {
    T* row = out + i * out_row_stride;
    std::fill_n(row, padded_columns<T>(source.columns), T(0));
    for (int64_t column = 0; offset.high != nullptr && column < source.columns; ++column)
      row[column] = static_cast<T>(0.0 - offset_of(column));
    each_stored_of(source, stored_of(source, source_row(indices, first_row, i)),
                   [&](int64_t column, int64_t element) {
                     row[column] = static_cast<T>(value_at(source, element) - offset_of(column));
                   });
  }
}

#define LAMINA_INSTANTIATE(T)                                                                              \
  template void place_sparse_rows(const ArraySource&, const int64_t*, int64_t, int64_t,                    \
                                  SparseInput<T>&) noexcept;                                               \
  template void gather_sparse_rows(const ArraySource&, const int64_t*, int64_t, int64_t, int64_t,          \
                                   SparseInput<T>&) noexcept;                                              \
  template void compress_rows(const kernels::KernelTable<T>&, const ArraySource&, const int64_t*, int64_t, \
                              int64_t, int64_t, SparseInput<T>&) noexcept;                                 \
  template void gather_as_dense(const RowOffset<T>&, const ArraySource&, const int64_t*, int64_t, int64_t, \
                                T*, int64_t) noexcept;
LAMINA_INSTANTIATE(float)
LAMINA_INSTANTIATE(double)
#undef LAMINA_INSTANTIATE

}  // namespace lamina
