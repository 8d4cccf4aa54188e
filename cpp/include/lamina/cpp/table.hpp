// A table model: rows of a table by the names of its columns, with all preprocessing inside.
#pragma once

#include <lamina/cpp/model.hpp>

#include <limits>

namespace lamina {
inline namespace v1 {

// A value that is missing.
struct Missing {};
inline constexpr Missing missing{};

// One cell of a row, by its column's name: a number, a text, or `missing`.
class Cell {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  Cell(const std::string& column, T number)
      : column_(detail::checked_text(column)), number_(static_cast<double>(number)) {}
  template <detail::TextLike T>
  Cell(const std::string& column, const T& text)
      : column_(detail::checked_text(column)), text_(detail::checked_text(std::string(text))) {}
  Cell(const std::string& column, Missing) : column_(detail::checked_text(column)) {}

  // As lamina.h has it, for as long as this cell lives.
  [[nodiscard]] lamina_cell get() const noexcept {
    return {column_.c_str(), text_ ? text_->c_str() : nullptr, number_};
  }

 private:
  std::string column_;
  std::optional<std::string> text_ = {};
  double number_ = std::numeric_limits<double>::quiet_NaN();
};

// A whole column: numbers with NaN for missing values, or texts.
class Column {
 public:
  template <class R>
    requires(std::ranges::sized_range<R> && std::is_arithmetic_v<std::ranges::range_value_t<R>> &&
             !std::convertible_to<const R&, std::string>)
  Column(std::string name, const R& numbers) : name_(std::move(name)) {
    numbers_.reserve(std::ranges::size(numbers));
    for (const auto value : numbers) numbers_.push_back(static_cast<double>(value));
  }
  Column(std::string name, std::initializer_list<double> numbers)
      : name_(std::move(name)), numbers_(numbers) {}
  Column(std::string name, std::vector<std::optional<std::string>> texts)
      : name_(std::move(name)), texts_(std::move(texts)), is_text_(true) {
    point();
  }
  Column(std::string name, const std::vector<std::string>& texts)
      : Column(std::move(name), std::vector<std::optional<std::string>>(texts.begin(), texts.end())) {}
  Column(const Column& other)
      : name_(other.name_), numbers_(other.numbers_), texts_(other.texts_), is_text_(other.is_text_) {
    point();
  }
  Column& operator=(const Column&) = delete;

  [[nodiscard]] std::size_t rows() const noexcept { return is_text_ ? texts_.size() : numbers_.size(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // As lamina.h has it, for as long as this column lives.
  [[nodiscard]] lamina_column get() const noexcept {
    return {name_.c_str(), is_text_ ? nullptr : numbers_.data(), is_text_ ? pointers_.data() : nullptr};
  }

 private:
  void point() {
    for (const std::optional<std::string>& text : texts_)
      pointers_.push_back(text ? detail::checked_text(*text).c_str() : nullptr);
  }

  std::string name_;
  std::vector<double> numbers_ = {};
  std::vector<std::optional<std::string>> texts_ = {};
  std::vector<const char*> pointers_ = {};
  bool is_text_ = false;
};

// Rows of a table as columns: lamina::Columns{{"age", ages}, {"workclass", classes}}.
class Columns {
 public:
  Columns(std::initializer_list<Column> columns) : columns_(columns) { check(); }
  explicit Columns(std::vector<Column> columns) : columns_(std::move(columns)) { check(); }
  [[nodiscard]] std::size_t rows() const noexcept { return columns_.empty() ? 0 : columns_.front().rows(); }
  [[nodiscard]] const std::vector<Column>& columns() const noexcept { return columns_; }

 private:
  void check() const {
    for (const Column& column : columns_)
      if (column.rows() != rows())
        detail::refuse("columns: expected " + std::to_string(rows()) + " rows in '" + column.name() +
                       "' as in '" + columns_.front().name() + "', got " + std::to_string(column.rows()));
  }

  std::vector<Column> columns_;
};

// A model that Python's TableModel or the command `lamina train` has saved.
class Table : public Model {
 public:
  static Table load(const std::filesystem::path& path, const LoadOptions& options = {}) {
    return Table(read(path, options, true));
  }
  // From the bytes of a file, which are not needed afterwards.
  static Table from_bytes(std::span<const std::byte> bytes) { return Table(parse(bytes, true)); }

  // Of a row: the probabilities of the classes, or the numbers in their units.
  [[nodiscard]] std::vector<double> predict(std::initializer_list<Cell> row) const {
    return of_row({row.begin(), row.size()}, LAMINA_PREDICTIONS);
  }
  [[nodiscard]] std::vector<double> predict(std::span<const Cell> row) const {
    return of_row(row, LAMINA_PREDICTIONS);
  }
  [[nodiscard]] Matrix<double> predict(const Columns& rows) const {
    return of_rows(rows, LAMINA_PREDICTIONS);
  }

  // The class of a row, by its name.
  [[nodiscard]] std::string predict_class(std::initializer_list<Cell> row) const {
    return predict_class(std::span(row.begin(), row.size()));
  }
  [[nodiscard]] std::string predict_class(std::span<const Cell> row) const {
    return class_name(of_row(row, LAMINA_CLASS_INDICES).front());
  }
  [[nodiscard]] std::vector<std::string> predict_class(const Columns& rows) const {
    std::vector<std::string> names;
    for (const double index : of_rows(rows, LAMINA_CLASS_INDICES)) names.push_back(class_name(index));
    return names;
  }

  // Where the model was trained for them: all levels of each target; lower and upper end of each.
  [[nodiscard]] std::vector<double> predict_quantiles(std::initializer_list<Cell> row) const {
    return of_row({row.begin(), row.size()}, LAMINA_QUANTILES);
  }
  [[nodiscard]] std::vector<double> predict_quantiles(std::span<const Cell> row) const {
    return of_row(row, LAMINA_QUANTILES);
  }
  [[nodiscard]] Matrix<double> predict_quantiles(const Columns& rows) const {
    return of_rows(rows, LAMINA_QUANTILES);
  }
  [[nodiscard]] std::vector<double> predict_interval(std::initializer_list<Cell> row) const {
    return of_row({row.begin(), row.size()}, LAMINA_INTERVALS);
  }
  [[nodiscard]] std::vector<double> predict_interval(std::span<const Cell> row) const {
    return of_row(row, LAMINA_INTERVALS);
  }
  [[nodiscard]] Matrix<double> predict_interval(const Columns& rows) const {
    return of_rows(rows, LAMINA_INTERVALS);
  }

  // The names of the columns that it reads, and of the classes that its target has, if any.
  [[nodiscard]] std::vector<std::string> columns() const {
    std::vector<std::string> names;
    for (std::size_t index = 0; index < inputs(); ++index) names.push_back(input_name(index));
    return names;
  }
  [[nodiscard]] std::vector<std::string> classes() const {
    std::vector<std::string> names;
    for (std::size_t index = 0; index < lamina_classes(handle()); ++index)
      names.push_back(detail::text_of(lamina_class_name(handle(), index)));
    return names;
  }

 private:
  explicit Table(detail::ModelHandle handle) noexcept : Model(std::move(handle)) {}

  [[nodiscard]] std::size_t width(lamina_table_output kind) const {
    const std::size_t numbers = lamina_table_outputs(handle(), kind);
    if (numbers == 0) throw Error(LAMINA_ERROR_VALUE, lamina_error_message());
    return numbers;
  }
  [[nodiscard]] std::vector<double> of_row(std::span<const Cell> row, lamina_table_output kind) const {
    std::vector<lamina_cell> cells;
    cells.reserve(row.size());
    for (const Cell& cell : row) cells.push_back(cell.get());
    std::vector<double> outputs(width(kind));
    detail::check(lamina_table_predict(handle(), cells.data(), cells.size(), kind, outputs.data()));
    return outputs;
  }
  [[nodiscard]] Matrix<double> of_rows(const Columns& rows, lamina_table_output kind) const {
    std::vector<lamina_column> columns;
    columns.reserve(rows.columns().size());
    for (const Column& column : rows.columns()) columns.push_back(column.get());
    Matrix<double> outputs(rows.rows(), width(kind));
    detail::check(lamina_table_predict_columns(handle(), columns.data(), columns.size(), rows.rows(), kind,
                                               outputs.data()));
    return outputs;
  }
  [[nodiscard]] std::string class_name(double index) const {
    return detail::text_of(lamina_class_name(handle(), static_cast<std::size_t>(index)));
  }
};

}  // namespace v1
}  // namespace lamina
