// From Python's tables to the core's: cells of a row, and columns.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "array_view.h"
#include "register.h"
#include "tables/preprocessor.h"

namespace lamina::python {

// A preprocessor with the names of its columns as Python's texts, by which rows are looked up.
class TableRows {
 public:
  TableRows(const Json& record, std::vector<RecordTensor> tensors);

  const Preprocessor& preprocessor() const noexcept { return preprocessor_; }
  // Reads a dict of names to plain values, a list of one such, or a list of values in the order of the
  // columns. False where it is anything else, or holds values of other types. Texts stay the row's.
  bool read(const py::object& row, std::vector<Cell>& cells) const;

 private:
  bool read_dict(PyObject* row, std::vector<Cell>& cells) const;
  bool read_values(PyObject* row, std::vector<Cell>& cells) const;

  Preprocessor preprocessor_;
  std::vector<py::str> names_;
};

// What columns point into while the interpreter's lock is free.
struct TableMemory {
  std::vector<py::array> arrays;
  std::vector<py::tuple> texts;
};

// Of (place, array), numbers or datetime64[s], or (place, codes, texts, as_read), see TextColumn.
Preprocessor::Source source_of_column(const py::handle& column, TableMemory& memory);

}  // namespace lamina::python
