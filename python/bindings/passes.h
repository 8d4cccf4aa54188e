// What other files add to the class that bind_network.cpp defines, and what these share.
#pragma once

#include <pybind11/typing.h>

#include <algorithm>
#include <array>
#include <vector>

#include "handles.h"
#include "plain_arrays.h"
#include "register.h"

namespace lamina::python {

using Gradients = py::typing::Dict<py::str, py::array>;
using ValueAndGradients = py::typing::Tuple<py::float_, Gradients>;

// {name: gradient} of those that stand; the caller holds the right to train.
template <class T>
Gradients gradients_by_name(const Model<T>& model, const std::vector<py::object>& names) {
  const std::vector<Parameter>& parameters = model.network().parameters();
  Gradients gradients;
  for (size_t i = 0; i < names.size(); ++i) {
    const Parameter& parameter = parameters[i];
    std::array<Py_intptr_t, 4> shape;
    std::copy(parameter.shape.begin(), parameter.shape.end(), shape.begin());
    py::object array = new_array<T>(static_cast<int>(parameter.shape.size()), shape.data());
    unpack_parameter(parameter, model.gradients(), values_of<T>(array.ptr()));
    if (PyDict_SetItem(gradients.ptr(), names[i].ptr(), array.ptr()) != 0) throw py::error_already_set();
  }
  return gradients;
}

// The value that compute() returns and the gradients that it leaves, which no other thread can come between.
template <class T, class Compute>
ValueAndGradients with_gradients(Model<T>& model, const std::vector<py::object>& names, Compute compute) {
  const auto right = model.hold_training();
  const double value = compute();
  return py::make_tuple(value, gradients_by_name(model, names));
}

void bind_passes(py::class_<NetworkHandle>& type);
void bind_calls(const py::class_<NetworkHandle>& type);

}  // namespace lamina::python
