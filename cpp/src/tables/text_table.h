// Reads the rows of a text table block by block into columns of numbers and of coded texts.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "tables/row_scanner.h"
#include "tables/text_dictionary.h"

namespace lamina {

// What a column is read as.
enum class ColumnKind : char {
  kNumber = 'n',           // only empty cells are missing
  kMissingOrNumber = 'm',  // so are the texts that stand for missing values
  kText = 't',             // where the decimal mark is a comma, numbers are rewritten with a point
  kWrittenText = 'w',      // no cell is rewritten
  kSkipped = '-'
};

struct TextTableOptions {
  TextFormat format;
  bool decimal_comma = false;
  std::vector<ColumnKind> kinds;             // one for each cell of a row
  std::vector<std::string> missing;          // texts that stand for NaN among numbers, besides ""
  std::int64_t first_line = 1;               // the number of the text's first line, for errors
  std::size_t bytes_per_thread = 1U << 16U;  // a block is divided among threads down to this size
};

// A table never holds more of the text than a block: numbers become doubles at once, and texts become
// codes into a dictionary of their column.
//
// A column of numbers in which a text is found becomes kLate: its values so far are dropped, and it has to
// be read again as text.
class TextTable {
 public:
  explicit TextTable(TextTableOptions options);
  TextTable(const TextTable&) = delete;
  TextTable& operator=(const TextTable&) = delete;

  // Takes the next block of the text (UTF-8), cut anywhere. Throws Error kFormat, with the number of the
  // line, for a row of another number of cells, for quotes that are not closed or not followed by a
  // separator, and for a byte 0; the table is then of no more use.
  void add(std::string_view block);
  void finish();

  std::int64_t rows() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return columns_.size(); }
  bool is_late(std::size_t column) const { return columns_.at(column).late; }

  // The values of a number column [rows], NaN where missing; moved out.
  std::vector<double> take_numbers(std::size_t column);
  // The codes of a text column [rows] into its texts; moved out. The empty text is a missing cell.
  std::vector<std::int32_t> take_codes(std::size_t column);
  const TextDictionary& texts(std::size_t column) const { return columns_.at(column).dictionary; }

 private:
  struct Column {
    ColumnKind kind;
    bool late = false;
    std::vector<double> numbers;
    std::vector<std::int32_t> codes;
    TextDictionary dictionary;
  };

  // What one thread found in its part of a block.
  struct Part {
    const char* begin = nullptr;
    const char* end = nullptr;  // behind its last whole row
    RowScanner::Result result = RowScanner::Result::kEnd;
    std::size_t faulty_cells = 0;  // of a row of another length than the table's
    std::int64_t rows = 0;
    std::int64_t lines = 0;  // before `end`, or before the faulty row
    std::vector<std::vector<double>> numbers;
    std::vector<std::vector<std::string_view>> texts;
    std::vector<char> late;
    std::deque<std::string> rewritten;
  };

  void read(bool last);
  std::vector<const char*> cuts(std::size_t parts) const;
  void scan(Part& part, const char* limit, bool last) const;
  void add_row(Part& part, const std::vector<std::string_view>& cells) const;
  void append(std::size_t column, std::size_t parts);
  bool is_missing(std::string_view cell) const;
  void check(const Part& part) const;

  TextTableOptions options_;
  std::vector<Column> columns_;
  std::vector<Part> parts_;
  std::string text_;
  std::int64_t lines_before_;
  std::int64_t rows_ = 0;
};

}  // namespace lamina
