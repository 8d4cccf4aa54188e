// The core's errors as Python's exceptions.
#pragma once

#include "base/error.h"
#include "register.h"

namespace lamina::python {

// The class of the exception that an error of this kind becomes; borrowed, once register_library is through.
PyObject* exception_for(Error::Kind kind) noexcept;

}  // namespace lamina::python
