// Splits the text of a table into rows of cells.
#include "tables/row_scanner.h"

#include <algorithm>
#include <cstring>

namespace lamina {
namespace {

// White space of ASCII as str.strip knows it: tab to carriage return, 0x1C to 0x1F, and the blank.
bool is_ascii_space(unsigned char c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
}

// The white space of Unicode beyond ASCII, as UTF-8.
constexpr std::string_view kWideSpaces[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80",
                                            "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84",
                                            "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
                                            "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9",
                                            "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

bool is_visible_ascii(char c) { return c > ' ' && c < 0x7F; }

size_t leading_space(std::string_view text) {
  if (is_ascii_space(static_cast<unsigned char>(text.front()))) return 1;
  if (static_cast<unsigned char>(text.front()) < 0x80) return 0;
  for (const std::string_view space : kWideSpaces) {
    if (text.starts_with(space)) return space.size();
  }
  return 0;
}

size_t trailing_space(std::string_view text) {
  if (is_ascii_space(static_cast<unsigned char>(text.back()))) return 1;
  if (static_cast<unsigned char>(text.back()) < 0x80) return 0;
  for (const std::string_view space : kWideSpaces) {
    if (text.ends_with(space)) return space.size();
  }
  return 0;
}

}  // namespace

std::string_view strip(std::string_view text) {
  if (!text.empty() && is_visible_ascii(text.front()) && is_visible_ascii(text.back())) return text;
  for (size_t n = 0; !text.empty() && (n = leading_space(text)) > 0;) text.remove_prefix(n);
  for (size_t n = 0; !text.empty() && (n = trailing_space(text)) > 0;) text.remove_suffix(n);
  return text;
}

RowScanner::RowScanner(const TextFormat& format, const char* begin, const char* end, bool last,
                       std::deque<std::string>& unescaped)
    : format_(format), at_(begin), end_(end), last_(last), unescaped_(unescaped) {
  for (const char c : {format.separator, '\n', '\r', '\0'}) stops_[static_cast<unsigned char>(c)] = true;
  if (format.separator == ' ') stops_[static_cast<unsigned char>('\t')] = true;
}

void RowScanner::skip_blanks(const char*& at) const {
  while (*at == ' ' || (*at == '\t' && format_.separator != '\t')) ++at;
}

// False where the text ends before it is known whether the line ends with \r or \r\n.
bool RowScanner::skip_line_end(const char*& at) const {
  if (at == end_) return last_;
  if (*at == '\r') {
    if (at + 1 == end_ && !last_) return false;
    if (at[1] == '\n') ++at;
  }
  ++at;
  return true;
}

// Skips empty lines and comments; kRow where a row begins.
RowScanner::Result RowScanner::skip_to_row(const char* limit) {
  while (at_ < limit && at_ < end_) {
    const char* at = at_;
    skip_blanks(at);
    if (format_.comment != 0 && *at == format_.comment) {
      while (!ends_line(at)) ++at;
    } else if (!ends_line(at)) {
      return Result::kRow;
    }
    if (!skip_line_end(at)) return Result::kIncomplete;
    at_ = at;
    ++lines_;
  }
  return Result::kEnd;
}

RowScanner::Result RowScanner::next(const char* limit) {
  const Result beginning = skip_to_row(limit);
  if (beginning != Result::kRow) return beginning;
  lines_in_quotes_ = 0;
  const char* at = at_;
  const Result result = scan_cells(at);
  if (result == Result::kRow) {
    at_ = at;
    lines_before_row_ = lines_;
    lines_ += 1 + lines_in_quotes_;
  }
  return result;
}

RowScanner::Result RowScanner::scan_cells(const char*& at) {
  cells_.clear();
  for (;;) {
    skip_blanks(at);
    if (format_.quote != 0 && *at == format_.quote) {
      const Result result = scan_quoted(at);
      if (result != Result::kRow) return result;
    } else if (format_.separator != ' ' || !ends_line(at)) {
      const char* const begin = at;
      while (!stops_cell(at)) ++at;
      cells_.push_back(strip({begin, at}));
    }
    if (ends_line(at)) return skip_line_end(at) ? Result::kRow : Result::kIncomplete;
    if (format_.separator != ' ') ++at;
  }
}

// Reads the cell whose opening quote is at `at`, and the blanks behind it.
RowScanner::Result RowScanner::scan_quoted(const char*& at) {
  const char* const begin = ++at;
  bool doubled = false;
  for (;; at += 2, doubled = true) {
    at = static_cast<const char*>(std::memchr(at, format_.quote, static_cast<size_t>(end_ - at)));
    if (at == nullptr) return last_ ? Result::kOpenQuote : Result::kIncomplete;
    if (at + 1 == end_ && !last_) return Result::kIncomplete;
    if (at[1] != format_.quote) break;
  }
  std::string_view cell(begin, at);
  ++at;
  lines_in_quotes_ += std::count(cell.begin(), cell.end(), '\n');
  if (doubled) {
    std::string& single = unescaped_.emplace_back();
    for (size_t i = 0; i < cell.size(); ++i) {
      single += cell[i];
      if (cell[i] == format_.quote) ++i;
    }
    cell = single;
  }
  cells_.push_back(strip(cell));
  skip_blanks(at);
  return stops_cell(at) || format_.separator == ' ' ? Result::kRow : Result::kBehindQuote;
}

}  // namespace lamina
