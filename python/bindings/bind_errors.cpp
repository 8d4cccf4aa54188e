// Turns the core's errors into Python's.
#include "base/error.h"
#include "register.h"

namespace lamina::python {
namespace {

PyObject* exception_for(Error::Kind kind, PyObject* not_finite) noexcept {
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

}  // namespace

void register_errors(py::module_& module) {
  static PyObject* not_finite = nullptr;
  auto type = py::exception<Error>(module, "NotFiniteError", PyExc_FloatingPointError);
  type.attr("__doc__") = "A loss or a weight became NaN or infinite; the weights before it are kept.";
  not_finite = type.release().ptr();
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      PyErr_SetString(exception_for(error.kind(), not_finite), error.what());
    }
  });
}

}  // namespace lamina::python
