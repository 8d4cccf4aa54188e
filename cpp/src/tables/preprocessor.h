// From the columns or rows of a table to the compact float32 matrix that a network reads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/json.h"
#include "tables/column.h"
#include "tables/column_encoder.h"

namespace lamina {

// Rows of a column that hold what its training rows did not.
struct ColumnIssue {
  std::string column;
  Finding::Kind kind;
  std::int64_t rows;
  // One of the values: the most frequent unseen category, the farthest number or date; empty for missing
  // ones.
  std::string example;
};

// What a Preprocessor of Python has learned, applied. All members are const, so any number of threads may use
// one at once.
class Preprocessor {
 public:
  // `record` and `tensors` are those that Python's Preprocessor.to_record gives. Throws Error kValue where a
  // field or tensor is missing, unknown or wrong.
  Preprocessor(const Json& record, std::vector<RecordTensor> tensors);

  // The columns that it reads, in the order of the matrix.
  const std::vector<std::string>& columns() const noexcept { return names_; }
  // The column's place among them; -1 where there is none.
  int find(std::string_view name) const;
  // The place among `names` of each column that it reads; throws Error kValue where one is not there.
  std::vector<std::size_t> places_among(std::span<const std::string_view> names) const;
  std::int64_t inputs() const noexcept { return inputs_; }
  // The description of the network's first layer.
  Json layer() const;

  // cells[columns] -> out[inputs], as of a table of this one row; adds to `issues`. Throws CellError for a
  // value that is not of its column's kind.
  void encode_row(std::span<const Cell> cells, float* out, std::vector<ColumnIssue>& issues) const;
  // Raises Error kValue where a row of so many cells has not one for each column.
  void check_cells(std::size_t count) const;

  // A column of a table and its place among columns().
  struct Source {
    std::size_t place;
    Column column;
  };
  // sources -> out[rows, inputs], of which only their numbers are written, on as many threads as the work
  // repays; adds to `issues` by source. Throws CellError as above, Error kValue for columns of unequal
  // lengths and codes without a text. `stop` is asked now and then, and true leaves the rest undone.
  void encode(std::span<const Source> sources, float* out, std::vector<ColumnIssue>& issues,
              FunctionRef<bool()> stop) const;

 private:
  std::shared_ptr<const MissingTexts> missing_;
  std::vector<std::unique_ptr<ColumnEncoder>> encoders_;
  std::vector<std::string> names_;
  std::vector<std::int64_t> offsets_;  // of each column's numbers in a row
  TextMap<int> places_;
  std::int64_t inputs_ = 0;
};

}  // namespace lamina
