// Binds the metrics by name, and the scorer of a fit or an evaluation.
#include <pybind11/stl.h>

#include <memory>

#include "array_view.h"
#include "given_values.h"
#include "instance.h"
#include "made_here.h"
#include "metrics/scorer.h"

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

std::optional<std::string> name_of(std::optional<Mode> mode) {
  if (!mode) return std::nullopt;
  return *mode == Mode::kMin ? "min" : "max";
}

// Options as users give them, by the names that the metric has for them.
class OptionsReader {
 public:
  explicit OptionsReader(const Metric& metric)
      : where_(metric.name), of_area_(metric.reads == Reads::kScores) {}

  MetricOptions read(const py::dict& given) {
    for (const auto& [key, value] : given) read_one(key.cast<std::string>(), value);
    return std::move(options_);
  }

 private:
  void read_one(const std::string& option, py::handle value) {
    if (option == "average")
      read_average(value);
    else if (option == "k")
      options_.k = count("k", value);
    else if (option == "bins")
      options_.bins = count("bins", value);
    else if (option == "level")
      read_levels(value);
    else if (value.is_none())
      return;
    else if (option == "task")
      options_.task = named_value<Task>(
          value,
          {{"binary", Task::kBinary}, {"multiclass", Task::kMulticlass}, {"multilabel", Task::kMultilabel}},
          where_, "task binary, multiclass, multilabel or None");
    else if (option == "threshold")
      options_.threshold = threshold(value);
    else if (option == "normalize")
      options_.normalize = named_value<Normalize>(
          value, {{"true", Normalize::kTrue}, {"pred", Normalize::kPredicted}, {"all", Normalize::kAll}},
          where_, "normalize 'true', 'pred', 'all' or None");
    else
      throw Error(Error::Kind::kType, where_ + ": unknown option '" + option + "'");
  }
  void read_average(py::handle value) {
    const char* expected = of_area_ ? "average macro, micro, weighted or None"
                                    : "average auto, binary, macro, micro, weighted or None";
    options_.average = Average::kNone;
    if (value.is_none()) return;
    options_.average = named_value<Average>(value,
                                            {{"auto", Average::kAuto},
                                             {"binary", Average::kBinary},
                                             {"macro", Average::kMacro},
                                             {"micro", Average::kMicro},
                                             {"weighted", Average::kWeighted}},
                                            where_, expected);
  }
  double threshold(py::handle value) const {
    if (!is_number(value)) refuse(Error::Kind::kType, where_, "threshold as a number", value);
    return as_double(value);
  }
  int64_t count(const char* option, py::handle value) const {
    if (!is_whole(value))
      refuse(Error::Kind::kType, where_, std::string(option) + " as a whole number", value);
    return as_integer(value);
  }
  void read_levels(py::handle value) {
    const auto add = [&](py::handle level) {
      if (!is_number(level)) return false;
      options_.levels.push_back(as_double(level));
      return options_.levels.back() >= 0.0 && options_.levels.back() <= 1.0;
    };
    bool good = false;
    if (is_number(value)) {
      good = add(value);
    } else if (const py::object many = py::module_::import("numpy").attr("asarray")(value);
               many.attr("ndim").cast<int>() == 1) {
      good = py::len(many) > 0;
      for (const py::handle level : many) good = good && add(level);
    }
    if (!good) refuse(Error::Kind::kValue, where_, "level in [0, 1], or a sequence of such", value);
  }

  std::string where_;
  bool of_area_;
  MetricOptions options_;
};

