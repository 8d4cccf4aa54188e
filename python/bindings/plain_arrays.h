// Arrays and methods through Python's and numpy's C interfaces, for calls of a microsecond: pybind11's
// dispatch and numpy's conversions would take longer than the work.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>

#include "array_view.h"

namespace lamina::python {

inline constexpr int kReadable =
    py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
inline constexpr int kWritable = kReadable | py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
// Multiply-adds of some microseconds: from here on other Python threads may run meanwhile.
inline constexpr int64_t kWorkToUnlock = 100'000;

// numpy's types, looked up once.
struct NumpyTypes {
  PyTypeObject* array;
  PyObject *f32, *f64, *i32, *i64;

  template <class T>
  PyObject* of() const noexcept {
    return sizeof(T) == 4 ? f32 : f64;
  }
};
const NumpyTypes& numpy_types();

inline const py::detail::PyArray_Proxy* proxy(PyObject* array) noexcept {
  return py::detail::array_proxy(array);
}

// Whether elements are of that type, in native byte order. Arrays from pickles have types of their own.
inline bool has_type(PyObject* array, PyObject* type) noexcept {
  if (proxy(array)->descr == type) return true;
  const auto* found = py::detail::array_descriptor_proxy(proxy(array)->descr);
  const auto* wanted = py::detail::array_descriptor_proxy(type);
  return found->type_num == wanted->type_num && found->byteorder == wanted->byteorder;
}

// numpy's own class, elements one after another; subclasses of ndarray may mean something else.
inline bool is_plain(PyObject* object, int flags) noexcept {
  return Py_TYPE(object) == numpy_types().array && (proxy(object)->flags & flags) == flags;
}
template <class T>
bool is_plain(PyObject* object, int flags) noexcept {
  return is_plain(object, flags) && has_type(object, numpy_types().of<T>());
}

inline bool has_shape(PyObject* array, int dimensions, py::ssize_t rows, py::ssize_t columns) noexcept {
  const auto* a = proxy(array);
  if (a->nd != dimensions) return false;
  return dimensions == 1 ? a->dimensions[0] == columns
                         : dimensions == 2 && a->dimensions[0] == rows && a->dimensions[1] == columns;
}

template <class T>
T* values_of(PyObject* array) noexcept {
  return reinterpret_cast<T*>(proxy(array)->data);
}

// A new array of T; raises where memory runs out.
template <class T>
py::object new_array(int dimensions, const Py_intptr_t* shape) {
  const auto& numpy = py::detail::npy_api::get();
  PyObject* type = numpy_types().of<T>();
  Py_INCREF(type);
  auto array = py::reinterpret_steal<py::object>(numpy.PyArray_NewFromDescr_(
      numpy.PyArray_Type_, type, dimensions, shape, nullptr, nullptr, 0, nullptr));
  if (!array) throw py::error_already_set();
  return array;
}

// A function (self, arguments, how many, names of the last) as METH_FASTCALL | METH_KEYWORDS takes it.
inline PyCFunction as_function(_PyCFunctionFastWithKeywords function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}
// The definition must outlive the class.
void add_method(const py::handle& type, PyMethodDef& definition);

// What an instance of a class that pybind11 made holds.
template <class Class>
Class& held_by(PyObject* self) noexcept {
  return *static_cast<Class*>(reinterpret_cast<py::detail::instance*>(self)->simple_value_holder[0]);
}

// The result of call(), or null with Python's error set for what it throws.
template <class Call>
PyObject* raising(Call call) noexcept {
  try {
    return call();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (...) {
    py::detail::try_translate_exceptions();
  }
  return nullptr;
}

}  // namespace lamina::python
