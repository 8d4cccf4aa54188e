// What an optimizer keeps from step to step, for programs that stop and go on.
#include <algorithm>
#include <cmath>

#include "c_api/optimizers.h"
#include "c_api/options.h"

namespace lamina::c {
namespace {

constexpr const char* kExpected = "one that lamina_optimizer_create gave";

void check_below(size_t index, size_t count, const char* what, const char* told_by) {
  if (index >= count)
    fail_value({what, " is ", index, "; expected one below ", count, ", as ", told_by, " tells"});
}

template <class T>
void check_finite(const Parameter& parameter, const T* values) {
  for (std::int64_t i = 0; i < parameter.element_count(); ++i)
    if (!std::isfinite(values[i]))
      fail_value({"the state of ", parameter.name, " would not be finite at element ", i});
}

// Between an array of the caller's and the optimizer's: to the caller where `from` is null, else from there.
void move_state(lamina_optimizer* optimizer, size_t state, size_t index, void* to, const void* from) {
  check_given(optimizer, "optimizer", kExpected);
  const auto right = right_to(*optimizer);
  const void* values = from != nullptr ? from : to;
  std::visit(
      [&]<class T>(const std::unique_ptr<Optimizer<T>>& own) {
        check_below(state, static_cast<size_t>(own->state_count()), "state", "lamina_optimizer_states");
        check_below(index, own->parameters().size(), "parameter", "lamina_parameters");
        check_given(values, "values", "an array of the parameter's elements");
        check_aligned(values, alignof(T), "values");
        const Parameter& parameter = own->parameters()[index];
        T* flat = own->state(static_cast<int>(state));
        if (from == nullptr) return unpack_parameter(parameter, flat, static_cast<T*>(to));
        check_finite(parameter, static_cast<const T*>(from));
        pack_parameter(parameter, static_cast<const T*>(from), flat);
      },
      optimizer->optimizer);
}

}  // namespace
}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

size_t lamina_optimizer_states(const lamina_optimizer* optimizer) {
  return guarded_value(__func__, size_t{0}, [&] {
    check_given(optimizer, "optimizer", kExpected);
    return std::visit([](const auto& own) { return static_cast<size_t>(own->state_count()); },
                      optimizer->optimizer);
  });
}

int64_t lamina_optimizer_steps(const lamina_optimizer* optimizer) {
  return guarded_value(__func__, int64_t{0}, [&] {
    check_given(optimizer, "optimizer", kExpected);
    return std::visit([](const auto& own) { return own->steps(); }, optimizer->optimizer);
  });
}

lamina_status lamina_optimizer_set_steps(lamina_optimizer* optimizer, int64_t steps) {
  return guarded(__func__, [&] {
    check_given(optimizer, "optimizer", kExpected);
    const auto right = right_to(*optimizer);
    if (steps < 0 || steps > int64_t{1} << 40) fail_value({"steps is ", steps, "; expected 0 to 2^40"});
    std::visit([&](const auto& own) { own->set_steps(steps); }, optimizer->optimizer);
  });
}

lamina_status lamina_optimizer_get_state(lamina_optimizer* optimizer, size_t state, size_t parameter,
                                         void* values) {
  return guarded(__func__, [&] { move_state(optimizer, state, parameter, values, nullptr); });
}

lamina_status lamina_optimizer_set_state(lamina_optimizer* optimizer, size_t state, size_t parameter,
                                         const void* values) {
  return guarded(__func__, [&] {
    check_given(values, "values", "an array of the parameter's elements");
    move_state(optimizer, state, parameter, nullptr, values);
  });
}
}