// Class indices [rows] of int32, or numbers [rows, columns] of float32 or float64, without gaps.
NumberView view_of(const py::array& array) {
  const auto refused = [&](const char* what) {
    return Error(Error::Kind::kType, std::string("metrics: ") + what + shape_text(array));
  };
  if ((array.flags() & py::array::c_style) == 0) throw refused("expected an array without gaps, got ");
  const int64_t rows = array.ndim() > 0 ? array.shape(0) : 0;
  if (array.ndim() == 1 && py::isinstance<DenseArray<int32_t>>(array))
    return {static_cast<const int32_t*>(array.data()), rows};
  if (array.ndim() != 2) throw refused("expected an array [rows, columns], got ");
  if (py::isinstance<DenseArray<float>>(array))
    return {static_cast<const float*>(array.data()), rows, array.shape(1)};
  if (py::isinstance<DenseArray<double>>(array))
    return {static_cast<const double*>(array.data()), rows, array.shape(1)};
  throw refused("expected numbers of float32 or float64, or class indices of int32, got ");
}

using Weights = std::optional<DenseArray<double>>;

const double* pointer(const Weights& weights, int64_t rows, const char* where) {
  if (!weights) return nullptr;
  if (weights->ndim() != 1 || weights->shape(0) != rows)
    throw Error(Error::Kind::kValue, std::string(where) + ": expected " + std::to_string(rows) +
                                         " sample weights, got shape " + shape_text(*weights));
  return weights->data();
}

py::object value_of(const MetricResult& result) {
  if (!result.is_array()) return py::float_(result.number());
  py::array_t<double> array(std::vector<py::ssize_t>(result.shape.begin(), result.shape.end()));
  std::copy(result.values.begin(), result.values.end(), array.mutable_data());
  return array;
}

// A metric's value, and what the user should be told.
py::tuple compute(const std::string& name, const py::array& targets, const py::array& outputs,
                  const Weights& weights, double rounding, const py::dict& options) {
  const Metric& metric = metric_named(name);
  const MetricOptions read = OptionsReader(metric).read(options);
  MetricData data{view_of(targets), view_of(outputs), nullptr, rounding};
  data.weights = pointer(weights, data.outputs.rows, metric.name);
  MetricResult result;
  {
    const Unlocked unlocked(targets, outputs, weights);
    result = metric.compute(data, read);
  }
  return py::make_tuple(value_of(result), result.warning);
}

// The same of classes that were chosen already; `names` in quotes where they are texts.
py::tuple compute_of_classes(const std::string& name, const DenseArray<int64_t>& truth,
                             const DenseArray<int64_t>& chosen, const Weights& weights,
                             std::vector<std::string> names, const py::dict& options) {
  const Metric& metric = metric_named(name);
  const MetricOptions read = OptionsReader(metric).read(options);
  if (truth.ndim() != 1 || chosen.ndim() != 1 || truth.shape(0) != chosen.shape(0))
    throw Error(Error::Kind::kValue, name + ": expected " + std::to_string(chosen.size()) + " labels, got " +
                                         std::to_string(truth.size()));
  const ChosenClasses classes{truth.data(), chosen.data(), truth.shape(0), std::move(names)};
  MetricData data;
  data.weights = pointer(weights, truth.shape(0), metric.name);
  data.classes = &classes;
  MetricResult result;
  {
    const Unlocked unlocked(truth, chosen, weights);
    result = metric.compute(data, read);
  }
  return py::make_tuple(value_of(result), result.warning);
}

py::list table() {
  py::list rows;
  for (const Metric& metric : metric_table())
    rows.append(py::make_tuple(metric.name, metric.alias, name_of(metric.reads), name_of(metric.mode)));
  return rows;
}

}  // namespace

void register_metrics(py::module_& module) {
  module.def("metric_table", &table, "Name, alias, what it reads and better direction of each metric.");
  module.def(
      "better", [](const std::string& name) { return name_of(better(name)); }, py::arg("name"),
      "Whether \"min\" or \"max\" of a figure is better; None where that is not known.");
  module.def("compute_metric", &compute, py::arg("name"), py::arg("targets").noconvert(),
             py::arg("outputs").noconvert(), py::arg("weights").noconvert(), py::arg("rounding"),
             py::arg("options"));
  module.def("compute_metric_of_classes", &compute_of_classes, py::arg("name"), py::arg("truth").noconvert(),
             py::arg("chosen").noconvert(), py::arg("weights").noconvert(), py::arg("names"),
             py::arg("options"));
}

}  // namespace lamina::python
