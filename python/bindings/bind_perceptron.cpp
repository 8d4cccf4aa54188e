// Binds the perceptron's training.
#include <pybind11/stl.h>

#include "array_view.h"
#include "instance.h"
#include "made_here.h"
#include "poll.h"
#include "register.h"
#include "training/perceptron.h"

namespace lamina::python {
namespace {

Instance<PerceptronResult> train(const py::array& inputs, const DenseArray<int32_t>& classes, int64_t units,
                                 const PerceptronOptions& options) {
  const ArraySource source = source_of(inputs, inputs.ndim() == 2 ? inputs.shape(1) : 0, "Perceptron");
  const DataSet<double> data = data_set<double>(source, classes, std::nullopt, std::nullopt, "Perceptron");
  PerceptronResult result = run_unlocked(
      [&](Poll poll) { return train_perceptron(data.inputs, data.targets.classes, units, options, poll); },
      inputs, classes);
  return Instance(std::make_unique<PerceptronResult>(std::move(result)));
}

}  // namespace

void register_perceptron(py::module_& module) {
  using Result = PerceptronResult;
  made_here<Result>(module, "PerceptronResult")
      .def_readonly("weights", &Result::weights)
      .def_readonly("biases", &Result::biases)
      .def_readonly("updates", &Result::updates)
      .def_readonly("mistakes", &Result::mistakes)
      .def_readonly("epochs", &Result::epochs)
      .def_readonly("wrong_rows", &Result::wrong_rows)
      .def_readonly("converged", &Result::converged);
  module.def(
      "train_perceptron",
      [](const py::array& inputs, const DenseArray<int32_t>& classes, int64_t units, double learning_rate,
         double margin, bool averaged, bool fit_bias, bool shuffle, uint64_t seed, int64_t max_epochs) {
        return train(inputs, classes, units,
                     {learning_rate, margin, averaged, fit_bias, shuffle, seed, max_epochs});
      },
      py::arg("inputs"), py::arg("classes"), py::arg("units"), py::kw_only(), py::arg("learning_rate"),
      py::arg("margin"), py::arg("averaged"), py::arg("fit_bias"), py::arg("shuffle"), py::arg("seed"),
      py::arg("max_epochs"));
}

}  // namespace lamina::python
