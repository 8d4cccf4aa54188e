// Tensors of model files as numpy's arrays, and paths as Python gives them.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/stl/filesystem.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "model_file/model_file.h"
#include "register.h"

namespace lamina::python {

using TensorDict = py::typing::Dict<py::str, py::array>;
using FilePath = py::typing::Union<py::str, py::bytes>;

// The views point into the arrays, which the dictionary keeps alive.
std::vector<TensorView> views_of(const TensorDict& tensors);
// The arrays share the tensors' memory, which `storage` keeps.
TensorDict arrays_of(const std::vector<TensorView>& tensors, const std::shared_ptr<const void>& storage);

// Calls use(path) without the interpreter's lock; errors of the system become Python's OSErrors, which then
// name the path as it was given. Python raises where it cannot be one.
template <class Use>
auto with_path(const FilePath& given, Use use) {
  const auto path = py::cast<std::filesystem::path>(given);
  try {
    const py::gil_scoped_release release;
    return use(path);
  } catch (const SystemError& error) {
    const std::string reason(error.reason());
    const py::tuple arguments = py::make_tuple(error.code(), reason, given);
    PyErr_SetObject(PyExc_OSError, arguments.ptr());
    throw py::error_already_set();
  }
}

}  // namespace lamina::python
