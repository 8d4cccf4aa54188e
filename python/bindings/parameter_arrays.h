// Between a network's flat buffers and one array per parameter in the user's shapes.
#pragma once

#include <string>
#include <vector>

#include "array_view.h"
#include "training/model.h"

namespace lamina::python {

template <class T>
std::vector<DenseArray<T>> unpack_all(const Model<T>& model, const T* flat) {
  std::vector<DenseArray<T>> arrays;
  const auto& parameters = model.network().parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    arrays.emplace_back(std::vector<py::ssize_t>(parameters[i].shape.begin(), parameters[i].shape.end()));
    model.unpack(i, flat, arrays.back().mutable_data());
  }
  return arrays;
}

template <class T>
void pack_all(const Model<T>& model, const std::vector<DenseArray<T>>& arrays, T* flat, const char* where) {
  const auto& parameters = model.network().parameters();
  if (arrays.size() != parameters.size())
    throw Error(Error::Kind::kValue, std::string(where) + ": expected " + std::to_string(parameters.size()) +
                                         " arrays, got " + std::to_string(arrays.size()));
  for (size_t i = 0; i < arrays.size(); ++i) {
    const std::vector<int64_t> shape(arrays[i].shape(), arrays[i].shape() + arrays[i].ndim());
    if (shape != parameters[i].shape)
      throw Error(Error::Kind::kValue, std::string(where) + ": " + parameters[i].name +
                                           " has another shape: " + shape_text(arrays[i]));
    model.pack(i, arrays[i].data(), flat);
  }
}

}  // namespace lamina::python
