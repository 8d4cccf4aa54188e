// Binds what follows a network's training: optimizers and weight averages with their state.
#include <pybind11/stl.h>

#include "base/json.h"
#include "made_here.h"
#include "parameter_arrays.h"
#include "register.h"

namespace lamina::python {
namespace {

template <class T>
void bind_optimizer(py::module_& module, const char* name) {
  using Class = Optimizer<T>;
  made_here<Class>(module, name)
      .def_property("learning_rate", &Class::learning_rate, &Class::set_learning_rate)
      .def_property("steps", &Class::steps, &Class::set_steps)
      .def("spec", [](const Class& self) { return optimizer_to_json(self.spec()).dump(); })
      .def("parameter_names", [](const Class& self) { return names_of(self.parameters()); })
      .def("state_names",
           [](const Class& self) {
             const auto& names = self.spec().entry->state_names;
             return std::vector<std::string>(names, names + self.state_count());
           })
      .def(
          "get_state",
          [](Class& self, int index) { return unpack_all<T>(self.parameters(), self.state(index)); },
          py::arg("index"))
      .def(
          "set_state",
          [](Class& self, int index, const std::vector<DenseArray<T>>& arrays) {
            pack_all(self.parameters(), arrays, self.state(index), "optimizer state");
          },
          py::arg("index"), py::arg("arrays"));
}

template <class T>
void bind_average(py::module_& module, const char* name) {
  using Class = WeightAverage<T>;
  made_here<Class>(module, name)
      .def_property("updates", &Class::updates, &Class::set_updates)
      .def_property("applied", &Class::applied, &Class::set_applied)
      .def_property_readonly("started", &Class::started)
      .def("parameter_names", [](const Class& self) { return names_of(self.parameters()); })
      .def("average", [](Class& self) { return unpack_all<T>(self.parameters(), self.average()); })
      .def("training", [](Class& self) { return unpack_all<T>(self.parameters(), self.training()); })
      .def(
          "set_state",
          [](Class& self, const std::vector<DenseArray<T>>& average,
             const std::vector<DenseArray<T>>& training) {
            pack_all(self.parameters(), average, self.average(), "weight average");
            pack_all(self.parameters(), training, self.training(), "weight average");
          },
          py::arg("average"), py::arg("training"));
}

}  // namespace

void register_optimizer(py::module_& module) {
  bind_optimizer<float>(module, "OptimizerFloat32");
  bind_optimizer<double>(module, "OptimizerFloat64");
  bind_average<float>(module, "WeightAverageFloat32");
  bind_average<double>(module, "WeightAverageFloat64");
  module.def("check_optimizer", [](const std::string& spec) {
    return optimizer_to_json(optimizer_from_json(Json::parse(spec))).dump();
  });
}

}  // namespace lamina::python
