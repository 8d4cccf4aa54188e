// The types of weights that this build has: float, and double unless it was left out (LAMINA_FLOAT64=OFF).
#pragma once

#include <memory>
#include <variant>

#include "base/error.h"

namespace lamina {

#if defined(LAMINA_WITHOUT_FLOAT64)
inline constexpr bool kHasFloat64 = false;
// One object that is templated by the type; what only double needs is then left out of the library.
template <template <class> class Of>
using OfAnyScalar = std::variant<std::unique_ptr<Of<float>>>;
#else
inline constexpr bool kHasFloat64 = true;
template <template <class> class Of>
using OfAnyScalar = std::variant<std::unique_ptr<Of<float>>, std::unique_ptr<Of<double>>>;
#endif

[[noreturn]] inline void refuse_float64() {
  throw_error(Error::Kind::kValue,
              {"dtype float64: expected float32, the one type that this build of lamina has; "
               "configure it with LAMINA_FLOAT64=ON for both"});
}

// Calls make<double>() or make<float>(); refuses double where this build is without it.
template <class Make>
void with_scalar(bool is_double, Make make) {
  if (!is_double) {
    make.template operator()<float>();
  } else if constexpr (kHasFloat64) {
    make.template operator()<double>();
  } else {
    refuse_float64();
  }
}

}  // namespace lamina
