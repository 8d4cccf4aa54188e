// Binds derivatives of networks: Jacobians, products with vectors, gradients of single rows.
#include <pybind11/stl.h>

#include "base/random.h"
#include "examples.h"
#include "handles.h"
#include "parameter_arrays.h"
#include "poll.h"
#include "register.h"
#include "training/epoch_order.h"

namespace lamina::python {
namespace {

template <class T>
int64_t parameter_count(const Model<T>& model) {
  int64_t count = 0;
  for (const Parameter& parameter : model.network().parameters()) count += parameter.element_count();
  return count;
}

template <class T>
const T* changes(const std::optional<DenseArray<T>>& array, int64_t rows, int64_t columns,
                 const char* where) {
  if (!array) return nullptr;
  if (array->ndim() != 2 || array->shape(0) != rows || array->shape(1) != columns)
    throw Error(Error::Kind::kValue, std::string(where) + ": expected shape [" + std::to_string(rows) + ", " +
                                         std::to_string(columns) + "], got " + shape_text(*array));
  return array->data();
}

// Runs call(derivatives, poll) on these arrays without the interpreter lock.
template <class T, class Call, class... Given>
void derive(Model<T>& model, Call call, const Given&... arrays) {
  run_unlocked(
      [&](Poll poll) { model.derive([&](Derivatives<T>& derivatives) { return call(derivatives, poll); }); },
      arrays...);
}

template <class T>
py::array jacobian(Model<T>& model, const py::array& inputs, bool by_parameters) {
  const Network<T>& network = model.network();
  const ArraySource source = source_of(inputs, network.inputs(), "jacobian");
  const int64_t columns = by_parameters ? parameter_count(model) : network.inputs();
  DenseArray<T> result(std::vector<py::ssize_t>{static_cast<py::ssize_t>(source.rows),
                                                static_cast<py::ssize_t>(network.outputs()),
                                                static_cast<py::ssize_t>(columns)});
  T* out = result.mutable_data();
  derive(
      model,
      [&](Derivatives<T>& derivatives, Poll poll) {
        return by_parameters ? derivatives.parameter_jacobian(source, out, poll)
                             : derivatives.input_jacobian(source, out, poll);
      },
      inputs);
  return result;
}

template <class T>
py::array jacobian_vector_product(Model<T>& model, const py::array& inputs,
                                  const std::optional<DenseArray<T>>& input_change,
                                  const std::optional<std::vector<py::array>>& parameter_change) {
  constexpr const char* kWhere = "jacobian_vector_product";
  const Network<T>& network = model.network();
  const ArraySource source = source_of(inputs, network.inputs(), kWhere);
  const T* by_input = changes(input_change, source.rows, network.inputs(), kWhere);
  AlignedBuffer<T> flat;
  if (parameter_change) {
    flat = AlignedBuffer<T>(network.flat_size());
    pack_all(network.parameters(), *parameter_change, flat.data(), kWhere);
  }
  DenseArray<T> result(std::vector<py::ssize_t>{static_cast<py::ssize_t>(source.rows),
                                                static_cast<py::ssize_t>(network.outputs())});
  T* out = result.mutable_data();
  derive(
      model,
      [&](Derivatives<T>& derivatives, Poll poll) {
        return derivatives.jacobian_vector_product(source, by_input, flat.data(), out, poll);
      },
      inputs, input_change);
  return result;
}

template <class T>
py::tuple vector_jacobian_product(Model<T>& model, const py::array& inputs, const DenseArray<T>& vectors,
                                  bool by_inputs) {
  constexpr const char* kWhere = "vector_jacobian_product";
  const Network<T>& network = model.network();
  const ArraySource source = source_of(inputs, network.inputs(), kWhere);
  const T* factors = changes<T>(vectors, source.rows, network.outputs(), kWhere);
  const int64_t rows = by_inputs ? source.rows : 0;
  DenseArray<T> by_input({static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(network.inputs())});
  T* out = by_input.mutable_data();
  AlignedBuffer<T> flat(by_inputs ? 0 : network.flat_size());
  derive(
      model,
      [&](Derivatives<T>& derivatives, Poll poll) {
        return by_inputs ? derivatives.input_gradient(source, factors, out, poll)
                         : derivatives.parameter_gradient(source, factors, flat.data(), poll);
      },
      inputs, vectors);
  return py::make_tuple(by_input, by_inputs ? ArrayList() : list_of(unpack_all(model, flat.data())));
}

template <class T>
py::array sample_gradients(Model<T>& model, const LossSpec& loss, const Examples& examples) {
  const ExampleArrays<T> arrays(examples, model.network(), loss, "sample_gradients");
  DenseArray<T> result(std::vector<py::ssize_t>{static_cast<py::ssize_t>(arrays.data.inputs.rows),
                                                static_cast<py::ssize_t>(parameter_count(model))});
  T* out = result.mutable_data();
  derive(
      model,
      [&](Derivatives<T>& derivatives, Poll poll) {
        return derivatives.sample_gradients(arrays.data, loss, out, poll);
      },
      arrays);
  return result;
}

template <class T>
py::array sample_gradient_norms(Model<T>& model, const LossSpec& loss, const Examples& examples) {
  const ExampleArrays<T> arrays(examples, model.network(), loss, "sample_gradient_norms");
  DenseArray<double> result(static_cast<py::ssize_t>(arrays.data.inputs.rows));
  double* out = result.mutable_data();
  derive(
      model,
      [&](Derivatives<T>& derivatives, Poll poll) {
        return derivatives.sample_gradient_norms(arrays.data, loss, out, poll);
      },
      arrays);
  return result;
}

ArrayList hessian_vector_product(Model<double>& model, const LossSpec& loss, const Examples& examples,
                                 const std::vector<py::array>& direction) {
  constexpr const char* kWhere = "hessian_vector_product";
  const ExampleArrays<double> arrays(examples, model.network(), loss, kWhere);
  const int64_t size = model.network().flat_size();
  AlignedBuffer<double> vector(size), product(size);
  pack_all(model.network().parameters(), direction, vector.data(), kWhere);
  run_unlocked(
      [&](Poll poll) {
        model.hessian_vector_product(loss, arrays.data, vector.data(), product.data(), poll);
      },
      arrays);
  return list_of(unpack_all(model, product.data()));
}

template <class T>
ArrayList activations(const Model<T>& model, const py::array& inputs) {
  const Network<T>& network = model.network();
  const ArraySource source = source_of(inputs, network.inputs(), "activations");
  std::vector<DenseArray<T>> result;
  std::vector<T*> out;
  const std::vector<int64_t> widths = network.layer_widths();
  for (size_t i = 1; i < widths.size(); ++i) {
    result.emplace_back(
        std::vector<py::ssize_t>{static_cast<py::ssize_t>(source.rows), static_cast<py::ssize_t>(widths[i])});
    out.push_back(result.back().mutable_data());
  }
  run_unlocked(
      [&](Poll poll) {
        model.read([&](const Network<T>& read, const T* weights) {
          layer_outputs<T>(read, weights, source, out, poll);
        });
      },
      inputs);
  return list_of(result);
}

DenseArray<int64_t> shuffled_rows(int64_t rows, uint64_t seed, uint64_t epoch) {
  DenseArray<int64_t> order(static_cast<py::ssize_t>(rows));
  const std::span<int64_t> indices(order.mutable_data(), static_cast<size_t>(rows));
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i);
  const py::gil_scoped_release release;
  shuffle_indices(seed, epoch, indices);
  return order;
}

void bind_products(py::module_& module) {
  module.def(
      "jacobian_vector_product",
      [](const NetworkHandle& network, const py::array& inputs, const std::optional<py::array>& input_change,
         const std::optional<std::vector<py::array>>& parameter_change) {
        constexpr const char* kWhere = "jacobian_vector_product";
        return network.visit([&]<class T>(Model<T>& model) {
          std::optional<DenseArray<T>> by_input;
          if (input_change) by_input = dense_array<T>(*input_change, kWhere);
          return jacobian_vector_product(model, inputs, by_input, parameter_change);
        });
      },
      py::arg("network"), py::arg("inputs"), py::arg("input_change"), py::arg("parameter_change"));
  module.def(
      "vector_jacobian_product",
      [](const NetworkHandle& network, const py::array& inputs, const py::array& vectors, bool by_inputs) {
        return network.visit([&]<class T>(Model<T>& model) {
          const auto factors = dense_array<T>(vectors, "vector_jacobian_product");
          return vector_jacobian_product(model, inputs, factors, by_inputs);
        });
      },
      py::arg("network"), py::arg("inputs"), py::arg("vectors"), py::arg("by_inputs"));
  module.def(
      "hessian_vector_product",
      [](const NetworkHandle& network, const LossSpec& loss, const Examples& examples,
         const std::vector<py::array>& direction) {
        return hessian_vector_product(network.of<double>("hessian_vector_product"), loss, examples,
                                      direction);
      },
      py::arg("network"), py::arg("loss"), py::arg("examples"), py::arg("direction"));
}

void bind_by_row(py::module_& module) {
  module.def(
      "jacobian",
      [](const NetworkHandle& network, const py::array& inputs, bool by_parameters) {
        return network.visit([&](auto& model) { return jacobian(model, inputs, by_parameters); });
      },
      py::arg("network"), py::arg("inputs"), py::arg("by_parameters"));
  module.def(
      "sample_gradients",
      [](const NetworkHandle& network, const LossSpec& loss, const Examples& examples) {
        return network.visit([&](auto& model) { return sample_gradients(model, loss, examples); });
      },
      py::arg("network"), py::arg("loss"), py::arg("examples"));
  module.def(
      "sample_gradient_norms",
      [](const NetworkHandle& network, const LossSpec& loss, const Examples& examples) {
        return network.visit([&](auto& model) { return sample_gradient_norms(model, loss, examples); });
      },
      py::arg("network"), py::arg("loss"), py::arg("examples"));
  module.def(
      "activations",
      [](const NetworkHandle& network, const py::array& inputs) {
        return network.visit([&](const auto& model) { return activations(model, inputs); });
      },
      py::arg("network"), py::arg("inputs"));
}

}  // namespace

void register_derivatives(py::module_& module) {
  bind_by_row(module);
  bind_products(module);
  module.def("shuffled_rows", &shuffled_rows, py::arg("rows"), py::arg("seed"), py::arg("epoch"));
}

}  // namespace lamina::python
