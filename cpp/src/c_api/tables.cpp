// Table models: rows and columns by the columns' names.
#include <algorithm>
#include <limits>

#include "base/text.h"
#include "c_api/handles.h"
#include "c_api/options.h"
#include "c_api/tables.h"
#include "tables/row_scanner.h"
#include "tables/text_dictionary.h"

namespace lamina::c {
namespace {

// What one kind of output is for a table model.
class Answer {
 public:
  // Refuses kinds that there are not, and those that the model does not give.
  Answer(const TableModel& model, const lamina_table_output& kind) : model_(model), kind_(number_of(kind)) {
    const TableTarget& target = model.target();
    switch (kind_) {
      case LAMINA_PREDICTIONS:
        columns_ = target.is_number() ? target.number_targets().size() : target.classes().size();
        return;
      case LAMINA_CLASS_INDICES:
        if (target.is_number())
          fail_value({"the model predicts a number; expected one of classes for LAMINA_CLASS_INDICES"});
        columns_ = 1;
        return;
      case LAMINA_QUANTILES:
        if (!target.is_number() || target.number_targets().front().levels.empty())
          fail_value({"the model was trained without quantiles; expected one trained for them"});
        for (const NumberTarget& number : target.number_targets()) columns_ += number.levels.size();
        return;
      case LAMINA_INTERVALS:
        if (!target.is_number() || !target.number_targets().front().coverage)
          fail_value({"the model was trained without an interval; expected one trained for it"});
        columns_ = 2 * target.number_targets().size();
        return;
      default:
        fail_value({"kind is ", kind_, "; expected one of lamina_table_output"});
    }
  }

  size_t columns() const noexcept { return columns_; }

  // From the networks' outputs [rows, outputs] to outputs[rows, columns()].
  void write(const std::vector<double>& outputs, double* to) const {
    const std::vector<double> values = of(outputs);
    std::copy(values.begin(), values.end(), to);
  }

 private:
  std::vector<double> of(const std::vector<double>& outputs) const {
    if (kind_ == LAMINA_QUANTILES) return model_.quantiles(outputs);
    if (kind_ == LAMINA_INTERVALS) return model_.intervals(outputs);
    if (kind_ == LAMINA_CLASS_INDICES) return class_indices(outputs);
    return model_.target().is_number() ? model_.numbers(outputs) : model_.probabilities(outputs);
  }
  std::vector<double> class_indices(const std::vector<double>& outputs) const {
    const TableTarget& target = model_.target();
    std::vector<int64_t> indices(outputs.size() / static_cast<size_t>(target.outputs()));
    target.choose_classes(outputs.data(), std::ssize(indices), std::nullopt, indices.data());
    return {indices.begin(), indices.end()};
  }

  const TableModel& model_;
  int kind_;
  size_t columns_ = 0;
};

// A text of a cell, without the blanks at its ends; the caller's own memory.
std::string_view cell_text(const char* text, const std::string& column) {
  text_of(text, concat({"the text of column '", column, "'"}));
  return strip(text);
}

// The cells in the order of the model's columns.
std::vector<Cell> row_of(const TableModel& model, const lamina_cell* cells, size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i)
    names.push_back(text_of(cells[i].column, concat({"the column of cell ", i})));
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::vector<Cell> row;
  for (const size_t place : model.preprocessor().places_among(views)) {
    const lamina_cell& cell = cells[place];
    if (cell.text != nullptr)
      row.emplace_back(cell_text(cell.text, names[place]));
    else
      row.emplace_back(cell.number);
  }
  return row;
}

void check_filled(const lamina_column& column, const std::string& name) {
  if ((column.numbers == nullptr) == (column.texts == nullptr))
    fail_value({"column '", name, "' has ",
                (column.numbers == nullptr ? "neither numbers nor texts" : "numbers and texts"),
                "; expected one of them, the other NULL"});
}

// A table in the caller's memory, with the codes that texts are read by.
class Columns {
 public:
  Columns(const TableModel& model, const lamina_column* columns, size_t count, size_t rows) {
    names_.reserve(count);
    codes_.reserve(count);
    dictionaries_.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      names_.push_back(text_of(columns[i].name, concat({"the name of column ", i})));
      if (model.preprocessor().find(names_.back()) < 0) continue;  // its values are not looked at
      table_.push_back({names_.back(), column_of(columns[i], names_.back(), rows)});
    }
  }

  const std::vector<NamedColumn>& table() const noexcept { return table_; }

