// What Python holds of the core: a network, an optimizer or a weight average, of float32 or of float64.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "instance.h"
#include "optimizers/optimizer.h"
#include "optimizers/weight_average.h"
#include "register.h"
#include "training/model.h"

namespace lamina::python {

template <class T>
constexpr const char* type_name() noexcept {
  return sizeof(T) == 4 ? "float32" : "float64";
}

// A Class<float> or a Class<double>: one class for Python, whose functions find the type once a call.
template <template <class> class Class>
class Handle {
 public:
  template <class T>
  explicit Handle(std::unique_ptr<Class<T>> value) : value_(std::move(value)) {}

  template <class Use>
  decltype(auto) visit(Use&& use) const {
    if (const auto* narrow = std::get_if<std::unique_ptr<Class<float>>>(&value_)) return use(**narrow);
    return use(**std::get_if<std::unique_ptr<Class<double>>>(&value_));
  }
  // That of a network of T; raises kType where it was made for one of the other type.
  template <class T>
  Class<T>& of(const char* where) const {
    if (const auto* value = std::get_if<std::unique_ptr<Class<T>>>(&value_)) return **value;
    throw Error(Error::Kind::kType, std::string(where) + ": expected the state of a network of " +
                                        type_name<T>() + ", got one of another type; make a new one");
  }

 private:
  std::variant<std::unique_ptr<Class<float>>, std::unique_ptr<Class<double>>> value_;
};

// Python's Network, with the names that it gives gradients by.
class NetworkHandle : public Handle<Model> {
 public:
  using Handle::Handle;

  const std::vector<py::object>& parameter_names() const noexcept { return names_; }
  void set_parameter_names(std::vector<py::object> names) { names_ = std::move(names); }

 private:
  std::vector<py::object> names_;
};
using OptimizerHandle = Handle<Optimizer>;

// The object that Python gets for a network, which knows its parameters' names.
inline Instance<NetworkHandle> network_object(NetworkHandle made) {
  std::vector<py::object> names;
  made.visit([&](const auto& model) {
    for (const Parameter& p : model.network().parameters()) names.push_back(py::str(p.name));
  });
  made.set_parameter_names(std::move(names));
  return Instance(std::make_unique<NetworkHandle>(std::move(made)));
}
using AverageHandle = Handle<WeightAverage>;

}  // namespace lamina::python
