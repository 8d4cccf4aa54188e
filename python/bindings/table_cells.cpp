// Reads rows and columns out of Python's objects.
#include "table_cells.h"

#include <string_view>
#include <utility>

#include "base/error.h"
#include "tables/row_scanner.h"

namespace lamina::python {
namespace {

// numpy's classes of scalars, looked up once.
struct ScalarTypes {
  PyTypeObject* integer;
  PyTypeObject* floating;
  PyTypeObject* truth;
  PyTypeObject* duration;  // an integer by its class, but not by its meaning
};

const ScalarTypes& scalar_types() {
  static const ScalarTypes types = [] {
    const py::module_ numpy = py::module_::import("numpy");
    const auto type = [&](const char* name) {
      return reinterpret_cast<PyTypeObject*>(numpy.attr(name).cast<py::object>().release().ptr());
    };
    return ScalarTypes{type("integer"), type("floating"), type("bool_"), type("timedelta64")};
  }();
  return types;
}

bool read_integer(PyObject* value, Cell& cell) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow != 0) return false;
  cell = static_cast<std::int64_t>(number);
  return true;
}

bool read_text(PyObject* value, Cell& cell) {
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(value, &size);
  if (text == nullptr) {
    PyErr_Clear();
    return false;
  }
  cell = strip({text, static_cast<size_t>(size)});
  return true;
}

// A number, a truth value, text or None; false for anything else.
bool read_cell(PyObject* value, Cell& cell) {
  if (PyUnicode_CheckExact(value)) return read_text(value, cell);
  if (PyFloat_Check(value)) {
    const double number = PyFloat_AS_DOUBLE(value);
    cell = number;
    return true;
  }
  if (value == Py_None) {
    cell = std::monostate();
    return true;
  }
  if (PyBool_Check(value)) {
    cell = value == Py_True;
    return true;
  }
  if (PyLong_Check(value)) return read_integer(value, cell);
  // Classes made in Python may run code of theirs, which could take the row's texts away meanwhile.
  if (PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_HEAPTYPE)) return false;
  const ScalarTypes& types = scalar_types();
  if (PyObject_TypeCheck(value, types.integer) && !PyObject_TypeCheck(value, types.duration)) {
    const auto whole = py::reinterpret_steal<py::object>(PyNumber_Index(value));
    if (!whole) throw py::error_already_set();
    return read_integer(whole.ptr(), cell);
  }
  if (PyObject_TypeCheck(value, types.floating)) {
    const auto number = py::reinterpret_steal<py::object>(PyNumber_Float(value));
    if (!number) throw py::error_already_set();
    cell = PyFloat_AS_DOUBLE(number.ptr());
    return true;
  }
  if (!PyObject_TypeCheck(value, types.truth)) return false;
  cell = PyObject_IsTrue(value) == 1;
  return true;
}

NumberType number_type(const py::dtype& type) {
  const auto size = type.itemsize();
  const char order = type.byteorder();
  const bool native = order == '=' || order == '|';
  switch (native ? type.kind() : '\0') {
    case 'b':
      return NumberType::kBool;
    case 'i':
      return size == 1   ? NumberType::kI8
             : size == 2 ? NumberType::kI16
             : size == 4 ? NumberType::kI32
                         : NumberType::kI64;
    case 'u':
      return size == 1   ? NumberType::kU8
             : size == 2 ? NumberType::kU16
             : size == 4 ? NumberType::kU32
                         : NumberType::kU64;
    case 'f':
      if (size == 4) return NumberType::kF32;
      if (size == 8) return NumberType::kF64;
      break;
    default:
      break;
  }
  throw Error(Error::Kind::kType,
              "encode: expected numbers of a native type, got " + std::string(py::str(type)));
}

