// Between flat buffers in a network's layout and one array per parameter in the user's shapes.
#pragma once

#include <pybind11/typing.h>

#include <string>
#include <vector>

#include "array_view.h"
#include "training/model.h"

namespace lamina::python {

template <class T>
std::vector<DenseArray<T>> unpack_all(const std::vector<Parameter>& parameters, const T* flat) {
  std::vector<DenseArray<T>> arrays;
  for (const Parameter& p : parameters) {
    arrays.emplace_back(std::vector<py::ssize_t>(p.shape.begin(), p.shape.end()));
    unpack_parameter(p, flat, arrays.back().mutable_data());
  }
  return arrays;
}

template <class T>
std::vector<DenseArray<T>> dense_arrays(const std::vector<py::array>& arrays, const char* where) {
  std::vector<DenseArray<T>> dense;
  for (const py::array& array : arrays) dense.push_back(dense_array<T>(array, where));
  return dense;
}

// Checks all types and shapes before the first element is written.
template <class T>
void pack_all(const std::vector<Parameter>& parameters, const std::vector<py::array>& given, T* flat,
              const char* where) {
  const std::vector<DenseArray<T>> arrays = dense_arrays<T>(given, where);
  if (arrays.size() != parameters.size())
    throw Error(Error::Kind::kValue, std::string(where) + ": expected " + std::to_string(parameters.size()) +
                                         " arrays, got " + std::to_string(arrays.size()));
  for (size_t i = 0; i < arrays.size(); ++i) {
    const std::vector<int64_t> shape(arrays[i].shape(), arrays[i].shape() + arrays[i].ndim());
    if (shape != parameters[i].shape)
      throw Error(Error::Kind::kValue, std::string(where) + ": " + parameters[i].name +
                                           " has another shape: " + shape_text(arrays[i]));
  }
  for (size_t i = 0; i < arrays.size(); ++i) pack_parameter(parameters[i], arrays[i].data(), flat);
}

// What Python gives and gets: an array for each parameter.
using ArrayList = py::typing::List<py::array>;

template <class T>
ArrayList list_of(const std::vector<DenseArray<T>>& arrays) {
  ArrayList list;
  for (const DenseArray<T>& array : arrays) list.append(array);
  return list;
}

template <class T>
std::vector<DenseArray<T>> unpack_all(const Model<T>& model, const T* flat) {
  return unpack_all<T>(model.network().parameters(), flat);
}

inline std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  for (const Parameter& p : parameters) names.push_back(p.name);
  return names;
}

}  // namespace lamina::python
