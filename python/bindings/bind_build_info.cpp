// Binds what the library knows about its own build.
#include "base/version.h"
#include "register.h"

namespace lamina::python {
namespace {

py::dict build_info() {
  py::dict info;
  info["version"] = version();
  info["compiler"] = compiler();
  return info;
}

}  // namespace

void register_build_info(py::module_& module) {
  module.def("build_info", &build_info, "Version and compiler of this build.");
}

}  // namespace lamina::python
