// Reads the rows of a text table block by block into columns.
#include "tables/text_table.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "tables/plain_number.h"

namespace lamina {
namespace {

using Result = RowScanner::Result;

// No table has such rows; where quotes are not closed, this ends the search for their end.
constexpr size_t kLongestRow = size_t{1} << 26;

bool is_text(ColumnKind kind) { return kind == ColumnKind::kText || kind == ColumnKind::kWrittenText; }

[[noreturn]] void fail(std::int64_t line, TextParts problem) {
  throw_error(Error::Kind::kFormat, {"line ", line, ": ", problem});
}

}  // namespace

TextTable::TextTable(TextTableOptions options)
    : options_(std::move(options)), lines_before_(options_.first_line) {
  columns_.reserve(options_.kinds.size());
  for (const ColumnKind kind : options_.kinds) columns_.push_back({kind, false, {}, {}, {}});
}

void TextTable::add(std::string_view block) {
  text_.append(block);
  if (!block.empty() && std::memchr(block.data(), 0, block.size()) != nullptr) {
    const auto lines =
        std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(text_.find('\0')), '\n');
    fail(lines_before_ + lines, {"a byte 0, which no text holds"});
  }
  read(false);
  if (text_.size() > kLongestRow) fail(lines_before_, {"a row of more than 64 MiB begins here"});
}

void TextTable::finish() {
  read(true);
  for (Column& column : columns_) column.dictionary.seal();
}

// Parts begin behind a line end, where a row begins unless the line end stands in quotes. Whether it does
// is known when the part before has been read; then the part is read again from the right place.
void TextTable::read(bool last) {
  const size_t threads = static_cast<size_t>(get_num_threads());
  const std::vector<const char*> bounds =
      cuts(std::clamp<size_t>(text_.size() / options_.bytes_per_thread, 1, threads));
  const size_t parts = bounds.size() - 1;
  if (parts_.size() < parts) parts_.resize(parts);
  std::atomic<size_t> next{0};
  run_team(static_cast<int>(parts), [&](Team&) {
    for (size_t i = 0; (i = next.fetch_add(1)) < parts;) {
      parts_[i].begin = bounds[i];
      scan(parts_[i], bounds[i + 1], last);
    }
  });
  const char* position = text_.data();
  for (size_t i = 0; i < parts; ++i) {
    if (parts_[i].begin != position) {
      parts_[i].begin = position;
      scan(parts_[i], bounds[i + 1], last);
    }
    lines_before_ += parts_[i].lines;
    check(parts_[i]);
    position = parts_[i].end;
    rows_ += parts_[i].rows;
  }
  next = 0;
  run_team(static_cast<int>(std::min(threads, columns_.size())), [&](Team&) {
    for (size_t i = 0; (i = next.fetch_add(1)) < columns_.size();) append(i, parts);
  });
  text_.erase(0, static_cast<size_t>(position - text_.data()));
}

// The bounds of about even parts of the text, each but the first behind a line end.
std::vector<const char*> TextTable::cuts(size_t parts) const {
  const char* const begin = text_.data();
  const char* const end = begin + text_.size();
  std::vector<const char*> bounds{begin};
  for (size_t i = 1; i < parts; ++i) {
    const char* const from = std::max(bounds.back(), begin + text_.size() * i / parts);
    const void* const line_end = std::memchr(from, '\n', static_cast<size_t>(end - from));
    if (line_end == nullptr) break;
    bounds.push_back(static_cast<const char*>(line_end) + 1);
  }
  bounds.push_back(end);
  return bounds;
}

void TextTable::scan(Part& part, const char* limit, bool last) const {
  part.rows = 0;
  part.faulty_cells = columns_.size();
  part.numbers.resize(columns_.size());
  part.texts.resize(columns_.size());
  part.late.assign(columns_.size(), 0);
  for (auto& numbers : part.numbers) numbers.clear();
  for (auto& texts : part.texts) texts.clear();
  part.rewritten.clear();
  RowScanner scanner(options_.format, part.begin, text_.data() + text_.size(), last, part.rewritten);
  while ((part.result = scanner.next(limit)) == Result::kRow) {
    if (scanner.cells().size() != columns_.size()) {
      part.faulty_cells = scanner.cells().size();
      break;
    }
    add_row(part, scanner.cells());
    ++part.rows;
  }
  part.end = scanner.position();
  part.lines = part.result == Result::kRow ? scanner.lines_before_row() : scanner.lines();
}

void TextTable::add_row(Part& part, const std::vector<std::string_view>& cells) const {
  for (size_t i = 0; i < cells.size(); ++i) {
    const Column& column = columns_[i];
    if (column.kind == ColumnKind::kSkipped || column.late || part.late[i] != 0) continue;
    std::string_view cell = cells[i];
    if (options_.decimal_comma && column.kind != ColumnKind::kWrittenText) {
      std::string point;
      if (rewrite_decimal_comma(cell, point)) cell = part.rewritten.emplace_back(std::move(point));
    }
    if (is_text(column.kind)) {
      part.texts[i].push_back(cell);
      continue;
    }
    double value = std::numeric_limits<double>::quiet_NaN();
    if (cell.empty() || parse_plain_number(cell, value) ||
        (column.kind == ColumnKind::kMissingOrNumber && is_missing(cell))) {
      part.numbers[i].push_back(value);
    } else {
      part.late[i] = 1;
    }
  }
}

bool TextTable::is_missing(std::string_view cell) const {
  return std::find(options_.missing.begin(), options_.missing.end(), cell) != options_.missing.end();
}

// Moves what all parts found in a column to the table.
void TextTable::append(size_t index, size_t parts) {
  Column& column = columns_[index];
  for (size_t i = 0; i < parts && is_text(column.kind); ++i) {
    column.dictionary.append_codes(parts_[i].texts[index], column.codes);
  }
  for (size_t i = 0; i < parts; ++i) column.late = column.late || parts_[i].late[index] != 0;
  if (column.late) column.numbers = {};
  for (size_t i = 0; i < parts && !column.late; ++i) {
    const std::vector<double>& numbers = parts_[i].numbers[index];
    column.numbers.insert(column.numbers.end(), numbers.begin(), numbers.end());
  }
}

void TextTable::check(const Part& part) const {
  if (part.faulty_cells != columns_.size()) {
    fail(lines_before_, {"expected ", columns_.size(), " cells, got ", part.faulty_cells});
  }
  if (part.result == Result::kOpenQuote) fail(lines_before_, {"quotes that open in this row are not closed"});
  if (part.result == Result::kBehindQuote) {
    fail(lines_before_, {"expected a separator behind the closing quote of a cell"});
  }
}

std::vector<double> TextTable::take_numbers(size_t column) {
  return std::exchange(columns_.at(column).numbers, {});
}

std::vector<std::int32_t> TextTable::take_codes(size_t column) {
  return std::exchange(columns_.at(column).codes, {});
}

}  // namespace lamina
