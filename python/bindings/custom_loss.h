// A loss that is a function of Python's, as the core asks it.
#pragma once

#include <algorithm>

#include "array_view.h"
#include "training/custom_loss.h"

namespace lamina::python {

// Calls ask(outputs, rows or None, members, gradient wanted) with the interpreter's lock, which gives the
// value, and the gradient or None.
template <class T, class Ask>
CustomLoss<T> custom_loss(Ask ask) {
  return [ask](const CustomBatch<T>& batch) {
    const py::gil_scoped_acquire lock;
    DenseArray<T> outputs({batch.count, batch.columns});  // a copy: the function may keep or change it
    std::copy_n(batch.outputs, outputs.size(), outputs.mutable_data());
    py::object rows = py::none();
    if (!batch.rows.empty())
      rows = py::array_t<int64_t>(static_cast<py::ssize_t>(batch.rows.size()), batch.rows.data());
    const py::tuple found = ask(outputs, rows, batch.members, batch.gradient != nullptr);
    if (const py::object given = found[1]; !given.is_none()) {
      const auto gradient = dense_array<T>(given, "loss");
      std::copy_n(gradient.data(), std::min(gradient.size(), outputs.size()), batch.gradient);
    }
    return found[0].cast<double>();
  };
}

}  // namespace lamina::python
