// Python objects of bound classes. pybind11's own py::init and conversion of returned values free a value
// twice, or end the process, where memory runs out while they register it; these do not.
#pragma once

#include <memory>
#include <utility>

#include "register.h"

namespace lamina::python {

// Makes `value` that of a Python object that has none yet.
template <class Class>
void hand_over(std::unique_ptr<Class> value, py::detail::value_and_holder& place) {
  place.value_ptr() = value.get();
  try {
    place.type->init_instance(place.inst, &value);
  } catch (...) {
    place.value_ptr() = nullptr;
    throw;
  }
}

// What a bound function returns in place of a std::unique_ptr<Class>.
template <class Class>
class Instance : public py::object {
 public:
  explicit Instance(std::unique_ptr<Class> value) {
    const auto* type = py::detail::get_type_info(typeid(Class));
    m_ptr = py::detail::make_new_instance(type->type);
    auto place = reinterpret_cast<py::detail::instance*>(m_ptr)->get_value_and_holder(type);
    hand_over(std::move(value), place);
  }
};

}  // namespace lamina::python

namespace pybind11::detail {

template <class Class>
struct handle_type_name<lamina::python::Instance<Class>> {
  static constexpr auto name = make_caster<Class>::name;
};

}  // namespace pybind11::detail
