// One column of a table on its way into the matrix: distinct texts are read once, numbers row by row.
#pragma once

#include <cstdint>
#include <vector>

#include "tables/column_encoder.h"
#include "tables/preprocessor.h"

namespace lamina {

class ColumnRows {
 public:
  // Both must outlive it. Throws CellError, and Error kValue for a code without a text.
  ColumnRows(const ColumnEncoder& encoder, const Column& column);

  // What was found among some rows.
  struct Tally {
    std::int64_t missing = 0;
    std::int64_t outside = 0;
    double farthest = 0.0;
    double distance = -1.0;        // of the farthest one from the middle of the training range
    std::int64_t beyond_row = -1;  // of the first number that is too great
    double beyond = 0.0;

    void add(const Tally& later);
  };

  // Writes rows [first, last) to out, which is that of row `first`; `stride` numbers from row to row.
  void write(std::int64_t first, std::int64_t last, float* out, std::int64_t stride, Tally& tally) const;
  // Adds the issues of the whole column, whose rows' tally is given. Throws CellError where a number is
  // beyond.
  void report(Tally tally, std::vector<ColumnIssue>& issues) const;

 private:
  void read_cells();
  void read_used_cells();
  void count_rows();
  std::vector<std::int64_t> first_rows() const;
  void tally_cells(Tally& tally) const;
  void note(const Finding& finding, std::int64_t row, Tally& tally) const;
  void report_unseen(std::vector<ColumnIssue>& issues) const;

  const ColumnEncoder& encoder_;
  const Column& column_;
  // Of columns whose distinct values are read once, by code; rows are encoded one by one where it is null.
  const std::int32_t* codes_ = nullptr;
  bool as_read_ = false;
  std::vector<std::int32_t> own_codes_;
  std::vector<Cell> cells_;
  std::vector<float> values_;  // [codes, inputs]
  std::vector<Finding> findings_;
  std::vector<std::int64_t> counts_;  // rows of each; empty where nothing was found
};

}  // namespace lamina
