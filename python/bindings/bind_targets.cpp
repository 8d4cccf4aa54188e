// Binds what is done with targets and weights before training: checks, class weights, rows held back.
#include <pybind11/stl.h>

#include <optional>
#include <utility>
#include <vector>

#include "examples.h"
#include "handles.h"
#include "register.h"
#include "training/adapt.h"
#include "training/check_targets.h"
#include "training/class_weights.h"
#include "training/hold_out.h"

namespace lamina::python {
namespace {

// [rows] or [rows, columns] as [rows, columns].
ArraySource rows_of(const py::array& array, const char* where) {
  const auto type = source_type(array.dtype());
  if (!type)
    throw Error(Error::Kind::kType, std::string(where) + ": expected numbers, got an array of " +
                                        std::string(py::str(array.dtype())));
  if (array.ndim() != 1 && array.ndim() != 2)
    throw Error(Error::Kind::kValue,
                std::string(where) + ": expected [rows] or [rows, columns], got shape " + shape_text(array));
  const bool flat = array.ndim() == 1;
  return {array.data(),     *type,
          array.shape(0),   flat ? 1 : array.shape(1),
          array.strides(0), flat ? array.itemsize() : array.strides(1)};
}

// The array itself where the core can read it as it is.
py::array read_class_indices(const py::array& y, int64_t outputs, const std::string& where) {
  const ArraySource source = rows_of(y, where.c_str());
  if (DenseArray<int32_t>::check_(y)) {
    const Unlocked unlocked(y);
    read_classes(source, outputs, where.c_str(), nullptr);
    return y;
  }
  DenseArray<int32_t> classes(source.rows);
  int32_t* out = classes.mutable_data();
  const Unlocked unlocked(y);
  read_classes(source, outputs, where.c_str(), out);
  return classes;
}

template <class T>
py::array read_values_as(const py::array& y, const LossSpec& loss, const std::string& where) {
  const ArraySource source = rows_of(y, where.c_str());
  if (DenseArray<T>::check_(y)) {
    const Unlocked unlocked(y);
    if (!read_values<T>(source, loss, where.c_str(), nullptr)) return y;
  }
  DenseArray<T> values({source.rows, source.columns});
  T* out = values.mutable_data();
  const Unlocked unlocked(y);
  read_values(source, loss, where.c_str(), out);
  return values;
}

WeightScale scale_of(const std::optional<std::string>& absolute) {
  if (!absolute) return WeightScale::kRelative;
  return *absolute == "float32" ? WeightScale::kFloat32 : WeightScale::kFloat64;
}

DenseArray<double> read_sample_weights(const py::array& weights, const std::optional<std::string>& absolute,
                                       const std::string& where) {
  const ArraySource source = rows_of(weights, where.c_str());
  DenseArray<double> read(source.rows);
  double* out = read.mutable_data();
  const Unlocked unlocked(weights);
  read_weights(source, scale_of(absolute), where.c_str(), out);
  return read;
}

DenseArray<double> weigh_classes(const NetworkHandle& network, const py::object& examples,
                                 const LossSpec& loss,
                                 const std::optional<std::vector<std::pair<double, double>>>& table,
                                 const std::string& where) {
  std::vector<ClassWeight> weights;
  if (table)
    for (const auto& [label, weight] : *table) weights.push_back({label, weight});
  std::optional<std::span<const ClassWeight>> given;
  if (table) given = weights;
  const std::vector<double> found = network.visit([&]<class T>(const Model<T>& model) {
    const ExampleArrays<T> arrays(examples, model.network().inputs(), where.c_str());
    const Unlocked unlocked(arrays);
    return class_weighted(arrays.data.targets, arrays.data.inputs.rows, arrays.data.sample_weights, loss,
                          model.network().outputs(), given, where.c_str());
  });
  return DenseArray<double>(static_cast<py::ssize_t>(found.size()), found.data());
}

std::optional<DenseArray<int64_t>> class_labels(const NetworkHandle& network, const py::object& examples,
                                                const LossSpec& loss) {
  const std::vector<int64_t> labels = network.visit([&]<class T>(const Model<T>& model) {
    const ExampleArrays<T> arrays(examples, model.network().inputs(), "fit");
    const Unlocked unlocked(arrays);
    return classes_of_rows(arrays.data.targets, arrays.data.inputs.rows, loss);
  });
  if (labels.empty()) return std::nullopt;
  return DenseArray<int64_t>(static_cast<py::ssize_t>(labels.size()), labels.data());
}

std::pair<DenseArray<int64_t>, DenseArray<int64_t>> hold_out_rows(
    int64_t rows, double fraction, uint64_t seed, const std::optional<DenseArray<int64_t>>& classes,
    const std::string& what) {
  std::span<const int64_t> labels;
  if (classes) labels = {classes->data(), static_cast<size_t>(classes->size())};
  const HoldOut found = hold_out(rows, fraction, seed, labels, what);
  const auto array = [](const std::vector<int64_t>& numbers) {
    return DenseArray<int64_t>(static_cast<py::ssize_t>(numbers.size()), numbers.data());
  };
  return {array(found.train), array(found.held)};
}

template <class T>
py::dict figures_of_type(const AdaptedFigures& figures) {
  py::dict arrays;
  for (const auto& [name, values] : figures) {
    DenseArray<T> array(static_cast<py::ssize_t>(values.size()));
    std::copy(values.begin(), values.end(), array.mutable_data());
    arrays[py::str(name)] = array;
  }
  return arrays;
}

// The weights of so many rows; null where there are none.
const double* shares_of(const std::optional<DenseArray<double>>& weights, int64_t rows, const char* where) {
  if (!weights) return nullptr;
  if (weights->ndim() != 1 || weights->shape(0) != rows)
    throw Error(Error::Kind::kValue, std::string(where) + ": expected " + std::to_string(rows) +
                                         " sample weights, got shape " + shape_text(*weights));
  return weights->data();
}

py::dict figures_of_normalization(const NetworkHandle& network, const std::string& layer, const py::array& x,
                                  const std::optional<DenseArray<double>>& weights) {
  return network.visit([&]<class T>(const Model<T>&) {
    const ArraySource source = rows_of(x, "adapt");
    const double* shares = shares_of(weights, source.rows, "adapt");
    const auto found = [&] {
      const Unlocked unlocked(x);
      return normalization_figures<T>(layer, source, shares);
    }();
    return figures_of_type<T>(found);
  });
}

py::dict figures_of_target_scaling(const NetworkHandle& network, const py::array& targets,
                                   const std::optional<DenseArray<double>>& weights, bool gaussian) {
  return network.visit([&]<class T>(const Model<T>& model) {
    const ArraySource source = rows_of(targets, "fit");
    const double* shares = shares_of(weights, source.rows, "fit");
    return figures_of_type<T>(target_scaling_figures(model.network(), source, shares, gaussian));
  });
}

}  // namespace

void register_targets(py::module_& module) {
  module.def("read_classes", &read_class_indices, py::arg("y"), py::arg("outputs"), py::arg("where"),
             "Class indices [rows] of any type as int32; ValueError names the row of one that is not there.");
  module.def(
      "read_values",
      [](const py::array& y, const LossSpec& loss, const std::string& dtype, const std::string& where) {
        return dtype == "float32" ? read_values_as<float>(y, loss, where)
                                  : read_values_as<double>(y, loss, where);
      },
      py::arg("y"), py::arg("loss"), py::arg("dtype"), py::arg("where"),
      "Targets [rows, columns] as `dtype`; ValueError names the row of one that the loss does not take.");
  module.def(
      "read_weights", &read_sample_weights, py::arg("sample_weight"), py::arg("absolute"), py::arg("where"),
      "Sample weights [rows] as float64, finite, at least 0 and not all 0. absolute: None where a mean "
      "is taken, so that they may be scaled; else the type whose range the largest one must lie in.");
  module.def(
      "weigh_classes", &weigh_classes, py::arg("network"), py::arg("examples"), py::arg("loss"),
      py::arg("table"), py::arg("where"),
      "The weights [rows] of examples times those of their classes: pairs of class and weight, or None "
      "for balanced ones.");
  module.def("class_labels", &class_labels, py::arg("network"), py::arg("examples"), py::arg("loss"),
             "The class of each row [rows] for hold_out, or None where rows have no class.");
  module.def("hold_out", &hold_out_rows, py::arg("rows"), py::arg("fraction"), py::arg("seed"),
             py::arg("classes"), py::arg("what"),
             "Rows to train on and rows held back, each in rising order, drawn by the seed; with classes "
             "[rows] the same share of each. `what` names the fraction in errors.");
  module.def("normalization_figures", &figures_of_normalization, py::arg("network"), py::arg("layer"),
             py::arg("x"), py::arg("weights"),
             "Parameters of the Normalization with this name, from finite rows x and their weights or None.");
  module.def("target_scaling_figures", &figures_of_target_scaling, py::arg("network"), py::arg("targets"),
             py::arg("weights"), py::arg("gaussian"),
             "Parameters of the TargetScaling that ends the network, from targets [rows, columns]. gaussian: "
             "its further outputs are logarithms of variances.");
  module.def(
      "wants_figures",
      [](const NetworkHandle& network) {
        return network.visit([](const auto& model) {
          return std::pair(wants_normalization(model), wants_target_scaling(model));
        });
      },
      py::arg("network"),
      "Whether a first Normalization and a last TargetScaling are there that have their first figures "
      "still.");
}

}  // namespace lamina::python
