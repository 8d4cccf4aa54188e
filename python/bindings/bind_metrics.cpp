// Binds the metrics by name.
#include <pybind11/stl.h>

#include <vector>

#include "figures_dict.h"
#include "given_values.h"
#include "metric_arguments.h"
#include "register.h"

namespace lamina::python {
namespace {

const char* name_of(Reads reads) {
  switch (reads) {
    case Reads::kDecisions:
      return "decisions";
    case Reads::kScores:
      return "scores";
    case Reads::kProbabilities:
      return "probabilities";
    case Reads::kValues:
      return "values";
    case Reads::kQuantiles:
      break;
  }
  return "quantiles";
}

// A metric's value, and what the user should be told.
py::tuple compute(const std::string& name, const py::array& targets, const py::array& outputs,
                  const RowWeightArray& weights, double rounding, const py::dict& options) {
  const Metric& metric = metric_named(name);
  const MetricOptions read = metric_options(metric, options);
  MetricData data{number_view(targets), number_view(outputs), nullptr, rounding};
  data.weights = weight_pointer(weights, data.outputs.rows, metric.name);
  MetricResult result;
  {
    const Unlocked unlocked(targets, outputs, weights);
    result = metric.compute(data, read);
  }
  return py::make_tuple(result_value(result), result.warning);
}

// The same of classes that were chosen already; `names` in quotes where they are texts.
py::tuple compute_of_classes(const std::string& name, const DenseArray<int64_t>& truth,
                             const DenseArray<int64_t>& chosen, const RowWeightArray& weights,
                             std::vector<std::string> names, const py::dict& options) {
  const Metric& metric = metric_named(name);
  const MetricOptions read = metric_options(metric, options);
  if (truth.ndim() != 1 || chosen.ndim() != 1 || truth.shape(0) != chosen.shape(0))
    throw Error(Error::Kind::kValue, name + ": expected " + std::to_string(chosen.size()) + " labels, got " +
                                         std::to_string(truth.size()));
  const ChosenClasses classes{truth.data(), chosen.data(), truth.shape(0), std::move(names)};
  MetricData data;
  data.weights = weight_pointer(weights, truth.shape(0), metric.name);
  data.classes = &classes;
  MetricResult result;
  {
    const Unlocked unlocked(truth, chosen, weights);
    result = metric.compute(data, read);
  }
  return py::make_tuple(result_value(result), result.warning);
}

py::list table() {
  py::list rows;
  for (const Metric& metric : metric_table())
    rows.append(py::make_tuple(metric.name, metric.alias, name_of(metric.reads), mode_name(metric.mode)));
  return rows;
}

}  // namespace

void register_metrics(py::module_& module) {
  module.def("metric_table", &table, "Name, alias, what it reads and better direction of each metric.");
  module.def(
      "better", [](const std::string& name) { return mode_name(better(name)); }, py::arg("name"),
      "Whether \"min\" or \"max\" of a figure is better; None where that is not known.");
  module.def(
      "monitored",
      [](const std::string& where, const py::object& name, const py::object& mode, const py::dict& figures) {
        const auto direction = named_value<std::optional<Mode>>(
            mode, {{"auto", std::nullopt}, {"min", Mode::kMin}, {"max", Mode::kMax}}, where,
            "mode auto, min or max");
        const Monitored found = monitored(where, name.is_none() ? std::string() : std::string(py::str(name)),
                                          direction, modes_of(figures));
        return py::make_tuple(found.name, found.larger_is_better);
      },
      py::arg("where"), py::arg("name"), py::arg("mode"), py::arg("figures"),
      "The watched figure's name, and whether a larger one is better.");
  module.def("compute_metric", &compute, py::arg("name"), py::arg("targets").noconvert(),
             py::arg("outputs").noconvert(), py::arg("weights").noconvert(), py::arg("rounding"),
             py::arg("options"));
  module.def("compute_metric_of_classes", &compute_of_classes, py::arg("name"), py::arg("truth").noconvert(),
             py::arg("chosen").noconvert(), py::arg("weights").noconvert(), py::arg("names"),
             py::arg("options"));
}

}  // namespace lamina::python
