// Encodes one column of a table for a network: from its cells to the compact numbers that the network's first
// layer (ColumnEncoding) reads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tables/cell_error.h"
#include "tables/column.h"
#include "tables/date_format.h"
#include "tables/missing_texts.h"
#include "tables/number_format.h"
#include "tables/record.h"

namespace lamina {

// A number beyond the training rows' least or greatest one by more than this share of their range is far
// outside.
inline constexpr double kFarOutside = 0.5;

// Beyond it squares overflow; no measurement is as large.
inline constexpr double kGreatestNumber = 1e100;

// The widest column, a date: whole days and the part of the day.
inline constexpr int kMostInputs = 2;

// What a cell holds that training did not see, if anything.
struct Finding {
  // kBeyond: a number so great that the column cannot be encoded.
  enum class Kind : unsigned char { kNothing, kMissing, kUnseen, kOutside, kBeyond };
  Kind kind = Kind::kNothing;
  double value = 0.0;  // that is outside or beyond; of a date its days
};

// z = (x - center) / scale, bent into (-limit, limit) where there is a limit; fill for a missing x.
struct Scaling {
  double center = 0.0, scale = 1.0, fill = 0.0, limit = 0.0;
};

// How the cells of a column are written, where they are not plain.
struct ColumnFormat {
  std::optional<NumberFormat> number;
  std::optional<DateFormat> date;
};

// All members are const but for the format's setter, so that any number of threads may encode.
class ColumnEncoder {
 public:
  enum class Kind { kNumber, kCategory, kDate };

  virtual ~ColumnEncoder() = default;
  ColumnEncoder(const ColumnEncoder&) = delete;
  ColumnEncoder& operator=(const ColumnEncoder&) = delete;

  Kind kind() const noexcept { return kind_; }

  const std::string& name() const noexcept { return name_; }
  const ColumnFormat& format() const noexcept { return format_; }
  void set_format(ColumnFormat format) { format_ = std::move(format); }

  // Numbers that it writes for a row.
  virtual int inputs() const noexcept = 0;
  // Features that the layer makes of them.
  virtual std::int64_t features() const noexcept = 0;
  // The description of the column in the layer.
  virtual Json layer_column() const = 0;
  // Writes a cell as it is in a table of this one row. Throws CellError for a value that is not of the
  // column's kind, Error for dates in place of numbers.
  Finding encode(const Cell& cell, float* out) const;
  // The same of each cell of a column [cells]: values [cells, inputs]. Throws CellError with the cell's
  // number. `as_read`: no format applies to its texts.
  void encode_cells(const std::vector<Cell>& cells, bool as_read, float* values, Finding* findings) const;
  // The error of a number that is beyond kGreatestNumber.
  CellError beyond(double number, std::int64_t row) const;
  // The cell as its format, where there is one, has it. Throws CellError where it is not written so.
  Cell formatted(const Cell& cell) const;
  // The text, for a sentence, of a value outside the training range ...
  virtual std::string example(double) const { return {}; }
  // ... or of a cell in which something was found.
  std::string example(const Cell& cell, const Finding& finding) const;
  // The middle of the training range.
  double middle() const noexcept { return 0.5 * (low_ + high_); }

 protected:
  ColumnEncoder(Kind kind, std::string name, std::shared_ptr<const MissingTexts> missing)
      : kind_(kind), name_(std::move(name)), missing_(std::move(missing)) {}

  // Takes the least and the greatest number of training.
  void take_bounds(const RecordFields& fields, RecordTensors& tensors);
  Finding finding_of(double value) const noexcept {
    if (value < low_limit_ || value > high_limit_) return {Finding::Kind::kOutside, value};
    return value != value ? missing_finding() : Finding{};
  }
  // `indicator`: a missing value is nothing new.
  void set_indicator(bool indicator) noexcept { indicator_ = indicator; }
  bool indicator() const noexcept { return indicator_; }
  Finding missing_finding() const noexcept {
    return {indicator_ ? Finding::Kind::kNothing : Finding::Kind::kMissing};
  }

  const MissingTexts& missing() const noexcept { return *missing_; }
  // Finds kBeyond where there is nothing to write.
  virtual Finding write(const Cell& cell, float* out) const = 0;
  // True and false in text are numbers where all others of the column are 0 or 1, `Cell(bool)` then.
  virtual void replace_truths(std::vector<Cell>&) const {}

