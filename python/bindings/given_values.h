// Numbers and names that users give as options, with sentences that show what came.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"
#include "register.h"

namespace lamina::python {

inline std::string shown(py::handle value) { return py::repr(value).cast<std::string>(); }

// Raises `kind`: where: expected ..., got ...
[[noreturn]] inline void refuse(Error::Kind kind, const std::string& where, const std::string& expected,
                                py::handle value) {
  throw Error(kind, where + ": expected " + expected + ", got " + shown(value));
}

inline bool is_numpy(py::handle value, const char* kind) {
  return py::isinstance(value, py::module_::import("numpy").attr(kind));
}
// Python's and numpy's real numbers, NaN and infinities included, but not True and False.
inline bool is_number(py::handle value) {
  if (PyFloat_Check(value.ptr())) return true;
  return PyLong_Check(value.ptr()) ? !PyBool_Check(value.ptr())
                                   : is_numpy(value, "floating") || is_numpy(value, "integer");
}
inline bool is_whole(py::handle value) {
  return PyLong_Check(value.ptr()) ? !PyBool_Check(value.ptr()) : is_numpy(value, "integer");
}

// Of a number, infinite where float64 does not hold it.
inline double as_double(py::handle value) {
  const double number = PyFloat_AsDouble(value.ptr());
  if (number == -1.0 && PyErr_Occurred() != nullptr) {
    const bool negative = py::int_(py::reinterpret_borrow<py::object>(value)) < py::int_(0);
    PyErr_Clear();
    const double infinity = std::numeric_limits<double>::infinity();
    return negative ? -infinity : infinity;
  }
  return number;
}

// Of a whole number, the nearest that 64 bits hold.
inline int64_t as_integer(py::handle value) {
  const py::object index = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!index) throw py::error_already_set();
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  return overflow == 0 ? number : overflow < 0 ? INT64_MIN : INT64_MAX;
}

// The value of one of these names; raises Error kValue with `expected` for anything else.
template <class Value>
Value named_value(py::handle given, std::initializer_list<std::pair<const char*, Value>> names,
                  const std::string& where, const std::string& expected) {
  if (PyUnicode_Check(given.ptr()))
    for (const auto& [name, value] : names)
      if (PyUnicode_CompareWithASCIIString(given.ptr(), name) == 0) return value;
  refuse(Error::Kind::kValue, where, expected, given);
}

}  // namespace lamina::python
