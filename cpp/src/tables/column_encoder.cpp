// Reads cells in their column's format, and makes the encoders of a record.
#include "tables/column_encoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "tables/text_value.h"
#include "tables/utf8.h"

namespace lamina {

std::optional<std::string> write_cell(const Cell& cell) {
  struct Writer {
    std::optional<std::string> operator()(std::monostate) const { return std::nullopt; }
    std::optional<std::string> operator()(bool truth) const { return truth ? "true" : "false"; }
    std::optional<std::string> operator()(std::int64_t number) const { return std::to_string(number); }
    std::optional<std::string> operator()(std::uint64_t number) const { return std::to_string(number); }
    std::optional<std::string> operator()(double number) const {
      return std::isnan(number) ? std::nullopt : std::optional(write_number(number));
    }
    std::optional<std::string> operator()(float number) const {
      return std::isnan(number) ? std::nullopt : std::optional(write_number(number));
    }
    std::optional<std::string> operator()(Date date) const {
      return date.seconds == kNoDate ? std::nullopt : std::optional(write_date(date.seconds));
    }
    std::optional<std::string> operator()(std::string_view text) const { return std::string(text); }
  };
  return std::visit(Writer{}, cell);
}

Cell ColumnEncoder::formatted(const Cell& cell) const {
  const auto* text = std::get_if<std::string_view>(&cell);
  if (format_.number && text != nullptr) {
    if (missing_->contains(*text)) return {};
    if (const std::optional<double> number = format_.number->parse(*text)) return *number;
    throw CellError(name_, 1, concat({"expected a number, got ", shorten(*text)}));
  }
  if (format_.date && !std::holds_alternative<Date>(cell)) {
    std::optional<std::string> written = write_cell(cell);
    if (!written || missing_->contains(*written)) return {};
    if (text == nullptr) written = same_value(*written);
    if (const auto seconds = format_.date->parse(*written)) return Date{*seconds};
    throw CellError(
        name_, 1, concat({"expected a date written as ", format_.date->text(), ", got ", shorten(*written)}));
  }
  return cell;
}

void ColumnEncoder::check_unit(const std::vector<Cell>& cells) const {
  if (!format_.number) return;
  std::vector<std::string_view> texts;
  for (const Cell& cell : cells)
    if (const auto* text = std::get_if<std::string_view>(&cell)) texts.push_back(*text);
  const std::string unit = common_unit(name_, texts);
  if (unit.empty() || unit == format_.number->unit) return;
  const std::string expected = format_.number->unit.empty() ? "alone" : concat({"in ", format_.number->unit});
  throw_error(Error::Kind::kValue,
              {"column '", name_, "': expected numbers ", expected, ", got numbers in ", unit});
}

std::string ColumnEncoder::example(const Cell& cell, const Finding& finding) const {
  if (finding.kind == Finding::Kind::kOutside) return example(finding.value);
  if (finding.kind != Finding::Kind::kUnseen) return {};
  const std::string text = write_cell(formatted(cell)).value_or("");
  return shorten(is_truth(text) ? text : same_value(text));
}

CellError ColumnEncoder::beyond(double number, std::int64_t row) const {
  const std::string written = write_rounded(number);
  return CellError(name_, row, concat({"expected a number of at most 1e+100, got ", written}), written);
}

Finding ColumnEncoder::encode(const Cell& cell, float* out) const {
  Finding finding;
  if (has_format() || std::holds_alternative<std::string_view>(cell))
    encode_cells({cell}, false, out, &finding);
  else if (finding = write(cell, out); finding.kind == Finding::Kind::kBeyond)
    throw beyond(finding.value, 1);
  return finding;
}

void ColumnEncoder::encode_cells(const std::vector<Cell>& cells, bool as_read, float* values,
                                 Finding* findings) const {
  std::vector<Cell> read = cells;
  const bool formats = has_format() && !as_read;
  if (formats) check_unit(cells);
  std::size_t i = 0;
  std::size_t first_beyond = cells.size();
  try {
    if (formats)
      for (; i < cells.size(); ++i) read[i] = formatted(cells[i]);
    else
      replace_truths(read);
    for (i = 0; i < cells.size(); ++i) {
      findings[i] = write(read[i], values + i * static_cast<std::size_t>(inputs()));
      if (findings[i].kind == Finding::Kind::kBeyond) first_beyond = std::min(first_beyond, i);
    }
  } catch (const CellError& error) {
    throw error.at_row(static_cast<std::int64_t>(i) + 1);
  }
  if (first_beyond < cells.size())
    throw beyond(findings[first_beyond].value, static_cast<std::int64_t>(first_beyond) + 1);
}

std::unique_ptr<ColumnEncoder> make_column_encoder(std::size_t index, const Json& record,
                                                   std::shared_ptr<const MissingTexts> missing,
                                                   RecordTensors& tensors, bool tells_embedded) {
  RecordFields fields(concat({"preprocessor, column ", index}), record);
  const std::string& kind = fields.text("kind");
  const std::string& name = fields.text("name");
  RecordTensors own = tensors.part(concat({index, "."}));
  std::unique_ptr<ColumnEncoder> encoder;
  if (kind == "number")
    encoder = std::make_unique<NumberEncoder>(name, std::move(missing), fields, own);
  else if (kind == "category")
    encoder = std::make_unique<CategoryEncoder>(name, std::move(missing), fields, tells_embedded);
  else if (kind == "date")
    encoder = std::make_unique<DateEncoder>(name, std::move(missing), fields, own);
  else
    fields.fail({"expected kind to be one of number, category, date, got '", kind, "'"});
  own.done();
  fields.done();
  return encoder;
}

}  // namespace lamina