TextColumn text_column(const py::array& codes, const py::tuple& texts, bool as_read) {
  TextColumn column{static_cast<const std::int32_t*>(codes.data()), codes.shape(0), {}, as_read};
  column.texts.reserve(texts.size());
  for (const py::handle text : texts) {
    Cell cell;
    if (text.is_none()) {
      column.texts.emplace_back();
      continue;
    }
    if (!PyUnicode_Check(text.ptr())) throw Error(Error::Kind::kType, "encode: expected texts or None");
    if (!read_text(text.ptr(), cell))
      throw Error(Error::Kind::kValue, "expected text of whole characters, got half a surrogate pair in " +
                                           std::string(py::str(py::repr(text))));
    column.texts.emplace_back(std::get<std::string_view>(cell));
  }
  return column;
}

}  // namespace

TableRows::TableRows(const Json& record, std::vector<RecordTensor> tensors)
    : preprocessor_(record, std::move(tensors)) {
  for (const std::string& name : preprocessor_.columns()) {
    PyObject* text = PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size()));
    if (text == nullptr) throw py::error_already_set();
    PyUnicode_InternInPlace(&text);
    names_.push_back(py::reinterpret_steal<py::str>(text));
  }
}

bool TableRows::read(const py::object& row, std::vector<Cell>& cells) const {
  cells.resize(names_.size());
  if (PyDict_CheckExact(row.ptr())) return read_dict(row.ptr(), cells);
  if (!PyList_CheckExact(row.ptr()) && !PyTuple_CheckExact(row.ptr())) return false;
  if (PySequence_Fast_GET_SIZE(row.ptr()) == 1) {
    PyObject* const only = PySequence_Fast_ITEMS(row.ptr())[0];
    if (PyDict_CheckExact(only)) return read_dict(only, cells);
  }
  return read_values(row.ptr(), cells);
}

bool TableRows::read_dict(PyObject* row, std::vector<Cell>& cells) const {
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Cell unused;
  for (Py_ssize_t at = 0; PyDict_Next(row, &at, &key, &value) != 0;)
    if (!PyUnicode_CheckExact(key) || !read_cell(value, unused)) return false;
  for (size_t i = 0; i < names_.size(); ++i) {
    value = PyDict_GetItemWithError(row, names_[i].ptr());
    if (value == nullptr && PyErr_Occurred() != nullptr) throw py::error_already_set();
    if (value == nullptr || !read_cell(value, cells[i])) return false;
  }
  return true;
}

bool TableRows::read_values(PyObject* row, std::vector<Cell>& cells) const {
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(row);
  PyObject** const values = PySequence_Fast_ITEMS(row);
  Cell unused;
  for (Py_ssize_t i = 0; i < count; ++i)
    if (!read_cell(values[i], unused)) return false;
  if (count == 0) return false;
  if (static_cast<size_t>(count) != names_.size())
    throw Error(Error::Kind::kValue, "expected a row of " + std::to_string(names_.size()) +
                                         " values in the order of the columns that the model reads (" +
                                         preprocessor_.columns()[0] + ", ...), got " + std::to_string(count));
  for (Py_ssize_t i = 0; i < count; ++i) read_cell(values[i], cells[static_cast<size_t>(i)]);
  return true;
}

Preprocessor::Source source_of_column(const py::handle& column, TableMemory& memory) {
  const auto parts = py::cast<py::tuple>(column);
  const auto place = py::cast<size_t>(parts[0]);
  auto array = py::cast<py::array>(parts[1]);
  if (array.ndim() != 1) throw Error(Error::Kind::kValue, "encode: expected columns of one dimension");
  if (parts.size() == 4) {
    auto codes = py::cast<DenseArray<std::int32_t>>(array);
    memory.texts.push_back(py::reinterpret_steal<py::tuple>(PySequence_Tuple(py::object(parts[2]).ptr())));
    if (!memory.texts.back()) throw py::error_already_set();
    memory.arrays.push_back(codes);
    return {place, text_column(codes, memory.texts.back(), py::cast<bool>(parts[3]))};
  }
  if (array.dtype().kind() == 'M') {
    auto seconds = py::cast<DenseArray<std::int64_t>>(array.attr("view")("int64"));
    memory.arrays.push_back(seconds);
    return {place, DateColumn{seconds.data(), seconds.shape(0)}};
  }
  memory.arrays.push_back(array);
  return {place, NumberColumn{array.data(), number_type(array.dtype()), array.strides(0), array.shape(0)}};
}

}  // namespace lamina::python