 private:
  Column column_of(const lamina_column& column, const std::string& name, size_t rows) {
    check_filled(column, name);
    const auto length = static_cast<int64_t>(rows);
    if (column.numbers != nullptr)
      return NumberColumn{column.numbers, NumberType::kF64, sizeof(double), length};
    return texts_of(column.texts, name, rows);
  }
  TextColumn texts_of(const char* const* texts, const std::string& name, size_t rows) {
    std::vector<std::string_view> present;
    for (size_t row = 0; row < rows; ++row)
      if (texts[row] != nullptr) present.push_back(cell_text(texts[row], name));
    TextDictionary& dictionary = dictionaries_.emplace_back();
    std::vector<std::int32_t> found;
    dictionary.append_codes(present, found);
    std::vector<std::int32_t>& codes = codes_.emplace_back(rows, dictionary.size());
    for (size_t row = 0, next = 0; row < rows; ++row)
      if (texts[row] != nullptr) codes[row] = found[next++];
    TextColumn column{codes.data(), static_cast<int64_t>(rows), {}};
    for (std::int32_t code = 0; code < dictionary.size(); ++code) column.texts.emplace_back(dictionary[code]);
    column.texts.emplace_back();  // missing
    return column;
  }

  std::vector<std::string> names_;
  std::vector<std::vector<std::int32_t>> codes_;
  std::vector<TextDictionary> dictionaries_;
  std::vector<NamedColumn> table_;
};

template <class Array>
void check_array(const Array* array, size_t count, const char* what) {
  constexpr size_t kMost = size_t{1} << 24;
  if (count > kMost) fail_value({"count is ", count, "; expected at most 2^24"});
  if (count > 0) check_given(array, what, "an array of as many as count says");
}

}  // namespace

std::vector<std::vector<Cell>> rows_of(const TableModel& model, const lamina_column* columns, size_t count,
                                       size_t rows) {
  check_array(columns, count, "columns");
  const auto length = static_cast<size_t>(count_of(rows, "rows"));
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i)
    names.push_back(text_of(columns[i].name, concat({"the name of column ", i})));
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::vector<std::vector<Cell>> cells(length);
  for (const size_t place : model.preprocessor().places_among(views)) {
    const lamina_column& column = columns[place];
    check_filled(column, names[place]);
    for (size_t row = 0; row < length; ++row) {
      if (column.numbers != nullptr)
        cells[row].emplace_back(column.numbers[row]);
      else if (column.texts[row] != nullptr)
        cells[row].emplace_back(cell_text(column.texts[row], names[place]));
      else
        cells[row].emplace_back();
    }
  }
  return cells;
}

}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

size_t lamina_table_outputs(const lamina_model* model, lamina_table_output kind) {
  return guarded_value(__func__, size_t{0}, [&] { return Answer(table_of(model), kind).columns(); });
}

lamina_status lamina_table_predict(const lamina_model* model, const lamina_cell* cells, size_t count,
                                   lamina_table_output kind, double* outputs) {
  return guarded(__func__, [&] {
    const TableModel& table = table_of(model);
    const Answer answer(table, kind);
    check_array(cells, count, "cells");
    check_results(outputs, 1, static_cast<int64_t>(answer.columns()), sizeof(double), "outputs");
    answer.write(table.outputs(row_of(table, cells, count)), outputs);
  });
}

lamina_status lamina_table_predict_columns(const lamina_model* model, const lamina_column* columns,
                                           size_t count, size_t rows, lamina_table_output kind,
                                           double* outputs) {
  return guarded(__func__, [&] {
    const TableModel& table = table_of(model);
    const Answer answer(table, kind);
    check_array(columns, count, "columns");
    check_results(outputs, rows, static_cast<int64_t>(answer.columns()), sizeof(double), "outputs");
    if (rows == 0) return;
    const Columns given(table, columns, count, rows);
    answer.write(table.outputs(given.table()), outputs);
  });
}

size_t lamina_classes(const lamina_model* model) {
  return guarded_value(__func__, size_t{0}, [&] { return table_of(model).target().classes().size(); });
}

const char* lamina_class_name(const lamina_model* model, size_t index) {
  return guarded_value(__func__, static_cast<const char*>(nullptr), [&] {
    const std::vector<std::string>& classes = table_of(model).target().classes();
    if (index >= classes.size())
      fail_value({"index is ", index, "; expected one below ", classes.size(), ", as lamina_classes tells"});
    return classes[index].c_str();
  });
}
}
