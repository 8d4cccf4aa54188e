// How many threads to use: what the machine grants, what the environment asks, what the user sets.
#pragma once

#include <string>
#include <vector>

namespace lamina {

inline constexpr int kMaxThreads = 1024;

// CPUs this process may use: min(affinity, max(1, whole CPUs of the cgroup quota)). The affinity is
// read anew at each call, the quota once.
int hardware_threads();

// Cores that these CPUs are, of which some may be two virtual ones; read once. As many as CPUs where the
// system does not tell.
int physical_cores() noexcept;

// The most threads used where a call names none: set_num_threads, else LAMINA_NUM_THREADS, else
// hardware_threads(), or OMP_NUM_THREADS if that is fewer. The environment is read once.
// Throws Error kValue if LAMINA_NUM_THREADS is not a whole number in 1..1024.
int get_num_threads();

// More threads than CPUs are allowed. `exact`: work that can be divided takes so many, where it would take
// fewer if these were found to be faster. Throws Error kValue unless 1 <= count <= 1024.
void set_num_threads(int count, bool exact = false);
bool threads_are_exact() noexcept;

// True where the cgroup grants fewer CPU seconds than the affinity mask has CPUs, or a fraction:
// spinning then eats quota that the work needs.
bool cpu_quota_is_tight();

namespace detail {

// CPUs granted by the strictest cgroup (v2 or v1) on the way from the process's own to the root;
// 0 if unlimited. `mount` is /sys/fs/cgroup, `membership` the text of /proc/self/cgroup.
double cgroup_cpu_quota(const std::string& mount, const std::string& membership);

// How many cores the CPUs are, by the lists of siblings under `folder` (/sys/devices/system/cpu); a CPU
// without one counts as a core.
int count_cores(const std::string& folder, const std::vector<int>& cpus);

}  // namespace detail

}  // namespace lamina
