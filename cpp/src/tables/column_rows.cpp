// Writes a column's rows: through a table of its distinct values, or number by number.
#include "tables/column_rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"
#include "tables/distinct_cells.h"
#include "tables/text_value.h"
#include "tables/utf8.h"

namespace lamina {
namespace {

using Kind = Finding::Kind;

std::vector<Cell> cells_of(const TextColumn& column) {
  std::vector<Cell> cells;
  cells.reserve(column.texts.size());
  for (const auto& text : column.texts) {
    cells.emplace_back();
    if (text) cells.back() = *text;
  }
  return cells;
}

}  // namespace

void ColumnRows::Tally::add(const Tally& later) {
  missing += later.missing;
  outside += later.outside;
  if (later.distance > distance) {
    distance = later.distance;
    farthest = later.farthest;
  }
  if (beyond_row < 0) {
    beyond_row = later.beyond_row;
    beyond = later.beyond;
  }
}

ColumnRows::ColumnRows(const ColumnEncoder& encoder, const Column& column)
    : encoder_(encoder), column_(column) {
  if (const auto* texts = std::get_if<TextColumn>(&column)) {
    codes_ = texts->codes;
    as_read_ = texts->as_read;
    cells_ = cells_of(*texts);
    // A negative code is a great one without its sign.
    std::uint32_t greatest = 0;
    for (std::int64_t row = 0; row < texts->rows; ++row)
      greatest = std::max(greatest, static_cast<std::uint32_t>(codes_[row]));
    if (texts->rows > 0 && greatest >= cells_.size())
      throw_error(Error::Kind::kValue, {"column '", encoder.name(), "': expected codes of its ",
                                        cells_.size(), " texts, got ", static_cast<std::int32_t>(greatest)});
  } else {
    const bool numbers = std::holds_alternative<NumberColumn>(column);
    if (encoder.kind() == (numbers ? ColumnEncoder::Kind::kNumber : ColumnEncoder::Kind::kDate)) return;
    DistinctCells distinct = numbers ? distinct_cells(std::get<NumberColumn>(column))
                                     : distinct_cells(std::get<DateColumn>(column));
    cells_ = std::move(distinct.cells);
    own_codes_ = std::move(distinct.codes);
    codes_ = own_codes_.data();
  }
  read_cells();
}

void ColumnRows::read_cells() {
  values_.resize(cells_.size() * static_cast<std::size_t>(encoder_.inputs()));
  findings_.resize(cells_.size());
  try {
    encoder_.encode_cells(cells_, as_read_, values_.data(), findings_.data());
  } catch (const Error&) {
    // It may lie in a text that no row holds.
    read_used_cells();
  }
  const bool any = std::any_of(findings_.begin(), findings_.end(),
                               [](const Finding& finding) { return finding.kind != Kind::kNothing; });
  if (any) count_rows();
}

void ColumnRows::read_used_cells() {
  count_rows();
  std::vector<std::size_t> used;
  std::vector<Cell> cells;
  for (std::size_t code = 0; code < cells_.size(); ++code) {
    if (counts_[code] == 0) continue;
    used.push_back(code);
    cells.push_back(cells_[code]);
  }
  const auto width = static_cast<std::size_t>(encoder_.inputs());
  std::vector<float> values(cells.size() * width);
  std::vector<Finding> findings(cells.size());
  try {
    encoder_.encode_cells(cells, as_read_, values.data(), findings.data());
  } catch (const CellError&) {
    // The first row that holds such a value is the one to name.
    const std::vector<std::int64_t> first = first_rows();
    std::sort(used.begin(), used.end(), [&](std::size_t a, std::size_t b) { return first[a] < first[b]; });
    for (std::size_t i = 0; i < used.size(); ++i) cells[i] = cells_[used[i]];
    try {
      encoder_.encode_cells(cells, as_read_, values.data(), findings.data());
    } catch (const CellError& error) {
      throw error.at_row(first[used[static_cast<std::size_t>(error.row() - 1)]] + 1);
    }
  }
  std::fill(findings_.begin(), findings_.end(), Finding{});
  for (std::size_t i = 0; i < used.size(); ++i) {
    std::copy_n(&values[i * width], width, &values_[used[i] * width]);
    findings_[used[i]] = findings[i];
  }
}

void ColumnRows::count_rows() {
  counts_.assign(cells_.size(), 0);
  const std::int64_t rows = row_count(column_);
  for (std::int64_t row = 0; row < rows; ++row) ++counts_[static_cast<std::size_t>(codes_[row])];
}

std::vector<std::int64_t> ColumnRows::first_rows() const {
  std::vector<std::int64_t> first(cells_.size(), -1);
  for (std::int64_t row = row_count(column_) - 1; row >= 0; --row)
    first[static_cast<std::size_t>(codes_[row])] = row;
  return first;
}

void ColumnRows::note(const Finding& finding, std::int64_t row, Tally& tally) const {
  if (finding.kind == Kind::kMissing) ++tally.missing;
  if (finding.kind == Kind::kBeyond && tally.beyond_row < 0) {
    tally.beyond_row = row;
    tally.beyond = finding.value;
  }
  if (finding.kind != Kind::kOutside) return;
  ++tally.outside;
  const double distance = std::abs(finding.value - encoder_.middle());
  if (distance <= tally.distance) return;
  tally.distance = distance;
  tally.farthest = finding.value;
}

void ColumnRows::write(std::int64_t first, std::int64_t last, float* out, std::int64_t stride,
                       Tally& tally) const {
  if (codes_ != nullptr) {
    const auto width = static_cast<std::size_t>(encoder_.inputs());
    // Codes were checked, but their memory is the caller's.
    const auto greatest = static_cast<std::uint32_t>(cells_.size() - 1);
    for (std::int64_t row = first; row < last; ++row, out += stride) {
      const std::size_t code = std::min(static_cast<std::uint32_t>(codes_[row]), greatest);
      out[0] = values_[code * width];
      if (width == 2) out[1] = values_[code * 2 + 1];
    }
  } else if (const auto* dates = std::get_if<DateColumn>(&column_)) {
    const auto& encoder = static_cast<const DateEncoder&>(encoder_);
    for (std::int64_t row = first; row < last; ++row, out += stride) {
      const Finding finding = encoder.write_date(dates->seconds[row], out);
      if (finding.kind != Kind::kNothing) note(finding, row, tally);
    }
  } else {
    const auto& numbers = std::get<NumberColumn>(column_);
    const auto& encoder = static_cast<const NumberEncoder&>(encoder_);
    with_number_type(numbers.type, [&]<class Number>(const Number*) {
      const char* at = static_cast<const char*>(numbers.data) + first * numbers.stride;
      for (std::int64_t row = first; row < last; ++row, out += stride, at += numbers.stride) {
        const Finding finding = encoder.write_number(load_number<Number>(at), out);
        if (finding.kind != Kind::kNothing) note(finding, row, tally);
      }
    });
  }
}

void ColumnRows::tally_cells(Tally& tally) const {
  bool outside = false;
  for (std::size_t code = 0; code < counts_.size(); ++code) {
    if (findings_[code].kind == Kind::kMissing) tally.missing += counts_[code];
    outside |= findings_[code].kind == Kind::kOutside && counts_[code] > 0;
  }
  if (!outside) return;
  // Of values equally far the first row's is told.
  const std::int64_t rows = row_count(column_);
  for (std::int64_t row = 0; row < rows; ++row) {
    const Finding& finding = findings_[static_cast<std::size_t>(codes_[row])];
    if (finding.kind == Kind::kOutside) note(finding, row, tally);
  }
}

void ColumnRows::report(Tally tally, std::vector<ColumnIssue>& issues) const {
  if (tally.beyond_row >= 0) throw encoder_.beyond(tally.beyond, tally.beyond_row + 1);
  if (!counts_.empty()) tally_cells(tally);
  if (tally.outside > 0)
    issues.push_back({encoder_.name(), Kind::kOutside, tally.outside, encoder_.example(tally.farthest)});
  if (!counts_.empty() && encoder_.kind() == ColumnEncoder::Kind::kCategory) report_unseen(issues);
  if (tally.missing > 0) issues.push_back({encoder_.name(), Kind::kMissing, tally.missing, {}});
}

// Texts of one value count together; truth values are told as most rows write them.
void ColumnRows::report_unseen(std::vector<ColumnIssue>& issues) const {
  struct Value {
    std::size_t first_code;
    std::int64_t rows = 0;
    std::string text;
    std::int64_t rows_of_text = -1;
  };
  std::map<std::string, Value> values;
  std::int64_t rows = 0;
  for (std::size_t code = 0; code < counts_.size(); ++code) {
    if (findings_[code].kind != Kind::kUnseen) continue;
    const std::string text =
        write_cell(as_read_ ? cells_[code] : encoder_.formatted(cells_[code])).value_or("");
    const std::string spelled = same_value(text);
    Value& value = values.try_emplace(spelled, Value{code, 0, {}, -1}).first->second;
    value.rows += counts_[code];
    if (counts_[code] > value.rows_of_text) {
      value.rows_of_text = counts_[code];
      value.text = is_truth(text) ? text : spelled;
    }
    rows += counts_[code];
  }
  if (rows == 0) return;
  const auto most = std::max_element(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return a.second.rows != b.second.rows ? a.second.rows < b.second.rows
                                          : a.second.first_code > b.second.first_code;
  });
  issues.push_back({encoder_.name(), Kind::kUnseen, rows, shorten(most->second.text)});
}

}  // namespace lamina
