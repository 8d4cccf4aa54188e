// The rows, targets and weights of a call: the arrays that Python's Examples hold, as the core reads them.
#pragma once

#include <optional>
#include <string>

#include "array_view.h"
#include "base/error.h"
#include "layers/loss.h"
#include "network/network.h"

namespace lamina::python {

// An object with the attributes x, classes, values and weights, of which None are absent.
class Examples : public py::object {
 public:
  PYBIND11_OBJECT_DEFAULT(Examples, py::object, is_examples)

 private:
  static bool is_examples(PyObject* object) noexcept {
    return PyObject_HasAttrString(object, "classes") == 1;
  }
};

template <class T>
std::optional<DenseArray<T>> optional_array(const py::object& value, const char* where) {
  if (value.is_none()) return std::nullopt;
  return dense_array<T>(value, where);
}

// Holds the arrays of examples.
template <class T>
struct ExampleArrays {
  ExampleArrays(const py::object& examples, int64_t columns, const char* where)
      : inputs(examples.attr("x"), columns, where),
        classes(optional_array<int32_t>(examples.attr("classes"), where)),
        values(optional_array<T>(examples.attr("values"), where)),
        weights(optional_array<double>(examples.attr("weights"), where)),
        data(data_set<T>(inputs.source(), classes, values, weights, where)) {}
  // For a loss, whose targets these must be.
  ExampleArrays(const py::object& examples, const Network<T>& network, const LossSpec& loss,
                const char* where)
      : ExampleArrays(examples, network.inputs(), where) {
    const int64_t columns = loss.target_columns(network.outputs());
    const bool fits = values ? data.targets.columns == columns : classes && loss.takes_classes;
    if (!fits)
      throw Error(Error::Kind::kValue, std::string(where) + ": expected targets of " +
                                           std::to_string(columns) + " columns for " + loss.name + ", got " +
                                           (values    ? shape_text(*values)
                                            : classes ? "classes"
                                                      : "none"));
  }

  InputArrays inputs;
  std::optional<DenseArray<int32_t>> classes;
  std::optional<DenseArray<T>> values;
  std::optional<DenseArray<double>> weights;
  DataSet<T> data;
};

}  // namespace lamina::python

namespace pybind11::detail {

template <>
struct handle_type_name<lamina::python::Examples> {
  static constexpr auto name = const_name("lamina._network.examples.Examples");
};

}  // namespace pybind11::detail