 private:
  bool has_format() const noexcept { return format_.number || format_.date; }
  void check_unit(const std::vector<Cell>& cells) const;

  Kind kind_;
  std::string name_;
  std::shared_ptr<const MissingTexts> missing_;
  ColumnFormat format_;
  bool indicator_ = false;
  double low_ = 0.0, high_ = 0.0, low_limit_ = 0.0, high_limit_ = 0.0;
};

// A number as its place among edges, or without edges as its scaled value.
class NumberEncoder final : public ColumnEncoder {
 public:
  NumberEncoder(std::string name, std::shared_ptr<const MissingTexts> missing, RecordFields& fields,
                RecordTensors& tensors);
  int inputs() const noexcept override { return 1; }
  std::int64_t features() const noexcept override {
    return std::max<std::int64_t>(std::ssize(edges_), 1) + (indicator() ? 1 : 0);
  }
  Json layer_column() const override;
  using ColumnEncoder::example;
  std::string example(double value) const override;

  // A number of an array [rows]; NaN is missing. One that is beyond is the caller's to refuse.
  template <class Number>
  Finding write_number(Number number, float* out) const noexcept {
    const bool is_missing = missing().contains_number(number);
    return write_value(is_missing ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(number),
                       out);
  }

 private:
  Finding write(const Cell& cell, float* out) const override;
  void replace_truths(std::vector<Cell>& cells) const override;
  std::optional<double> read_text(std::string_view text) const;
  Finding write_value(double number, float* out) const noexcept;
  double compact(double number) const noexcept;

  Scaling scaling_;
  std::vector<double> edges_;
  std::vector<double> padded_edges_;  // with infinity up to a power of two, for the search
};

// A category as its code, that of others for rare and unseen ones.
class CategoryEncoder final : public ColumnEncoder {
 public:
  // `tells_embedded`: the record says whether an embedding follows; before version 3 none did.
  CategoryEncoder(std::string name, std::shared_ptr<const MissingTexts> missing, RecordFields& fields,
                  bool tells_embedded);
  int inputs() const noexcept override { return 1; }
  std::int64_t features() const noexcept override {
    return (embedded_ ? 1 : codes()) + (indicator() ? 1 : 0);
  }
  Json layer_column() const override;
  // Whether a text stands for a missing value; else `value` is its spelling.
  bool read(std::string_view text, std::string& value) const;

 private:
  Finding write(const Cell& cell, float* out) const override;
  std::int64_t codes() const noexcept { return std::ssize(categories_) + (other_ ? 1 : 0); }

  std::vector<std::string> categories_;
  bool other_ = false, complete_ = true, embedded_ = false;
  TextMap<int> places_;
  TextMap<int> known_;  // rare ones too
};

// A date as whole days since 1970-01-01 and the part of the day.
class DateEncoder final : public ColumnEncoder {
 public:
  DateEncoder(std::string name, std::shared_ptr<const MissingTexts> missing, RecordFields& fields,
              RecordTensors& tensors);
  int inputs() const noexcept override { return 2; }
  std::int64_t features() const noexcept override { return 7 + (indicator() ? 1 : 0); }
  Json layer_column() const override;
  using ColumnEncoder::example;
  std::string example(double value) const override;
  Finding write_date(std::int64_t seconds, float* out) const noexcept;

 private:
  Finding write(const Cell& cell, float* out) const override;
  Finding write_seconds(std::int64_t seconds, float* out) const noexcept;

  Scaling scaling_;
};

// The place among `names` of each value, as same_value writes it; where the names are truth values, 1 and 0
// are too, and the other way round.
TextMap<int> places_of(const std::vector<std::string>& names);

// How a number, a truth value or a date is written as a category; empty where it is missing.
std::optional<std::string> write_cell(const Cell& cell);

// From the record of a column; for `tells_embedded` see CategoryEncoder. Throws Error kValue where a field or
// tensor is missing or wrong.
std::unique_ptr<ColumnEncoder> make_column_encoder(std::size_t index, const Json& record,
                                                   std::shared_ptr<const MissingTexts> missing,
                                                   RecordTensors& tensors, bool tells_embedded);

}  // namespace lamina
