// Binds the scorer of a fit or an evaluation.
#include <pybind11/stl.h>

#include <memory>

#include "figures_dict.h"
#include "given_values.h"
#include "instance.h"
#include "layers/loss.h"
#include "made_here.h"
#include "metric_arguments.h"
#include "scorer_handle.h"

namespace lamina::python {

const py::object* ArraysByMemory::find(const void* memory) const noexcept {
  // The last: memory of arrays that are gone is used again.
  for (auto pair = arrays_.rbegin(); pair != arrays_.rend(); ++pair)
    if (pair->first == memory) return &pair->second;
  return nullptr;
}

py::object ArraysByMemory::array_of(const NumberView& numbers) const {
  const auto copy = [&]<class T>(const T* memory, std::vector<py::ssize_t> shape) -> py::object {
    if (const py::object* known = find(memory)) return *known;
    py::array_t<T> array(std::move(shape));
    for (int64_t row = 0; row < numbers.rows; ++row)
      std::copy_n(memory + row * numbers.row_stride, numbers.columns,
                  array.mutable_data() + row * numbers.columns);
    return array;
  };
  if (numbers.float32 != nullptr) return copy(numbers.float32, {numbers.rows, numbers.columns});
  if (numbers.float64 != nullptr) return copy(numbers.float64, {numbers.rows, numbers.columns});
  return copy(numbers.int32, {numbers.rows});
}

py::object ArraysByMemory::weights_of(const double* weights, int64_t rows) const {
  if (weights == nullptr) return py::none();
  if (const py::object* known = find(weights)) return *known;
  return py::array_t<double>(rows, weights);
}

namespace {

// A function of the user's, which the fit may call from a thread without the GIL.
ScoredMetric::Function function_of(const py::object& function, std::shared_ptr<ArraysByMemory> arrays) {
  const std::shared_ptr<py::object> held(new py::object(function), [](py::object* object) {
    const py::gil_scoped_acquire locked;
    delete object;
  });
  return [held, arrays](const NumberView& targets, const NumberView& outputs, const double* weights) {
    const py::gil_scoped_acquire locked;
    return as_double((*held)(arrays->array_of(targets), arrays->array_of(outputs),
                             arrays->weights_of(weights, outputs.rows)));
  };
}

// From (name, name of lamina's metric or None, options, better direction or None, function or None).
ScoredMetric metric_of(const py::tuple& given, const std::shared_ptr<ArraysByMemory>& arrays) {
  ScoredMetric scored;
  scored.name = given[0].cast<std::string>();
  if (!given[1].is_none()) {
    scored.metric = &metric_named(given[1].cast<std::string>());
    scored.options = metric_options(*scored.metric, given[2].cast<py::dict>());
  } else {
    scored.function = function_of(given[4], arrays);
  }
  if (!given[3].is_none())
    scored.mode = named_value<Mode>(given[3], {{"min", Mode::kMin}, {"max", Mode::kMax}}, "Metric",
                                    "mode 'min' or 'max'");
  return scored;
}

Instance<BoundScorer> make_scorer(const std::vector<py::tuple>& given) {
  auto arrays = std::make_shared<ArraysByMemory>();
  std::vector<ScoredMetric> metrics;
  for (const py::tuple& metric : given) metrics.push_back(metric_of(metric, arrays));
  return Instance(std::make_unique<BoundScorer>(BoundScorer{Scorer(std::move(metrics)), arrays}));
}

using Warnings = std::vector<std::string>;

// `loss`: None for a function of the user's.
Warnings prepare(BoundScorer& self, const py::object& loss, const std::string& last, int64_t outputs,
                 const std::vector<py::array>& targets, bool arrays) {
  const LossSpec* spec = loss.is_none() ? nullptr : loss.cast<const LossSpec*>();
  std::vector<NumberView> views;
  for (const py::array& target : targets) views.push_back(number_view(target));
  Warnings warnings;
  self.scorer.prepare(output_kind(spec, last, outputs), views, arrays, &warnings);
  return warnings;
}

// Figures by name, and what the user should be told; `y`: the targets as functions of the user's get them.
py::tuple score(const BoundScorer& self, const py::object& y, const std::optional<py::array>& targets,
                const py::array& outputs, const RowWeightArray& weights) {
  const NumberView truth = targets ? number_view(*targets) : NumberView(), found = number_view(outputs);
  const double* by_row = weight_pointer(weights, found.rows, "metrics");
  ArraysByMemory& arrays = *self.arrays;
  const std::size_t before = arrays.count();
  arrays.add(targets ? targets->data() : nullptr, y);
  arrays.add(outputs.data(), outputs);
  if (weights) arrays.add(by_row, *weights);
  py::dict figures;
  Warnings warnings;
  try {
    for (const ScoredMetric& metric : self.scorer.metrics()) {
      const MetricResult result = [&] {
        const Unlocked unlocked(targets, outputs, weights);
        return self.scorer.result(metric, truth, found, by_row);
      }();
      figures[py::str(metric.name)] = result_value(result);
      if (!result.warning.empty()) warnings.push_back(result.warning);
    }
  } catch (...) {
    arrays.forget_after(before);
    throw;
  }
  arrays.forget_after(before);
  return py::make_tuple(figures, warnings);
}

}  // namespace

void register_scorer(py::module_& module) {
  made_here<BoundScorer>(module, "Scorer")
      .def_property_readonly("modes", [](const BoundScorer& self) { return dict_of(self.scorer.modes()); })
      .def("prepare", &prepare, py::arg("loss"), py::arg("last_activation"), py::arg("outputs"),
           py::arg("targets"), py::arg("arrays"))
      .def("score", &score, py::arg("y"), py::arg("targets").noconvert(), py::arg("outputs").noconvert(),
           py::arg("weights").noconvert());
  module.def("make_scorer", &make_scorer, py::arg("metrics"));
}

}  // namespace lamina::python
