// Binds the number of threads that the core uses.
#include "base/thread_count.h"

#include "register.h"

namespace lamina::python {

void register_threads(py::module_& module) {
  module.def("set_num_threads", &set_num_threads, py::arg("count"),
             "Use `count` threads (1 to 1024) from the next call on; ValueError outside that range.\n\n"
             "Results do not depend on it. More threads than CPUs are allowed, but slower.");
  module.def("get_num_threads", &get_num_threads,
             "Threads in use: set_num_threads, else the environment variable LAMINA_NUM_THREADS, else\n"
             "hardware_threads(), or OMP_NUM_THREADS if that is fewer.");
  module.def("hardware_threads", &hardware_threads,
             "CPUs this process may use: its affinity, or the whole CPUs of its cgroup quota if fewer.");
}

}  // namespace lamina::python
