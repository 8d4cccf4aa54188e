// From numpy arrays to the core's views; the Python package has checked and converted what users give.
#pragma once

#include <pybind11/numpy.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "inference/data.h"
#include "register.h"

namespace lamina::python {

template <class T>
using DenseArray = py::array_t<T, py::array::c_style>;

// An array of T in C order, converted where it is another.
template <class T>
DenseArray<T> dense_array(const py::handle& value, const char* where) {
  auto array = DenseArray<T>::ensure(value);
  if (array) return array;
  throw Error(Error::Kind::kType, std::string(where) + ": expected an array of numbers, got " +
                                      std::string(py::str(py::type::handle_of(value).attr("__name__"))));
}

inline std::string shape_text(const py::array& array) {
  std::string text = "[";
  for (py::ssize_t i = 0; i < array.ndim(); ++i) text += (i ? ", " : "") + std::to_string(array.shape(i));
  return text + "]";
}

// The core's name for a numpy type in native byte order; empty where the core does not read it.
std::optional<kernels::SourceType> source_type(const py::dtype& type);

// Rows of a user: an array, or the arrays of a sparse matrix (an object with data, indices, indptr and
// shape).
class InputArrays {
 public:
  InputArrays(const py::object& inputs, int64_t columns, const char* where);
  InputArrays(const InputArrays&) = delete;
  InputArrays& operator=(const InputArrays&) = delete;

  const ArraySource& source() const noexcept { return source_; }
  const std::vector<py::array>& arrays() const noexcept { return arrays_; }

 private:
  std::vector<py::array> arrays_;
  SparseLayout layout_{};
  ArraySource source_;
};

// While alive, numpy refuses to resize the arrays given, and the memory below them (a memory map, another
// array) to be closed. Nothing keeps their values from changing.
class HeldMemory {
 public:
  template <class... Arrays>
  explicit HeldMemory(const Arrays&... arrays) {
    (hold(arrays), ...);
  }

 private:
  template <class Array>
  void hold(const std::optional<Array>& array) {
    if (array) hold(*array);
  }
  void hold(const InputArrays& inputs) { hold(inputs.arrays()); }
  template <class Array>
  void hold(const std::vector<Array>& arrays) {
    for (const Array& array : arrays) hold_chain(array);
  }
  void hold(const py::array& array) { hold_chain(array); }
  template <class Arrays>
  void hold(const Arrays& examples)
    requires requires { examples.inputs; }
  {
    hold(examples.inputs);
    hold(examples.classes);
    hold(examples.values);
    hold(examples.weights);
  }
  void hold_chain(py::handle array);

  std::vector<py::object> held_;
};

// Lets other Python threads run while the core works on these arrays.
class Unlocked {
 public:
  template <class... Arrays>
  explicit Unlocked(const Arrays&... arrays) : held_(arrays...) {}

 private:
  HeldMemory held_;
  py::gil_scoped_release release_;
};

// [rows, columns] with any strides; raises kType or kValue for anything else.
ArraySource source_of(const py::array& array, int64_t columns, const char* where);

// Targets and weights of a call, kept alive by the arrays that the caller holds.
template <class T>
DataSet<T> data_set(const ArraySource& inputs, const std::optional<DenseArray<int32_t>>& classes,
                    const std::optional<DenseArray<T>>& values,
                    const std::optional<DenseArray<double>>& weights, const char* where) {
  DataSet<T> data;
  data.inputs = inputs;
  const auto check_rows = [&](const py::array& array, const char* what) {
    if (array.ndim() < 1 || array.shape(0) != data.inputs.rows)
      throw Error(Error::Kind::kValue, std::string(where) + ": expected " + std::to_string(data.inputs.rows) +
                                           " rows of " + what + ", got shape " + shape_text(array));
  };
  if (classes) {
    check_rows(*classes, "targets");
    data.targets.classes = classes->data();
  }
  if (values) {
    check_rows(*values, "targets");
    if (values->ndim() != 2)
      throw Error(Error::Kind::kValue, std::string(where) + ": expected targets [rows, outputs], got shape " +
                                           shape_text(*values));
    data.targets.values = values->data();
    data.targets.columns = data.targets.row_stride = values->shape(1);
  }
  if (weights) {
    check_rows(*weights, "sample weights");
    data.sample_weights = weights->data();
  }
  return data;
}

}  // namespace lamina::python
