// Binds what the library knows of itself: its build, its names, its threads; and turns its errors into
// Python's.
#include <pybind11/stl.h>

#include "base/json.h"
#include "base/thread_count.h"
#include "base/version.h"
#include "errors.h"
#include "kernels/dispatch.h"
#include "layers/activation_spec.h"
#include "layers/initializer.h"
#include "layers/layer.h"
#include "layers/loss.h"
#include "optimizers/update_rules.h"
#include "register.h"

namespace lamina::python {
namespace {

PyObject* not_finite = nullptr;

py::dict catalogue() {
  py::dict names;
  names["layers"] = layer_kinds();
  names["activations"] = activation_names();
  names["initializers"] = initializer_names();
  names["losses"] = loss_names();
  names["optimizers"] = optimizer_names();
  return names;
}

py::dict build_info() {
  py::dict info;
  info["version"] = version();
  info["compiler"] = compiler();
  info["instruction_set"] = kernels::instruction_set();
  info["instruction_sets"] = kernels::available_instruction_sets();
  return info;
}

bool goes_on_in_utf8(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

// Without the middle of what is too long to be read: an error may quote megabytes that stood in a file.
std::string readable(const std::string& message) {
  constexpr std::size_t kStart = 3072, kEnd = 1024;
  if (message.size() <= kStart + kEnd) return message;
  std::size_t start = kStart, end = message.size() - kEnd;
  while (start > 0 && goes_on_in_utf8(message[start])) --start;
  while (end < message.size() && goes_on_in_utf8(message[end])) ++end;
  return message.substr(0, start) + " [...] " + message.substr(end);
}

void bind_errors(py::module_& module) {
  auto type = py::exception<Error>(module, "NotFiniteError", PyExc_FloatingPointError);
  type.attr("__doc__") = "A loss or a weight became NaN or infinite; the weights before it are kept.";
  not_finite = type.release().ptr();
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      PyErr_SetString(exception_for(error.kind()), readable(error.what()).c_str());
    }
  });
}

void bind_threads(py::module_& module) {
  module.def(
      "set_num_threads", &set_num_threads, py::arg("count"), py::arg("exact") = false,
      "Use at most `count` threads (1 to 1024) from the next call on, or as many wherever work can be\n"
      "divided; ValueError outside that range. Results do not depend on it.");
  module.def(
      "get_num_threads", &get_num_threads,
      "The most threads used: set_num_threads, else the environment variable LAMINA_NUM_THREADS, else\n"
      "hardware_threads(), or OMP_NUM_THREADS if that is fewer.");
  module.def("hardware_threads", &hardware_threads,
             "CPUs this process may use: its affinity, or the whole CPUs of its cgroup quota if fewer.");
}

}  // namespace

PyObject* exception_for(Error::Kind kind) noexcept {
  switch (kind) {
    case Error::Kind::kType:
      return PyExc_TypeError;
    case Error::Kind::kIndex:
      return PyExc_IndexError;
    case Error::Kind::kMemory:
      return PyExc_MemoryError;
    case Error::Kind::kIo:
      return PyExc_OSError;
    case Error::Kind::kNotFound:
      return PyExc_FileNotFoundError;
    case Error::Kind::kNotFinite:
      return not_finite;
    case Error::Kind::kState:
      return PyExc_RuntimeError;
    case Error::Kind::kValue:
    case Error::Kind::kFormat:
      break;
  }
  return PyExc_ValueError;
}

void register_library(py::module_& module) {
  bind_errors(module);
  bind_threads(module);
  module.def("build_info", &build_info,
             "Version and compiler of this build; the instruction set in use and all that run here.");
  module.def("catalogue", &catalogue,
             "Names of all layers, activations, initializers, losses and optimizers of the core.");
  module.def(
      "check_layer", [](const std::string& spec) { make_layer<double>(Json::parse(spec)); }, py::arg("spec"),
      "ValueError where no network could hold the layer of this JSON description.");
}

}  // namespace lamina::python
