// Binds what a network does with rows: predictions, losses, passes forward and back, steps and epochs.
#include <pybind11/stl.h>

#include "custom_loss.h"
#include "examples.h"
#include "handles.h"
#include "parameter_arrays.h"
#include "passes.h"
#include "poll.h"
#include "training/data_init.h"

namespace lamina::python {
namespace {

template <class T>
DenseArray<T> new_matrix(int64_t rows, int64_t columns) {
  return DenseArray<T>({static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(columns)});
}

// A writable [rows, columns] array of T, or null for None.
template <class T>
T* output_buffer(const std::optional<py::array>& outputs, int64_t rows, int64_t columns, const char* where) {
  if (!outputs) return nullptr;
  if (!DenseArray<T>::check_(*outputs) || outputs->ndim() != 2 || outputs->shape(0) != rows ||
      outputs->shape(1) != columns)
    throw Error(Error::Kind::kValue, std::string(where) + ": expected outputs of shape [" +
                                         std::to_string(rows) + ", " + std::to_string(columns) + "] and " +
                                         type_name<T>() + ", got " + std::string(py::str(outputs->dtype())) +
                                         " of shape " + shape_text(*outputs));
  return py::reinterpret_borrow<DenseArray<T>>(*outputs).mutable_data();
}

template <class T>
py::array predict(const Model<T>& model, const py::object& rows) {
  const InputArrays inputs(rows, model.network().inputs(), "predict");
  const ArraySource& source = inputs.source();
  DenseArray<T> outputs = new_matrix<T>(source.rows, model.network().outputs());
  T* out = outputs.mutable_data();
  run_unlocked([&](Poll poll) { return model.predict(source, out, poll); }, inputs);
  return outputs;
}

template <class T>
double evaluate(const Model<T>& model, const LossSpec& loss, const Examples& examples,
                const std::optional<py::array>& outputs) {
  const ExampleArrays<T> arrays(examples, model.network(), loss, "evaluate");
  T* out = output_buffer<T>(outputs, arrays.data.inputs.rows, model.network().outputs(), "evaluate");
  return run_unlocked([&](Poll poll) { return model.evaluate(arrays.data, loss, out, poll).loss; }, arrays,
                      outputs);
}

template <class T>
double train_step(Model<T>& model, const LossSpec& loss, Optimizer<T>& optimizer, const Examples& examples,
                  uint64_t seed) {
  const ExampleArrays<T> arrays(examples, model.network(), loss, "train_step");
  return run_unlocked([&](Poll poll) { return model.train_step(arrays.data, loss, optimizer, seed, poll); },
                      arrays);
}

template <class T>
ValueAndGradients value_and_gradient(Model<T>& model, const std::vector<py::object>& names,
                                     const LossSpec& loss, const Examples& examples, uint64_t seed,
                                     uint64_t step, bool accumulate) {
  const ExampleArrays<T> arrays(examples, model.network(), loss, "value_and_grad");
  const auto run = [&](Poll poll) {
    return model.value_and_gradient(arrays.data, loss, seed, step, accumulate, poll);
  };
  return with_gradients(model, names, [&] { return run_unlocked(run, arrays); });
}

template <class T>
double custom_value_and_gradient(Model<T>& model, const py::object& rows, const py::function& ask,
                                 const CustomPass& pass) {
  const InputArrays inputs(rows, model.network().inputs(), "forward");
  const CustomLoss<T> loss = custom_loss<T>([&](auto&&... given) { return ask(given...); });
  CustomSteps<T> steps(model, loss);
  const auto run = [&](Poll poll) {
    return steps.value_and_gradient({inputs.source(), {}, nullptr}, {}, pass, poll).value_or(0.0);
  };
  return run_unlocked(run, inputs);
}

template <class T>
void adapt_weights(Model<T>& model, const py::array& inputs, bool scale, int64_t bias_rows, uint64_t seed) {
  const ArraySource source = source_of(inputs, model.network().inputs(), "adapt_weights");
  const DataInitOptions options{scale, bias_rows, seed};
  run_unlocked([&](Poll poll) { return initialize_from_data(model, source, options, poll); }, inputs);
}

template <class T>
py::array forward(Model<T>& model, const py::array& inputs, bool training, uint64_t seed, uint64_t step) {
  const ArraySource source = source_of(inputs, model.network().inputs(), "forward");
  const std::vector<int64_t> shape = model.forward_shape(source.rows, training);
  DenseArray<T> outputs(std::vector<py::ssize_t>(shape.begin(), shape.end()));
  T* out = outputs.mutable_data();
  run_unlocked([&](Poll poll) { model.forward(source, training, seed, step, out, poll); }, inputs);
  return outputs;
}

template <class T>
std::optional<py::array> backward(Model<T>& model, const DenseArray<T>& output_gradient,
                                  bool gradients_wanted, bool accumulate, bool input_gradient_wanted) {
  const std::vector<int64_t> shape(output_gradient.shape(), output_gradient.shape() + output_gradient.ndim());
  const int64_t rows = shape.empty() ? 0 : shape.front();
  std::optional<DenseArray<T>> result;
  if (input_gradient_wanted) result = new_matrix<T>(rows, model.network().inputs());
  T* out = result ? result->mutable_data() : nullptr;
  const T* in = output_gradient.data();
  run_unlocked([&](Poll poll) { model.backward(in, shape, gradients_wanted, accumulate, out, poll); },
               output_gradient);
  return result;
}

template <class T>
std::optional<Gradients> gradients(Model<T>& model, const std::vector<py::object>& names) {
  const auto right = model.hold_training();
  if (model.gradients() == nullptr && !names.empty()) return std::nullopt;
  return gradients_by_name(model, names);
}

// Methods of Python's that work on weights and gradients alone, without the interpreter's lock.
template <class Use>
auto unlocked(Use use) {
  return [use](const NetworkHandle& self) {
    const py::gil_scoped_release release;
    return self.visit(use);
  };
}
template <class Held, class Use>
auto unlocked_with(const char* where, Use use) {
  return [where, use](const NetworkHandle& self, const Held& held) {
    const py::gil_scoped_release release;
    self.visit([&]<class T>(Model<T>& model) { use(model, held.template of<T>(where)); });
  };
}

void bind_averages(py::class_<NetworkHandle>& type) {
  using Average = AverageHandle;
  type.def("update_average",
           unlocked_with<Average>("WeightAverage", [](auto& m, auto& average) { m.update_average(average); }),
           py::arg("average"))
      .def("apply_average",
           unlocked_with<Average>("WeightAverage", [](auto& m, auto& average) { m.apply_average(average); }),
           py::arg("average"))
      .def("resume_training_weights",
           unlocked_with<Average>("WeightAverage",
                                  [](auto& m, auto& average) { m.resume_training_weights(average); }),
           py::arg("average"));
}

void bind_steps(py::class_<NetworkHandle>& type) {
  type.def(
          "train_step",
          [](const NetworkHandle& self, const LossSpec& loss, const OptimizerHandle& optimizer,
             const Examples& examples, uint64_t seed) {
            return self.visit([&]<class T>(Model<T>& model) {
              return train_step(model, loss, optimizer.of<T>("train_step"), examples, seed);
            });
          },
          py::arg("loss"), py::arg("optimizer"), py::arg("examples"), py::arg("seed"))
      .def(
          "value_and_gradient",
          [](const NetworkHandle& self, const LossSpec& loss, const Examples& examples, uint64_t seed,
             uint64_t step, bool accumulate) {
            return self.visit([&](auto& model) {
              return value_and_gradient(model, self.parameter_names(), loss, examples, seed, step,
                                        accumulate);
            });
          },
          py::arg("loss"), py::arg("examples"), py::kw_only(), py::arg("seed"), py::arg("step"),
          py::arg("accumulate"))
      .def(
          "custom_value_and_gradient",
          [](const NetworkHandle& self, const py::object& inputs, const py::function& ask, uint64_t seed,
             uint64_t step, bool accumulate) {
            return self.visit([&](auto& model) {
              return custom_value_and_gradient(model, inputs, ask, {seed, step, accumulate});
            });
          },
          py::arg("inputs"), py::arg("ask"), py::kw_only(), py::arg("seed"), py::arg("step"),
          py::arg("accumulate"))
      .def(
          "adapt_weights",
          [](const NetworkHandle& self, const py::array& inputs, bool scale, int64_t bias_rows,
             uint64_t seed) {
            self.visit([&](auto& model) { adapt_weights(model, inputs, scale, bias_rows, seed); });
          },
          py::arg("inputs"), py::kw_only(), py::arg("scale"), py::arg("bias_rows"), py::arg("seed"))
      .def(
          "forward",
          [](const NetworkHandle& self, const py::array& inputs, bool training, uint64_t seed,
             uint64_t step) {
            return self.visit([&](auto& model) { return forward(model, inputs, training, seed, step); });
          },
          py::arg("inputs"), py::kw_only(), py::arg("training"), py::arg("seed"), py::arg("step"))
      .def(
          "backward",
          [](const NetworkHandle& self, const py::array& output_gradient, bool gradients_wanted,
             bool accumulate, bool input_gradient_wanted) {
            return self.visit([&]<class T>(Model<T>& model) {
              return backward(model, dense_array<T>(output_gradient, "backward"), gradients_wanted,
                              accumulate, input_gradient_wanted);
            });
          },
          py::arg("output_gradient"), py::kw_only(), py::arg("gradients_wanted"), py::arg("accumulate"),
          py::arg("input_gradient_wanted"))
      .def("gradients",
           [](const NetworkHandle& self) {
             return self.visit([&](auto& model) { return gradients(model, self.parameter_names()); });
           })
      // Calls call() with the right to train, and returns what it returns.
      .def(
          "hold_training",
          [](const NetworkHandle& self, const py::function& call) -> py::object {
            return self.visit([&](auto& model) {
              const auto right = model.hold_training();
              return call();
            });
          },
          py::arg("call"))
      .def("penalty", unlocked([](auto& model) { return model.penalty(); }))
      .def("apply_gradients",
           unlocked_with<OptimizerHandle>("optimizer",
                                          [](auto& model, auto& rule) { model.apply_gradients(rule); }),
           py::arg("optimizer"));
}

}  // namespace

void bind_passes(py::class_<NetworkHandle>& type) {
  bind_averages(type);
  bind_steps(type);
  type.def(
          "predict",
          [](const NetworkHandle& self, const py::object& inputs) {
            return self.visit([&](const auto& model) { return predict(model, inputs); });
          },
          py::arg("inputs"))
      .def(
          "evaluate",
          [](const NetworkHandle& self, const LossSpec& loss, const Examples& examples,
             const std::optional<py::array>& outputs) {
            return self.visit([&](const auto& model) { return evaluate(model, loss, examples, outputs); });
          },
          py::arg("loss"), py::arg("examples"), py::arg("outputs") = py::none());
}

}  // namespace lamina::python
