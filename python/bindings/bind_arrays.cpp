// Binds checks of what users give.
#include <pybind11/stl.h>

#include "array_view.h"
#include "inference/values_within.h"

namespace lamina::python {

void register_arrays(py::module_& module) {
  module.def(
      "values_within",
      [](const py::array& array, double limit, bool nan_allowed) {
        const int64_t columns = array.ndim() == 2 ? array.shape(1) : 0;
        return values_within(source_of(array, columns, "values_within"), limit, nan_allowed);
      },
      py::arg("array"), py::arg("limit"), py::arg("nan_allowed") = false,
      "Whether all values of a float32 or float64 matrix are finite and at most `limit` in size, or NaN "
      "where that is allowed.");
  module.def(
      "narrow_columns",
      [](const py::array& array) {
        const int64_t columns = array.ndim() == 2 ? array.shape(1) : 0;
        return narrow_columns(source_of(array, columns, "narrow_columns"));
      },
      py::arg("array"),
      "Columns of a float64 matrix in which float32 may make many values one, by a sample of rows.");
}

}  // namespace lamina::python
