// Codes of a column of Python's texts.
#pragma once

#include <optional>

#include "register.h"

namespace lamina::python {

// Of a list, a tuple, or an array of objects or of texts [rows]: int32 codes [rows] into its distinct texts,
// and these, in the order of their first appearance; None is a missing one. Empty where it holds anything but
// str and None, or halves of surrogate pairs.
std::optional<py::tuple> code_texts(const py::object& values);

}  // namespace lamina::python
