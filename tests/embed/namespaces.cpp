// The core's own C++ beside its public headers in one program: two classes named Error, of which neither is
// taken for the other.
#include "base/error.h"

using CoreError = lamina::Error;

#include <lamina/lamina.hpp>

#include <cstdio>
#include <type_traits>

int main() {
  static_assert(!std::is_same_v<CoreError, lamina::v1::Error>);
  int found = 0;
  try {
    (void)lamina::v1::Sequential::load("nothing.lamina");
  } catch (const CoreError&) {
    return 1;
  } catch (const lamina::v1::Error& error) {
    found += error.status() == LAMINA_ERROR_NOT_FOUND;
  }
  try {
    throw CoreError(CoreError::Kind::kValue, "the core's own");
  } catch (const lamina::v1::Error&) {
    return 1;
  } catch (const CoreError&) {
    ++found;
  }
  std::printf("%d\n", found);
}
