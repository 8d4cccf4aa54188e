// The register functions that module.cpp calls, one for each bind_<concept>.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace lamina::python {

void register_arrays(py::module_& module);
void register_derivatives(py::module_& module);
void register_errors(py::module_& module);
void register_fit(py::module_& module);
void register_library(py::module_& module);
void register_linear_unit(py::module_& module);
void register_metrics(py::module_& module);
void register_model_file(py::module_& module);
void register_network(py::module_& module);
void register_perceptron(py::module_& module);
void register_predictor(py::module_& module);
void register_targets(py::module_& module);
void register_schedules(py::module_& module);
void register_scorer(py::module_& module);
void register_tables(py::module_& module);
void register_text_table(py::module_& module);

}  // namespace lamina::python
