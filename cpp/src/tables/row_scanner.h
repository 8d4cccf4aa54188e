// Splits the text of a table into rows of cells.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace lamina {

// How a table is written; 0 stands for no such character.
struct TextFormat {
  char separator = ',';  // a blank stands for runs of blanks and tabs
  char quote = '"';
  char comment = 0;
};

// Cells are stripped of white space as Python's str.strip does it, without the quotes around them and with
// doubled quotes in them made single. Blanks may stand before and after a quoted cell. Lines end with \n,
// \r\n or \r; empty lines and those that begin with the comment character are no rows.
class RowScanner {
 public:
  enum class Result {
    kRow,          // a row of cells
    kEnd,          // nothing but empty lines up to the limit or the end
    kIncomplete,   // the row goes on behind the text
    kOpenQuote,    // the text ends within quotes
    kBehindQuote,  // something stands between a closing quote and the next separator
  };

  // The text must be followed by a byte 0 (as that of a std::string is) and hold none itself. With `last`
  // its end is that of a line. Cells with doubled quotes are kept in `unescaped`.
  RowScanner(const TextFormat& format, const char* begin, const char* end, bool last,
             std::deque<std::string>& unescaped);

  // Reads the next row if it begins before `limit`. The views last as long as the text and `unescaped`.
  Result next(const char* limit);

  const std::vector<std::string_view>& cells() const noexcept { return cells_; }

  // Where the next row may begin: that of an error begins there.
  const char* position() const noexcept { return at_; }
  // Line ends before the last row that was read, and before position().
  std::int64_t lines_before_row() const noexcept { return lines_before_row_; }
  std::int64_t lines() const noexcept { return lines_; }

 private:
  bool stops_cell(const char* at) const { return stops_[static_cast<unsigned char>(*at)]; }
  void skip_blanks(const char*& at) const;
  bool ends_line(const char* at) const { return at == end_ || *at == '\n' || *at == '\r'; }
  bool skip_line_end(const char*& at) const;
  Result skip_to_row(const char* limit);
  Result scan_quoted(const char*& at);
  Result scan_cells(const char*& at);

  TextFormat format_;
  const char* at_;
  const char* end_;
  bool last_;
  std::deque<std::string>& unescaped_;
  std::array<bool, 256> stops_{};
  std::vector<std::string_view> cells_;
  std::int64_t lines_ = 0;
  std::int64_t lines_before_row_ = 0;
  std::int64_t lines_in_quotes_ = 0;
};

// `text` (UTF-8) without the white space at its ends.
std::string_view strip(std::string_view text);

}  // namespace lamina
