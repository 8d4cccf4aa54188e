// Checks rows before the core reads them.
#include "c_api/input_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/json_reader.h"
#include "base/text.h"
#include "c_api/guard.h"
#include "c_api/options.h"
#include "c_api/sized.h"
#include "inference/sparse_rows.h"
#include "inference/values_within.h"

namespace lamina::c {
namespace {

constexpr lamina_sparse_rows kNoSparseRows = LAMINA_SPARSE_ROWS_INIT;

// None of these makes a text before something is wrong: predictors do not allocate.
std::size_t size_of(const lamina_type& type, const char* name) {
  switch (number_of(type)) {
    case LAMINA_FLOAT32:
      return sizeof(float);
    case LAMINA_FLOAT64:
      return sizeof(double);
    default:
      fail_value({name, " has type ", number_of(type), "; expected LAMINA_FLOAT32 or LAMINA_FLOAT64"});
  }
}

// rows * bytes of a row, within the address space.
void check_extent(std::int64_t rows, std::size_t row_bytes, const char* name) {
  constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
  if (rows > 0 && row_bytes > kMost / static_cast<std::size_t>(rows))
    fail_value(
        {name, " would have ", rows, " rows of ", row_bytes, " bytes, more than the address space holds"});
}

double number_at(const ArraySource& source, std::int64_t row, std::int64_t column) noexcept {
  const auto* at = static_cast<const unsigned char*>(source.data) + row * source.row_stride +
                   column * source.column_stride;
  if (source.type == kernels::SourceType::kF64) return *reinterpret_cast<const double*>(at);
  return static_cast<double>(*reinterpret_cast<const float*>(at));
}

[[noreturn]] void refuse_value(const char* name, double value, std::int64_t row, std::int64_t column) {
  const std::string place = concat({" in row ", row, ", column ", column});
  if (std::isfinite(value))
    fail_value({name, " holds ", shown(value), place,
                ", beyond float32's range (3.4e38); scale it, or use a network of float64"});
  fail_value({"expected finite numbers in ", name, ", got ", shown(value), place});
}

}  // namespace

void check_aligned(const void* array, std::size_t alignment, const char* name) {
  if (reinterpret_cast<std::uintptr_t>(array) % alignment != 0)
    fail_value({name, " is not aligned; expected an address that is a multiple of ", alignment});
}

ArraySource source_of(const void* x, const lamina_type& type, std::size_t rows, std::size_t stride,
                      std::int64_t columns, const char* name) {
  const std::size_t size = size_of(type, name);
  const std::int64_t count = count_of(rows, "rows");
  if (x == nullptr && rows > 0)
    fail_value({name, " is NULL; expected ", rows, " rows of ", columns, " numbers"});
  const std::size_t row_bytes = static_cast<std::size_t>(columns) * size;
  if (stride % size != 0)
    fail_value({"the stride of ", name, " is ", stride, " bytes; expected a multiple of ", size,
                ", or 0 for rows without gaps"});
  check_aligned(x, size, name);
  const std::size_t step = stride == 0 ? row_bytes : stride;
  check_extent(count, std::max(step, row_bytes), name);
  const bool wide = size == sizeof(double);
  return {x,
          wide ? kernels::SourceType::kF64 : kernels::SourceType::kF32,
          count,
          columns,
          static_cast<std::int64_t>(step),
          static_cast<std::int64_t>(size)};
}

void check_results(const void* results, std::size_t rows, std::int64_t columns, std::size_t element_size,
                   const char* name) {
  const std::int64_t count = count_of(rows, "rows");
  check_extent(count, static_cast<std::size_t>(columns) * element_size, name);
  if (results == nullptr && rows > 0 && columns > 0)
    fail_value({name, " is NULL; expected room for ", rows, " rows of ", columns, " numbers"});
}

SparseSource::SparseSource(const lamina_sparse_rows& given, std::size_t rows, std::int64_t columns,
                           const char* where) {
  const lamina_sparse_rows own = sized_copy(given, kNoSparseRows, "sparse rows");
  const std::size_t size = size_of(own.type, "sparse rows");
  const std::int64_t count = count_of(rows, "rows"), stored = count_of(own.stored, "stored");
  const bool wide = own.wide_indices == 1;
  if (!wide && own.wide_indices != 0) fail_value({"wide_indices is ", own.wide_indices, "; expected 0 or 1"});
  const auto check_array = [&](const void* array, const char* name, std::size_t elements,
                               std::size_t element) {
    if (array == nullptr && elements > 0)
      fail_value({name, " of sparse rows is NULL; expected ", elements, " numbers"});
    check_aligned(array, element, name);
  };
  const std::size_t index = wide ? sizeof(std::int64_t) : sizeof(std::int32_t);
  check_array(own.values, "values", own.stored, size);
  check_array(own.indices, "indices", own.stored, index);
  check_array(own.indptr, "indptr", rows + 1, index);
  layout_ = {own.indptr, own.indices, wide, stored};
  const auto step = static_cast<std::int64_t>(size);
  source_ = {own.values, size == sizeof(double) ? kernels::SourceType::kF64 : kernels::SourceType::kF32,
             count,      columns,
             0,          step};
  source_.sparse = &layout_;
  check_sparse(source_, where);
}

InputRules::InputRules(const Json& first_layer) {
  const Json& kind = first_layer.at("kind");
  all_may_miss_ = kind.is("column_encoding");
  if (kind.is("embedding") || kind.is("piecewise_linear") || kind.is("periodic"))
    for (const Json& column : first_layer.at("columns").elements()) may_miss_.push_back(column.integer());
}

bool InputRules::may_miss(std::int64_t column) const noexcept {
  return all_may_miss_ || std::binary_search(may_miss_.begin(), may_miss_.end(), column);
}

void InputRules::check(const ArraySource& inputs, bool is_double, const char* name) const {
  const bool narrow = !is_double || inputs.type == kernels::SourceType::kF32;
  const double limit =
      narrow ? static_cast<double>(std::numeric_limits<float>::max()) : std::numeric_limits<double>::max();
  if (inputs.rows == 0) return;
  if (inputs.sparse != nullptr) return check_sparse_values(inputs, limit, name);
  if (values_within(inputs, limit, all_may_miss_)) return;
  for (std::int64_t row = 0; row < inputs.rows; ++row)
    for (std::int64_t column = 0; column < inputs.columns; ++column) {
      const double value = number_at(inputs, row, column);
      if (!(std::fabs(value) <= limit) && !(std::isnan(value) && may_miss(column)))
        refuse_value(name, value, row, column);
    }
}

// NaN may stand where all columns may miss values alone, as in Python.
void InputRules::check_sparse_values(const ArraySource& inputs, double limit, const char* name) const {
  ArraySource stored = inputs;
  stored.sparse = nullptr;
  stored.rows = 1;
  stored.columns = inputs.sparse->stored;
  if (stored.columns == 0 || values_within(stored, limit, all_may_miss_)) return;
  for (std::int64_t row = 0; row < inputs.rows; ++row)
    each_stored(inputs, row, [&](std::int64_t column, std::int64_t element) {
      const double value = number_at(stored, 0, element);
      if (!(std::fabs(value) <= limit) && !(std::isnan(value) && all_may_miss_))
        refuse_value(name, value, row, column);
    });
}

}  // namespace lamina::c
