// Defines the extension module lamina._core: one register function for each concept.
#include "base/version.h"
#include "register.h"

PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  module.doc() = "The compiled core of lamina; use the package lamina instead.";
  module.attr("__version__") = lamina::version();

  lamina::python::register_library(module);
  lamina::python::register_arrays(module);
  lamina::python::register_metrics(module);
  lamina::python::register_schedules(module);
  lamina::python::register_network(module);
  lamina::python::register_targets(module);
  lamina::python::register_fit(module);
  lamina::python::register_scorer(module);
  lamina::python::register_derivatives(module);
  lamina::python::register_perceptron(module);
  lamina::python::register_linear_unit(module);
  lamina::python::register_predictor(module);
  lamina::python::register_model_file(module);
  lamina::python::register_text_table(module);
  lamina::python::register_tables(module);
}
