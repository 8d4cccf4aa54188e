// What other files add to the class that bind_network.cpp defines.
#pragma once

#include "handles.h"
#include "register.h"

namespace lamina::python {

void bind_passes(py::class_<NetworkHandle>& type);
void bind_calls(const py::class_<NetworkHandle>& type);

}  // namespace lamina::python
