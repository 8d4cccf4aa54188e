// The version that the build system sets, and the compiler's own name.
#include "base/version.h"

#define LAMINA_TEXT_OF(x) #x
#define LAMINA_TEXT(x) LAMINA_TEXT_OF(x)

namespace lamina {

const char* version() noexcept { return LAMINA_VERSION; }

const char* compiler() noexcept {
#if defined(__clang__)
  return "Clang " __clang_version__;
#elif defined(__GNUC__)
  return "GCC " __VERSION__;
#elif defined(_MSC_VER)
  return "MSVC " LAMINA_TEXT(_MSC_VER);
#else
  return "unknown";
#endif
}

}  // namespace lamina
