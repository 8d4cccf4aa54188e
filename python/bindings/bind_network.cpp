// Binds networks, once for float32 and once for float64, and losses.
#include <pybind11/stl.h>

#include <algorithm>
#include "array_view.h"
#include "base/json.h"
#include "inference/raw_outputs.h"
#include "instance.h"
#include "made_here.h"
#include "parameter_arrays.h"
#include "poll.h"
#include "register.h"
#include "training/model.h"

namespace lamina::python {
namespace {

Json parse(const std::string& text) { return Json::parse(text); }

template <class T>
using Values = std::optional<DenseArray<T>>;
using Classes = std::optional<DenseArray<int32_t>>;
using Weights = std::optional<DenseArray<double>>;

template <class T>
DenseArray<T> new_matrix(int64_t rows, int64_t columns) {
  return DenseArray<T>({static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(columns)});
}

// A writable [rows, columns] array of T, or null for None.
template <class T>
T* output_buffer(std::optional<DenseArray<T>>& outputs, int64_t rows, int64_t columns, const char* where) {
  if (!outputs) return nullptr;
  if (outputs->ndim() != 2 || outputs->shape(0) != rows || outputs->shape(1) != columns)
    throw Error(Error::Kind::kValue, std::string(where) + ": expected outputs of shape [" +
                                         std::to_string(rows) + ", " + std::to_string(columns) + "], got " +
                                         shape_text(*outputs));
  return outputs->mutable_data();
}

template <class T>
size_t parameter_index(const Model<T>& model, size_t index) {
  if (index >= model.network().parameters().size())
    throw Error(Error::Kind::kIndex, "network: no parameter of index " + std::to_string(index));
  return index;
}

template <class T>
DenseArray<T> predict(const Model<T>& model, const py::array& inputs, const py::object& progress) {
  const ArraySource source = source_of(inputs, model.network().inputs(), "predict");
  DenseArray<T> outputs = new_matrix<T>(source.rows, model.network().outputs());
  T* out = outputs.mutable_data();
  PythonPoll poll(progress);
  {
    const Unlocked unlocked(inputs);
    model.predict(source, out, poll);
  }
  poll.rethrow();
  return outputs;
}

template <class T>
double evaluate(const Model<T>& model, const LossSpec& loss, const py::array& inputs, const Classes& classes,
                const Values<T>& values, const Weights& weights, Values<T> outputs,
                const py::object& progress) {
  const DataSet<T> data = data_set<T>(inputs, model.network().inputs(), classes, values, weights, "evaluate");
  T* out = output_buffer(outputs, data.inputs.rows, model.network().outputs(), "evaluate");
  PythonPoll poll(progress);
  Evaluation result;
  {
    const Unlocked unlocked(inputs, classes, values, weights, outputs);
    result = model.evaluate(data, loss, out, poll);
  }
  poll.rethrow();
  return result.loss;
}

// A learning rate for each step of an epoch.
const double* step_rates(const DenseArray<double>& rates, int64_t steps) {
  if (rates.ndim() != 1 || rates.shape(0) != steps)
    throw Error(Error::Kind::kValue, "fit: expected a learning rate for each of " + std::to_string(steps) +
                                         " steps, got shape " + shape_text(rates));
  return rates.data();
}

template <class T>
py::tuple run_epoch(Model<T>& model, const LossSpec& loss, Optimizer<T>& optimizer, WeightAverage<T>* average,
                    const py::array& inputs, const Classes& classes, const Values<T>& values,
                    const Weights& weights, int64_t epoch, int64_t batch_size, int64_t accumulate,
                    bool shuffle, uint64_t seed, const std::optional<DenseArray<double>>& learning_rates,
                    Values<T> outputs, const py::object& progress) {
  const DataSet<T> data = data_set<T>(inputs, model.network().inputs(), classes, values, weights, "fit");
  T* out = output_buffer(outputs, data.inputs.rows, model.network().outputs(), "fit");
  const int64_t steps = model.steps_per_epoch(data.inputs.rows, batch_size, accumulate);
  const double* rates = learning_rates ? step_rates(*learning_rates, steps) : nullptr;
  PythonPoll poll(progress);
  EpochRecord record;
  {
    const Unlocked unlocked(inputs, classes, values, weights, learning_rates, outputs);
    record = model.run_epoch(data, loss, {epoch, batch_size, shuffle, seed, rates, accumulate}, optimizer,
                             average, out, poll);
  }
  poll.rethrow();
  return py::make_tuple(record.loss, record.steps, record.cancelled);
}

template <class T>
double train_step(Model<T>& model, const LossSpec& loss, Optimizer<T>& optimizer, const py::array& inputs,
                  const Classes& classes, const Values<T>& values, const Weights& weights, uint64_t seed) {
  const DataSet<T> data =
      data_set<T>(inputs, model.network().inputs(), classes, values, weights, "train_step");
  return interruptible([&](Poll poll) {
    const Unlocked unlocked(inputs, classes, values, weights);
    return model.train_step(data, loss, optimizer, seed, poll);
  });
}

template <class T>
double value_and_gradient(Model<T>& model, const LossSpec& loss, const py::array& inputs,
                          const Classes& classes, const Values<T>& values, const Weights& weights,
                          uint64_t seed, uint64_t step, bool accumulate) {
  const DataSet<T> data =
      data_set<T>(inputs, model.network().inputs(), classes, values, weights, "value_and_grad");
  return interruptible([&](Poll poll) {
    const Unlocked unlocked(inputs, classes, values, weights);
    return model.value_and_gradient(data, loss, seed, step, accumulate, poll);
  });
}

template <class T>
DenseArray<T> forward(Model<T>& model, const py::array& inputs, bool training, uint64_t seed, uint64_t step) {
  const ArraySource source = source_of(inputs, model.network().inputs(), "forward");
  DenseArray<T> outputs = new_matrix<T>(source.rows, model.network().outputs());
  T* out = outputs.mutable_data();
  interruptible([&](Poll poll) {
    const Unlocked unlocked(inputs);
    model.forward(source, training, seed, step, out, poll);
  });
  return outputs;
}

template <class T>
std::optional<DenseArray<T>> backward(Model<T>& model, const DenseArray<T>& output_gradient,
                                      bool gradients_wanted, bool accumulate, bool input_gradient_wanted) {
  const int64_t outputs = model.network().outputs();
  if (output_gradient.ndim() != 2 || output_gradient.shape(1) != outputs)
    throw Error(Error::Kind::kValue, "backward: expected a gradient of shape [rows, " +
                                         std::to_string(outputs) + "], as forward returned, got " +
                                         shape_text(output_gradient));
  const int64_t rows = output_gradient.shape(0);
  std::optional<DenseArray<T>> result;
  if (input_gradient_wanted) result = new_matrix<T>(rows, model.network().inputs());
  T* out = result ? result->mutable_data() : nullptr;
  const T* in = output_gradient.data();
  interruptible([&](Poll poll) {
    const Unlocked unlocked(output_gradient);
    model.backward(in, rows, gradients_wanted, accumulate, out, poll);
  });
  return result;
}

template <class T>
void set_parameters(Model<T>& model, const std::vector<size_t>& indices,
                    const std::vector<DenseArray<T>>& arrays) {
  std::vector<std::pair<size_t, const T*>> values;
  for (size_t i = 0; i < std::min(indices.size(), arrays.size()); ++i) {
    const Parameter& parameter = model.network().parameters()[parameter_index(model, indices[i])];
    const std::vector<int64_t> shape(arrays[i].shape(), arrays[i].shape() + arrays[i].ndim());
    if (shape != parameter.shape)
      throw Error(Error::Kind::kValue, "set_parameters: " + parameter.name + " expected another shape, got " +
                                           shape_text(arrays[i]));
    values.emplace_back(indices[i], arrays[i].data());
  }
  // Not under the interpreter's lock: those who read the weights may be waiting for it.
  const Unlocked unlocked(arrays);
  model.set_parameters(values);
}

// All of one moment.
template <class T>
std::vector<DenseArray<T>> get_parameters(const Model<T>& model) {
  AlignedBuffer<T> flat(model.network().flat_size());
  {
    const py::gil_scoped_release release;
    model.read([&](const Network<T>&, const T* weights) { std::copy_n(weights, flat.size(), flat.data()); });
  }
  return unpack_all(model, flat.data());
}

template <class T>
void draw_weights(Model<T>& model, uint64_t seed) {
  interruptible([&](Poll poll) {
    const py::gil_scoped_release release;
    return model.initialize(seed, poll);
  });
}

template <class T>
void bind_network(py::module_& module, const char* name, const char* maker) {
  using Class = Model<T>;
  made_here<Class>(module, name)
      .def("spec", [](const Class& self) { return self.network().spec().dump(); })
      .def("output_activation", [](const Class& self) { return self.network().output_activation().name; })
      .def_property_readonly("inputs", [](const Class& self) { return self.network().inputs(); })
      .def_property_readonly("outputs", [](const Class& self) { return self.network().outputs(); })
      .def_property_readonly("layer_widths", [](const Class& self) { return self.network().layer_widths(); })
      .def_property_readonly("parameter_names",
                             [](const Class& self) { return names_of(self.network().parameters()); })
      // Of each parameter: whether it is trained, whether weight decay is for it, and the decay's factor.
      .def("decay_rules",
           [](const Class& self) {
             std::vector<std::tuple<bool, bool, double>> rules;
             for (const Parameter& p : self.network().parameters())
               rules.emplace_back(p.trainable, p.decays, p.decay_factor);
             return rules;
           })
      .def(
          "initialize", [](Class& self, uint64_t seed) { draw_weights(self, seed); }, py::arg("seed"))
      .def("get_parameters", &get_parameters<T>)
      .def_property_readonly("parameter_shapes",
                             [](const Class& self) {
                               std::vector<std::vector<int64_t>> shapes;
                               for (const Parameter& p : self.network().parameters())
                                 shapes.push_back(p.shape);
                               return shapes;
                             })
      .def("set_parameters", &set_parameters<T>, py::arg("indices"), py::arg("arrays"))
      .def("make_optimizer",
           [](const Class& self, const std::string& spec) {
             return Instance(std::unique_ptr<Optimizer<T>>(
                 new Optimizer<T>(self.make_optimizer(optimizer_from_json(parse(spec))))));
           })
      .def_property_readonly("smallest_batch",
                             [](const Class& self) { return self.network().couples_rows() ? 2 : 1; })
      .def("steps_per_epoch", &Class::steps_per_epoch, py::arg("rows"), py::arg("batch_size"),
           py::arg("accumulate"))
      .def(
          "make_average",
          [](const Class& self, double decay, bool warm_up, int64_t start) {
            return Instance(std::make_unique<WeightAverage<T>>(self.make_average({decay, warm_up, start})));
          },
          py::arg("decay"), py::arg("warm_up"), py::arg("start"))
      .def("follow_average", &Class::follow_average, py::arg("average").none(true),
           py::call_guard<py::gil_scoped_release>())
      .def("update_average", &Class::update_average, py::arg("average"),
           py::call_guard<py::gil_scoped_release>())
      .def("apply_average", &Class::apply_average, py::arg("average"),
           py::call_guard<py::gil_scoped_release>())
      .def("resume_training_weights", &Class::resume_training_weights, py::arg("average"),
           py::call_guard<py::gil_scoped_release>())
      .def("begin_fit", &Class::begin_fit, py::call_guard<py::gil_scoped_release>())
      .def("end_fit", &Class::end_fit)
      .def("end_epoch", &Class::end_epoch, py::call_guard<py::gil_scoped_release>())
      .def("run_epoch", &run_epoch<T>, py::arg("loss"), py::arg("optimizer"), py::arg("average").none(true),
           py::arg("inputs"), py::arg("classes"), py::arg("values"), py::arg("weights"), py::arg("epoch"),
           py::arg("batch_size"), py::arg("accumulate"), py::arg("shuffle"), py::arg("seed"),
           py::arg("learning_rates"), py::arg("outputs"), py::arg("progress"))
      .def("train_step", &train_step<T>, py::arg("loss"), py::arg("optimizer"), py::arg("inputs"),
           py::arg("classes"), py::arg("values"), py::arg("weights"), py::arg("seed"))
      .def("value_and_gradient", &value_and_gradient<T>, py::arg("loss"), py::arg("inputs"),
           py::arg("classes"), py::arg("values"), py::arg("weights"), py::arg("seed"), py::arg("step"),
           py::arg("accumulate"))
      .def("forward", &forward<T>, py::arg("inputs"), py::arg("training"), py::arg("seed"), py::arg("step"))
      .def("backward", &backward<T>, py::arg("output_gradient"), py::arg("gradients_wanted"),
           py::arg("accumulate"), py::arg("input_gradient_wanted"))
      .def("gradients",
           [](const Class& self) -> std::optional<std::vector<DenseArray<T>>> {
             if (self.gradients() == nullptr) return std::nullopt;
             return unpack_all(self.network().parameters(), self.gradients());
           })
      .def(
          "target_columns",
          [](const Class& self, const LossSpec& loss) {
            check_loss_fits(loss, self.network());
            return loss.target_columns(self.network().outputs());
          },
          py::arg("loss"))
      .def("penalty", &Class::penalty, py::call_guard<py::gil_scoped_release>())
      .def("apply_gradients", &Class::apply_gradients, py::arg("optimizer"),
           py::call_guard<py::gil_scoped_release>())
      .def("predict", &predict<T>, py::arg("inputs"), py::arg("progress"))
      .def("evaluate", &evaluate<T>, py::arg("loss"), py::arg("inputs"), py::arg("classes"),
           py::arg("values"), py::arg("weights"), py::arg("outputs"), py::arg("progress"));
  module.def(
      maker,
      [](const std::string& spec, std::optional<uint64_t> seed) {
        auto made = std::make_unique<Class>(parse(spec), std::nullopt);
        if (seed) draw_weights(*made, *seed);
        return Instance(std::move(made));
      },
      py::arg("spec"), py::arg("seed"));
}

}  // namespace

void register_network(py::module_& module) {
  made_here<LossSpec>(module, "Loss")
      .def("spec", [](const LossSpec& self) { return loss_to_json(self).dump(); })
      .def_readonly("name", &LossSpec::name)
      .def_readonly("takes_classes", &LossSpec::takes_classes)
      .def_readonly("mean_over_rows", &LossSpec::mean_over_rows);
  module.def(
      "make_loss",
      [](const std::string& spec) {
        return Instance(std::make_unique<LossSpec>(loss_from_json(parse(spec))));
      },
      py::arg("spec"));
  bind_network<float>(module, "NetworkFloat32", "make_network_float32");
  bind_network<double>(module, "NetworkFloat64", "make_network_float64");
  module.def("parameter_shapes", [](const std::string& spec) {
    std::vector<std::pair<std::string, std::vector<int64_t>>> shapes;
    for (const Parameter& p : Network<float>::describe_parameters(parse(spec)))
      shapes.emplace_back(p.name, p.shape);
    return shapes;
  });
}

}  // namespace lamina::python
