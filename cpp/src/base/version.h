// The version of the library and the compiler that built it.
#pragma once

namespace lamina {

// "0.1.0"
const char* version() noexcept;

// "GCC 12.2.0"
const char* compiler() noexcept;

}  // namespace lamina
