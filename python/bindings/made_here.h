// Classes whose objects only functions of the core make.
#pragma once

#include "register.h"

namespace lamina::python {

// pybind11 gives methods memory that nobody has set where they meet an object that `Class.__new__(Class)`
// made, or a subclass that has not called `__init__`.
inline PyObject* refuse_new(PyTypeObject* type, PyObject*, PyObject*) noexcept {
  PyErr_Format(PyExc_TypeError, "%s: expected an object that lamina made; it has no constructor of its own",
               type->tp_name);
  return nullptr;
}

// A class without constructor and subclasses.
template <class T>
py::class_<T> made_here(py::module_& module, const char* name) {
  return py::class_<T>(module, name, py::is_final(), py::custom_type_setup([](PyHeapTypeObject* type) {
                         type->ht_type.tp_new = &refuse_new;
                       }));
}

}  // namespace lamina::python
