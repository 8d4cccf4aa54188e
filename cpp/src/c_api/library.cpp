// What the library is and how many threads it uses.
#include <cstdlib>

#include "base/thread_count.h"
#include "base/version.h"
#include "c_api/guard.h"
#include "kernels/dispatch.h"

extern "C" {

const char* lamina_version(void) { return lamina::version(); }

int lamina_version_number(void) {
  int number = 0, part = 0;
  for (const char* at = lamina::version();; ++at) {
    if (*at >= '0' && *at <= '9') {
      part = 10 * part + (*at - '0');
      continue;
    }
    number = 1000 * number + part;
    part = 0;
    if (*at == '\0') return number;
  }
}

const char* lamina_instruction_set(void) {
  return lamina::c::guarded_value(__func__, "", [] { return lamina::kernels::instruction_set(); });
}

lamina_status lamina_set_num_threads(int threads) {
  return lamina::c::guarded(__func__, [&] { lamina::set_num_threads(threads); });
}

int lamina_num_threads(void) {
  return lamina::c::guarded_value(__func__, 0, [] { return lamina::get_num_threads(); });
}
}
