// Reads the affinity mask, the cgroup quota and the environment to choose a number of threads.
#include "base/thread_count.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <new>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "base/text.h"

#if defined(__linux__)
#include <sched.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#endif

namespace lamina {
namespace {

#if defined(__linux__)
// Calls use(mask, its size in bytes, CPUs that it has room for); 0 where the system does not tell.
template <class Use>
int with_affinity(Use use) {
  // More than 1024 CPUs need a larger mask than cpu_set_t.
  for (std::size_t cpus = CPU_SETSIZE; cpus <= std::size_t{1} << 16; cpus *= 4) {
    cpu_set_t* mask = CPU_ALLOC(cpus);
    if (mask == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(cpus);
    const int result = sched_getaffinity(0, size, mask) == 0 ? use(mask, size, cpus) : 0;
    CPU_FREE(mask);
    if (result > 0) return result;
  }
  return 0;
}
#endif

int affinity_count() {
#if defined(__linux__)
  const int count =
      with_affinity([](cpu_set_t* mask, std::size_t size, std::size_t) { return CPU_COUNT_S(size, mask); });
  if (count > 0) return count;
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// 0 where the system does not tell.
int cores_of_system() {
#if defined(__linux__)
  return with_affinity([](cpu_set_t* mask, std::size_t size, std::size_t room) {
    std::vector<int> cpus;
    for (std::size_t i = 0; i < room; ++i)
      if (CPU_ISSET_S(i, size, mask)) cpus.push_back(static_cast<int>(i));
    return detail::count_cores("/sys/devices/system/cpu", cpus);
  });
#elif defined(__APPLE__)
  int cores = 0;
  std::size_t size = sizeof cores;
  return sysctlbyname("hw.physicalcpu", &cores, &size, nullptr, 0) == 0 ? cores : 0;
#elif defined(_WIN32)
  DWORD bytes = 0;
  GetLogicalProcessorInformation(nullptr, &bytes);
  std::vector<SYSTEM_LOGICAL_PROCESSOR_INFORMATION> found(bytes /
                                                          sizeof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION));
  if (found.empty() || !GetLogicalProcessorInformation(found.data(), &bytes)) return 0;
  return static_cast<int>(std::count_if(found.begin(), found.end(), [](const auto& entry) {
    return entry.Relationship == RelationProcessorCore;
  }));
#else
  return 0;
#endif
}

// Quota over period from one folder; 0 if it sets no limit.
double folder_quota(const std::string& folder, bool version_2) {
  double quota = 0, period = 0;
  if (version_2) {
    std::ifstream file(concat({folder, "/cpu.max"}));
    if (!(file >> quota >> period)) return 0;  // "max 100000" has no number first
  } else {
    std::ifstream quota_file(concat({folder, "/cpu.cfs_quota_us"}));
    std::ifstream period_file(concat({folder, "/cpu.cfs_period_us"}));
    if (!(quota_file >> quota) || !(period_file >> period)) return 0;
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

double stricter(double a, double b) {
  if (a <= 0) return b;
  return b > 0 ? std::min(a, b) : a;
}

// The strictest quota from `path` up to the root of a hierarchy.
double strictest_quota(const std::string& root, std::string path, bool version_2) {
  double quota = 0;
  while (!path.empty() && path != "/") {
    quota = stricter(quota, folder_quota(root + path, version_2));
    path.erase(path.find_last_of('/'));
  }
  return stricter(quota, folder_quota(root, version_2));
}

bool names_cpu_controller(const std::string& controllers) {
  return (concat({",", controllers, ","})).find(",cpu,") != std::string::npos;
}

// Read once. Atomics, not function statics: a child forked in the middle of another thread's first
// call would wait for ever for a static's guard.
double quota_of_process() {
#if defined(__linux__)
  static std::atomic<double> known{-1};
  double quota = known.load(std::memory_order_relaxed);
  if (quota < 0) {
    std::ifstream file("/proc/self/cgroup");
    std::ostringstream membership;
    membership << file.rdbuf();
    quota = detail::cgroup_cpu_quota("/sys/fs/cgroup", membership.str());
    known.store(quota, std::memory_order_relaxed);
  }
  return quota;
#else
  return 0;
#endif
}

std::optional<int> parse_count(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  int count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || stop != end || count < 1 || count > kMaxThreads) return std::nullopt;
  return count;
}

// 0 where LAMINA_NUM_THREADS is not set.
int lamina_threads() {
  const char* text = std::getenv("LAMINA_NUM_THREADS");
  if (text == nullptr || *text == '\0') return 0;
  if (const std::optional<int> count = parse_count(text)) return *count;
  throw_error(Error::Kind::kValue, {"LAMINA_NUM_THREADS: expected a whole number from 1 to ", kMaxThreads,
                                    ", got '", text, "'; correct or unset it"});
}

// kMaxThreads where OMP_NUM_THREADS tells nothing. "4,2" gives a count for each nesting level.
int openmp_threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  if (text == nullptr) return kMaxThreads;
  const std::string_view levels(text);
  return parse_count(levels.substr(0, levels.find(','))).value_or(kMaxThreads);
}

// What the environment asks for, read once: more than 0 exactly, less than 0 at most that many.
int threads_of_environment() {
  static std::atomic<int> known{0};
  int asked = known.load(std::memory_order_relaxed);
  if (asked == 0) {
    asked = lamina_threads();
    if (asked == 0) asked = -openmp_threads();
    known.store(asked, std::memory_order_relaxed);
  }
  return asked;
}

// 0 until set_num_threads.
std::atomic<int> chosen_threads{0};
std::atomic<bool> chosen_exactly{false};

}  // namespace

int hardware_threads() {
  const int affinity = std::min(affinity_count(), kMaxThreads);
  const double quota = quota_of_process();
  if (quota <= 0 || quota >= affinity) return affinity;
  return std::max(1, static_cast<int>(quota));
}

int physical_cores() noexcept {
  static std::atomic<int> known{0};
  int cores = known.load(std::memory_order_relaxed);
  if (cores > 0) return cores;
  try {
    cores = cores_of_system();
    if (cores <= 0) cores = affinity_count();
    cores = std::min(cores, hardware_threads());
    known.store(cores, std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {  // only asked where to begin, and again next time
    cores = 1;
  }
  return cores;
}

bool cpu_quota_is_tight() {
  const double quota = quota_of_process();
  return quota > 0 && quota < affinity_count();
}

int get_num_threads() {
  if (const int chosen = chosen_threads.load(std::memory_order_relaxed); chosen > 0) return chosen;
  const int asked = threads_of_environment();
  return asked > 0 ? asked : std::min(-asked, hardware_threads());
}

void set_num_threads(int count, bool exact) {
  if (count < 1 || count > kMaxThreads)
    throw_error(Error::Kind::kValue,
                {"set_num_threads: expected 1 to ", kMaxThreads, " threads, got ", count});
  chosen_threads.store(count, std::memory_order_relaxed);
  chosen_exactly.store(exact, std::memory_order_relaxed);
}

bool threads_are_exact() noexcept { return chosen_exactly.load(std::memory_order_relaxed); }

int detail::count_cores(const std::string& folder, const std::vector<int>& cpus) {
  std::set<std::string> cores;  // each by its list of CPUs
  for (const int cpu : cpus) {
    const std::string name = concat({"cpu", cpu});
    std::string siblings;
    std::ifstream(concat({folder, "/", name, "/topology/thread_siblings_list"})) >> siblings;
    cores.insert(siblings.empty() ? name : siblings);
  }
  return static_cast<int>(cores.size());
}

double detail::cgroup_cpu_quota(const std::string& mount, const std::string& membership) {
  double quota = 0;
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    // "0::/path" in version 2, "3:cpu,cpuacct:/path" in version 1.
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (path.empty() || path.front() != '/') continue;
    if (controllers.empty()) {
      quota = stricter(quota, strictest_quota(mount, path, true));
    } else if (names_cpu_controller(controllers)) {
      for (const std::string folder : {"/cpu", "/cpu,cpuacct"})
        quota = stricter(quota, strictest_quota(mount + folder, path, false));
    }
  }
  return quota;
}

}  // namespace lamina
