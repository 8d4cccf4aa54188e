// Binds networks with their weights, losses, and what follows a training: optimizers and weight averages.
#include <pybind11/stl.h>

#include <algorithm>

#include "array_view.h"
#include "base/json.h"
#include "handles.h"
#include "inference/logits.h"
#include "instance.h"
#include "made_here.h"
#include "parameter_arrays.h"
#include "passes.h"
#include "poll.h"
#include "register.h"

namespace lamina::python {
namespace {

Json parse(const std::string& text) { return Json::parse(text); }

template <class T>
const Parameter& parameter_at(const Model<T>& model, size_t index) {
  if (index >= model.network().parameters().size())
    throw Error(Error::Kind::kIndex, "network: no parameter of index " + std::to_string(index));
  return model.network().parameters()[index];
}

template <class T>
void set_parameters(Model<T>& model, const std::vector<size_t>& indices,
                    const std::vector<DenseArray<T>>& arrays) {
  std::vector<std::pair<size_t, const T*>> values;
  for (size_t i = 0; i < std::min(indices.size(), arrays.size()); ++i) {
    const Parameter& parameter = parameter_at(model, indices[i]);
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
ArrayList get_parameters(const Model<T>& model) {
  AlignedBuffer<T> flat(model.network().flat_size());
  {
    const py::gil_scoped_release release;
    model.read([&](const Network<T>&, const T* weights) { std::copy_n(weights, flat.size(), flat.data()); });
  }
  return list_of(unpack_all(model, flat.data()));
}

template <class T>
void draw_weights(Model<T>& model, uint64_t seed) {
  interruptible([&](Poll poll) {
    const py::gil_scoped_release release;
    return model.initialize(seed, poll);
  });
}

template <class T>
NetworkHandle new_network(const Json& spec, std::optional<uint64_t> seed, const Execution& execution) {
  auto made = std::make_unique<Model<T>>(spec, std::nullopt, execution);
  if (seed) draw_weights(*made, *seed);
  return NetworkHandle(std::move(made));
}

Instance<NetworkHandle> make_network(const std::string& spec, const std::string& dtype,
                                     std::optional<uint64_t> seed, std::optional<int> threads) {
  if (dtype != "float32" && dtype != "float64")
    throw Error(Error::Kind::kValue, "network: expected dtype float32 or float64, got '" + dtype + "'");
  const Execution execution = threads ? Execution(*threads) : Execution();
  return network_object(dtype == "float32" ? new_network<float>(parse(spec), seed, execution)
                                           : new_network<double>(parse(spec), seed, execution));
}

Instance<OptimizerHandle> make_optimizer(const NetworkHandle& network, const std::string& spec) {
  return network.visit([&]<class T>(const Model<T>& model) {
    std::unique_ptr<Optimizer<T>> made(
        new Optimizer<T>(model.make_optimizer(optimizer_from_json(parse(spec)))));
    return Instance(std::make_unique<OptimizerHandle>(std::move(made)));
  });
}

Instance<AverageHandle> make_average(const NetworkHandle& network, double decay, bool warm_up,
                                     int64_t start) {
  return network.visit([&]<class T>(const Model<T>& model) {
    auto made = std::make_unique<WeightAverage<T>>(model.make_average({decay, warm_up, start}));
    return Instance(std::make_unique<AverageHandle>(std::move(made)));
  });
}

// A function of Python's that calls use(model).
template <class Use>
auto of_model(Use use) {
  return [use](const NetworkHandle& self) { return self.visit(use); };
}
// The same on an optimizer or an average.
template <class Held, class Use>
auto of_held(Use use) {
  return [use](const Held& self) { return self.visit(use); };
}

void bind_structure(py::class_<NetworkHandle>& type) {
  type.def_property_readonly("dtype", of_model([]<class T>(const Model<T>&) { return type_name<T>(); }))
      .def("spec", of_model([](const auto& model) { return model.network().spec().dump(); }))
      .def("output_activation",
           of_model([](const auto& model) { return model.network().output_activation().name; }))
      .def_property_readonly("inputs", of_model([](const auto& model) { return model.network().inputs(); }))
      .def_property_readonly("outputs", of_model([](const auto& model) { return model.network().outputs(); }))
      .def_property_readonly("sums_codes",
                             of_model([](const auto& model) { return model.network().sums_codes(); }),
                             "Whether a dense layer sums a table's features by their codes.")
      .def_property_readonly("layer_widths",
                             of_model([](const auto& model) { return model.network().layer_widths(); }))
      .def_property_readonly("parameter_names", of_model([](const auto& model) {
                               return names_of(model.network().parameters());
                             }))
      .def_property_readonly("parameter_shapes", of_model([](const auto& model) {
                               std::vector<std::vector<int64_t>> shapes;
                               for (const Parameter& p : model.network().parameters())
                                 shapes.push_back(p.shape);
                               return shapes;
                             }))
      // Of each parameter: whether it is trained, whether weight decay is for it, and the decay's factor.
      .def("decay_rules", of_model([](const auto& model) {
             std::vector<std::tuple<bool, bool, double>> rules;
             for (const Parameter& p : model.network().parameters())
               rules.emplace_back(p.trainable, p.decays, p.decay_factor);
             return rules;
           }))
      .def_property_readonly("smallest_batch", of_model([](const auto& model) {
                               return model.network().couples_rows() ? 2 : 1;
                             }))
      .def(
          "target_columns",
          [](const NetworkHandle& self, const LossSpec& loss) {
            return self.visit([&](const auto& model) {
              check_loss_fits(loss, model.network());
              return loss.target_columns(model.network().outputs());
            });
          },
          py::arg("loss"));
}

void bind_weights(py::class_<NetworkHandle>& type) {
  type.def(
          "initialize",
          [](const NetworkHandle& self, uint64_t seed) {
            self.visit([&](auto& model) { draw_weights(model, seed); });
          },
          py::arg("seed"))
      .def("get_parameters",
           [](const NetworkHandle& self) -> ArrayList {
             return self.visit([](const auto& model) { return get_parameters(model); });
           })
      .def(
          "set_parameters",
          [](const NetworkHandle& self, const std::vector<size_t>& indices,
             const std::vector<py::array>& arrays) {
            self.visit([&]<class T>(Model<T>& model) {
              set_parameters(model, indices, dense_arrays<T>(arrays, "set_parameters"));
            });
          },
          py::arg("indices"), py::arg("arrays"))
      .def("make_optimizer", &make_optimizer, py::arg("spec"))
      .def("make_average", &make_average, py::arg("decay"), py::arg("warm_up"), py::arg("start"));
}

template <class T>
T* state_at(Optimizer<T>& optimizer, int index) {
  if (index < 0 || index >= optimizer.state_count())
    throw Error(Error::Kind::kIndex, "optimizer: expected the index of one of its " +
                                         std::to_string(optimizer.state_count()) + " states, got " +
                                         std::to_string(index));
  return optimizer.state(index);
}

void bind_optimizer(py::module_& module) {
  using Held = OptimizerHandle;
  made_here<Held>(module, "Optimizer")
      .def_property("learning_rate", of_held<Held>([](const auto& held) { return held.learning_rate(); }),
                    [](const Held& self, double rate) {
                      self.visit([&](auto& held) { held.set_learning_rate(rate); });
                    })
      .def_property("weight_decay", of_held<Held>([](const auto& held) { return held.weight_decay(); }),
                    [](const Held& self, double decay) {
                      self.visit([&](auto& held) { held.set_weight_decay(decay); });
                    })
      .def_property(
          "steps", of_held<Held>([](const auto& held) { return held.steps(); }),
          [](const Held& self, int64_t steps) { self.visit([&](auto& held) { held.set_steps(steps); }); })
      .def("spec", of_held<Held>([](const auto& held) { return optimizer_to_json(held.spec()).dump(); }))
      .def("parameter_names", of_held<Held>([](const auto& held) { return names_of(held.parameters()); }))
      .def("state_names", of_held<Held>([](const auto& held) {
             const auto& names = held.entry().state_names;
             return std::vector<std::string>(names, names + held.state_count());
           }))
      .def(
          "get_state",
          [](const Held& self, int index) -> ArrayList {
            return self.visit([&]<class T>(Optimizer<T>& held) {
              return list_of(unpack_all<T>(held.parameters(), state_at(held, index)));
            });
          },
          py::arg("index"))
      .def(
          "set_state",
          [](const Held& self, int index, const std::vector<py::array>& arrays) {
            constexpr const char* kWhere = "optimizer state";
            self.visit(
                [&](auto& held) { pack_all(held.parameters(), arrays, state_at(held, index), kWhere); });
          },
          py::arg("index"), py::arg("arrays"));
  module.def("check_optimizer", [](const std::string& spec) {
    return optimizer_to_json(optimizer_from_json(parse(spec))).dump();
  });
}

void bind_average(py::module_& module) {
  using Held = AverageHandle;
  made_here<Held>(module, "WeightAverage")
      .def_property("updates", of_held<Held>([](const auto& held) { return held.updates(); }),
                    [](const Held& self, int64_t updates) {
                      self.visit([&](auto& held) { held.set_updates(updates); });
                    })
      .def_property(
          "applied", of_held<Held>([](const auto& held) { return held.applied(); }),
          [](const Held& self, bool applied) { self.visit([&](auto& held) { held.set_applied(applied); }); })
      .def_property_readonly("started", of_held<Held>([](const auto& held) { return held.started(); }))
      .def("parameter_names", of_held<Held>([](const auto& held) { return names_of(held.parameters()); }))
      .def("average",
           [](const Held& self) -> ArrayList {
             return self.visit([]<class T>(WeightAverage<T>& held) {
               return list_of(unpack_all<T>(held.parameters(), held.average()));
             });
           })
      .def("training",
           [](const Held& self) -> ArrayList {
             return self.visit([]<class T>(WeightAverage<T>& held) {
               return list_of(unpack_all<T>(held.parameters(), held.training()));
             });
           })
      .def(
          "set_state",
          [](const Held& self, const std::vector<py::array>& average,
             const std::vector<py::array>& training) {
            constexpr const char* kWhere = "weight average";
            self.visit([&](auto& held) {
              pack_all(held.parameters(), average, held.average(), kWhere);
              pack_all(held.parameters(), training, held.training(), kWhere);
            });
          },
          py::arg("average"), py::arg("training"));
}

void bind_loss(py::module_& module) {
  made_here<LossSpec>(module, "Loss")
      .def("spec", [](const LossSpec& self) { return loss_to_json(self).dump(); })
      .def_readonly("name", &LossSpec::name)
      .def_readonly("takes_classes", &LossSpec::takes_classes)
      .def_readonly("mean_over_rows", &LossSpec::mean_over_rows);
  module.def(
      "default_loss", [](const std::string& last) { return default_loss(last); },
      py::arg("output_activation"), "The loss that goes with a last activation.");
  module.def(
      "make_loss",
      [](const std::string& spec) {
        return Instance(std::make_unique<LossSpec>(loss_from_json(parse(spec))));
      },
      py::arg("spec"));
}

}  // namespace

void register_network(py::module_& module) {
  bind_loss(module);
  bind_optimizer(module);
  bind_average(module);
  auto type = made_here<NetworkHandle>(module, "Network");
  bind_structure(type);
  bind_weights(type);
  bind_passes(type);
  bind_calls(type);
  module.def("make_network", &make_network, py::arg("spec"), py::arg("dtype"), py::arg("seed"),
             py::arg("threads") = py::none());
  module.def("parameter_shapes", [](const std::string& spec) {
    std::vector<std::pair<std::string, std::vector<int64_t>>> shapes;
    for (const Parameter& p : Network<float>::describe_parameters(parse(spec)))
      shapes.emplace_back(p.name, p.shape);
    return shapes;
  });
}

}  // namespace lamina::python
