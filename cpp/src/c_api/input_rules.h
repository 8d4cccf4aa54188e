// What numbers a network takes as inputs, and rows of the caller's as the core reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/json.h"
#include "inference/data.h"
#include "lamina/lamina.h"

namespace lamina::c {

// [rows, columns] at `x`, `stride` bytes from row to row (0: contiguous); `name` is the argument's. Refuses
// NULL where there are rows, types that there are not, addresses that are not aligned and sizes beyond the
// address space.
ArraySource source_of(const void* x, const lamina_type& type, std::size_t rows, std::size_t stride,
                      std::int64_t columns, const char* name);

// An address that numbers of this alignment may have; makes no text before it is wrong.
void check_aligned(const void* array, std::size_t alignment, const char* name);

// Compressed rows of the caller's as the core reads them. Refuses what is no such matrix, in sentences that
// open with `where`.
class SparseSource {
 public:
  SparseSource(const lamina_sparse_rows& given, std::size_t rows, std::int64_t columns, const char* where);
  SparseSource(const SparseSource&) = delete;
  SparseSource& operator=(const SparseSource&) = delete;

  const ArraySource& get() const noexcept { return source_; }

 private:
  SparseLayout layout_{};
  ArraySource source_;
};

// Refuses an array of results that is NULL or larger than the address space.
void check_results(const void* results, std::size_t rows, std::int64_t columns, std::size_t element_size,
                   const char* name);

// Which inputs may be missing values: those of a table, and columns that a first layer embeds.
class InputRules {
 public:
  // Of the network whose first layer is described so.
  explicit InputRules(const Json& first_layer);

  // Refuses NaN where there may be none, infinity, and for a network of float32 what is beyond its range.
  void check(const ArraySource& inputs, bool is_double, const char* name) const;

 private:
  bool may_miss(std::int64_t column) const noexcept;
  void check_sparse_values(const ArraySource& inputs, double limit, const char* name) const;

  bool all_may_miss_ = false;
  std::vector<std::int64_t> may_miss_;
};

}  // namespace lamina::c
