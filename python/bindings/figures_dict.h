// The figures of an epoch as Python's dictionaries, and back.
#pragma once

#include <optional>

#include "metrics/figures.h"
#include "register.h"

namespace lamina::python {

// {"loss": 0.5, ...}; of a dictionary the numbers alone are figures.
py::dict dict_of(const Figures& record);
Figures figures_of(const py::dict& record);

// {"loss": "min", "learning_rate": None, ...}
py::dict dict_of(const FigureModes& figures);
FigureModes modes_of(const py::dict& figures);
// None and "auto": not known.
std::optional<Mode> mode_of(const py::handle& mode);
// "min", "max" or None.
py::object mode_name(std::optional<Mode> mode);

}  // namespace lamina::python
