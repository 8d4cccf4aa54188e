// Placement through Linux's affinity mask; other systems offer no such call.
#include "base/cpu_placement.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace lamina {

#if defined(__linux__)

int current_cpu() noexcept { return sched_getcpu(); }

void leave_cpu(int cpu) noexcept {
  cpu_set_t before;  // more than 1024 CPUs: the call fails, and the thread stays
  if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof before, &before) != 0) return;
  cpu_set_t others = before;
  CPU_CLR(static_cast<unsigned>(cpu), &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof before, &before);
}

#else

int current_cpu() noexcept { return -1; }
void leave_cpu(int) noexcept {}

#endif

}  // namespace lamina
