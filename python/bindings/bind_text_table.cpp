// Binds the reader of text tables.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "instance.h"
#include "made_here.h"
#include "register.h"
#include "tables/row_scanner.h"
#include "tables/text_table.h"

namespace lamina::python {
namespace {

TextFormat format_of(char separator, const std::string& quote, const std::string& comment) {
  return {separator, quote.empty() ? '\0' : quote[0], comment.empty() ? '\0' : comment[0]};
}

// A numpy array that owns the values.
template <class T>
py::array moved_array(std::vector<T> values) {
  auto owner = std::make_unique<std::vector<T>>(std::move(values));
  const py::capsule capsule(owner.get(), [](void* held) { delete static_cast<std::vector<T>*>(held); });
  const std::vector<T>& held = *owner.release();
  return py::array_t<T>(static_cast<py::ssize_t>(held.size()), held.data(), capsule);
}

py::list first_rows(const py::bytes& bytes, char separator, const std::string& quote,
                    const std::string& comment, size_t limit, bool last) {
  const std::string text = bytes;
  std::deque<std::string> unescaped;
  const char* const end = text.data() + text.size();
  RowScanner scanner(format_of(separator, quote, comment), text.data(), end, last, unescaped);
  py::list rows;
  while (rows.size() < limit && scanner.next(end) == RowScanner::Result::kRow) {
    py::list cells;
    for (const std::string_view cell : scanner.cells()) cells.append(py::str(cell.data(), cell.size()));
    rows.append(py::make_tuple(cells, scanner.lines_before_row(), scanner.position() - text.data()));
  }
  return rows;
}

std::vector<ColumnKind> kinds_of(const std::string& letters) {
  std::vector<ColumnKind> kinds;
  for (const char letter : letters) {
    if (std::string_view("nmtw-").find(letter) == std::string_view::npos) {
      throw Error(Error::Kind::kValue, "TextTable: expected kinds n, m, t, w or -, got '" + letters + "'");
    }
    kinds.push_back(static_cast<ColumnKind>(letter));
  }
  return kinds;
}

// The texts by code; None for the empty one.
py::list texts_of(const TextTable& table, size_t column) {
  const TextDictionary& dictionary = table.texts(column);
  py::list texts;
  for (std::int32_t code = 0; code < dictionary.size(); ++code) {
    const std::string_view text = dictionary[code];
    if (text.empty()) {
      texts.append(py::none());
    } else {
      texts.append(py::str(text.data(), text.size()));
    }
  }
  return texts;
}

}  // namespace

void register_text_table(py::module_& module) {
  module.def(
      "first_rows", &first_rows, py::arg("text"), py::arg("separator"), py::arg("quote"), py::arg("comment"),
      py::arg("limit"), py::arg("last"),
      "The first rows of a text without a byte 0: their cells, the lines before each, and where it ends.");
  made_here<TextTable>(module, "TextTable")
      .def(
          "add",
          [](TextTable& table, const py::bytes& block) {
            const std::string_view text = block;
            const py::gil_scoped_release release;
            table.add(text);
          },
          py::arg("block"), "Read a block of UTF-8 text.")
      .def("finish", &TextTable::finish, py::call_guard<py::gil_scoped_release>(), "The text ends here.")
      .def_property_readonly("rows", &TextTable::rows)
      .def("is_late", &TextTable::is_late, py::arg("column"),
           "Whether text was found in a column of numbers: it must be read again as text.")
      .def(
          "take_numbers",
          [](TextTable& table, size_t column) { return moved_array(table.take_numbers(column)); },
          py::arg("column"), "float64 [rows], NaN where missing; moved out.")
      .def(
          "take_codes", [](TextTable& table, size_t column) { return moved_array(table.take_codes(column)); },
          py::arg("column"), "int32 [rows], which point into `texts`; moved out.")
      .def("texts", &texts_of, py::arg("column"), "The distinct texts of a column; None is a missing cell.");
  module.def(
      "make_text_table",
      [](char separator, const std::string& quote, const std::string& comment, bool decimal_comma,
         const std::string& kinds, std::vector<std::string> missing, std::int64_t first_line,
         size_t bytes_per_thread) {
        return Instance(std::make_unique<TextTable>(
            TextTableOptions{format_of(separator, quote, comment), decimal_comma, kinds_of(kinds),
                             std::move(missing), first_line, std::max<size_t>(bytes_per_thread, 1)}));
      },
      py::arg("separator"), py::arg("quote"), py::arg("comment"), py::arg("decimal_comma"), py::arg("kinds"),
      py::arg("missing"), py::arg("first_line"), py::arg("bytes_per_thread") = 1U << 16U,
      "A reader of a text table, block by block, into columns. `kinds` has a letter for each column: n "
      "number, "
      "m number or one of the missing texts, t text, w text as it is written, - skipped.");
}

}  // namespace lamina::python
