// Binds the names of everything that a network can be built from.
#include <pybind11/stl.h>

#include "base/json.h"
#include "layers/activation_spec.h"
#include "layers/initializer.h"
#include "layers/layer.h"
#include "layers/loss.h"
#include "optimizers/update_rules.h"
#include "register.h"

namespace lamina::python {
namespace {

py::dict catalogue() {
  py::dict names;
  names["layers"] = layer_kinds();
  names["activations"] = activation_names();
  names["initializers"] = initializer_names();
  names["losses"] = loss_names();
  names["optimizers"] = optimizer_names();
  return names;
}

}  // namespace

void register_catalogue(py::module_& module) {
  module.def("catalogue", &catalogue,
             "Names of all layers, activations, initializers, losses and optimizers of the core.");
  module.def(
      "check_layer", [](const std::string& spec) { make_layer<double>(Json::parse(spec)); }, py::arg("spec"),
      "ValueError where no network could hold the layer of this JSON description.");
}

}  // namespace lamina::python
