// Binds what the library knows about its own build.
#include <pybind11/stl.h>

#include "base/version.h"
#include "kernels/dispatch.h"
#include "register.h"

namespace lamina::python {
namespace {

py::dict build_info() {
  py::dict info;
  info["version"] = version();
  info["compiler"] = compiler();
  info["instruction_set"] = kernels::instruction_set();
  info["instruction_sets"] = kernels::available_instruction_sets();
  return info;
}

}  // namespace

void register_build_info(py::module_& module) {
  module.def("build_info", &build_info,
             "Version and compiler of this build; the instruction set in use and all that run here.");
}

}  // namespace lamina::python
