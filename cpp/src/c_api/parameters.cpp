// Weights and their gradients by index, in the shapes that users know.
#include <algorithm>
#include <cmath>
#include <limits>

#include "c_api/handles.h"
#include "c_api/sized.h"

namespace lamina::c {
namespace {

template <class T>
const Parameter& parameter_at(const Model<T>& model, size_t index) {
  const std::vector<Parameter>& parameters = model.network().parameters();
  if (index >= parameters.size())
    fail_value(
        {"index is ", index, "; expected one below ", parameters.size(), ", as lamina_parameters tells"});
  return parameters[index];
}

template <class T>
void check_values(const Parameter& parameter, const T* values) {
  const bool variances = parameter.name.ends_with("running_var");
  for (std::int64_t i = 0; i < parameter.element_count(); ++i) {
    if (!std::isfinite(values[i])) fail_value({parameter.name, " would not be finite at element ", i});
    if (variances && values[i] < T(0))
      fail_value({parameter.name, " would be negative at element ", i, "; expected variances of at least 0"});
  }
}

void check_parameter_values(const void* values, std::size_t alignment) {
  check_given(values, "values", "an array of the parameter's elements");
  check_aligned(values, alignment, "values");
}

lamina_parameter info_of(const Parameter& parameter) {
  lamina_parameter info = LAMINA_PARAMETER_INIT;
  if (parameter.shape.size() > std::size(info.shape))
    fail(Error::Kind::kState, {parameter.name, " has more dimensions than lamina_parameter holds"});
  info.name = parameter.name.c_str();
  info.dimensions = parameter.shape.size();
  std::transform(parameter.shape.begin(), parameter.shape.end(), info.shape,
                 [](std::int64_t extent) { return static_cast<size_t>(extent); });
  info.elements = static_cast<size_t>(parameter.element_count());
  info.trainable = parameter.trainable ? 1 : 0;
  return info;
}

}  // namespace
}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

size_t lamina_parameters(const lamina_model* model) {
  return guarded_value(__func__, size_t{0}, [&] {
    return network_of(model).visit([](const auto& own) { return own.network().parameters().size(); });
  });
}

lamina_status lamina_parameter_info(const lamina_model* model, size_t index, lamina_parameter* info) {
  return guarded(__func__, [&] {
    const TrainableNetwork& network = network_of(model);
    check_given(info, "info", "a lamina_parameter of LAMINA_PARAMETER_INIT");
    const size_t size = info->struct_size;
    check_struct_size(size, alignof(lamina_parameter), "info");
    network.visit([&](const auto& own) { sized_store(info_of(parameter_at(own, index)), size, info); });
  });
}

lamina_status lamina_get_parameter(const lamina_model* model, size_t index, void* values) {
  return guarded(__func__, [&] {
    network_of(model).visit([&]<class T>(const Model<T>& own) {
      const Parameter& parameter = parameter_at(own, index);
      check_parameter_values(values, alignof(T));
      own.read([&](const Network<T>&, const T* weights) {
        unpack_parameter(parameter, weights, static_cast<T*>(values));
      });
    });
  });
}

lamina_status lamina_set_parameter(lamina_model* model, size_t index, const void* values) {
  return guarded(__func__, [&] {
    network_of(model).visit([&]<class T>(Model<T>& own) {
      const Parameter& parameter = parameter_at(own, index);
      check_parameter_values(values, alignof(T));
      const std::pair<size_t, const T*> changed{index, static_cast<const T*>(values)};
      check_values(parameter, changed.second);
      own.set_parameters(std::span(&changed, 1));
    });
  });
}

lamina_status lamina_get_gradient(const lamina_model* model, size_t index, void* values) {
  return guarded(__func__, [&] {
    network_of(model).visit([&]<class T>(Model<T>& own) {
      const Parameter& parameter = parameter_at(own, index);
      check_parameter_values(values, alignof(T));
      const auto right = own.hold_training();
      const T* gradients = own.gradients();
      if (gradients == nullptr)
        fail(Error::Kind::kState,
             {"there are no gradients; expected lamina_value_and_gradient or lamina_backward before it"});
      unpack_parameter(parameter, gradients, static_cast<T*>(values));
    });
  });
}
}
