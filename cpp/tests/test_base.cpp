// Tests of aligned memory, the arena, floating-point mode, CPU features and quotas.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include "base/arena.h"
#include "base/cpu_features.h"
#include "base/denormals.h"
#include "base/error.h"
#include "base/function_ref.h"
#include "base/thread_count.h"
#include "check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using lamina::AlignedBuffer;
using lamina::Arena;
using lamina::Error;

bool aligned(const void* pointer, std::size_t unit) {
  return reinterpret_cast<std::uintptr_t>(pointer) % unit == 0;
}

// Where large blocks start: only Linux gives huge pages on request.
#if defined(__linux__)
constexpr std::size_t kLargeAlignment = lamina::kHugePage;
#else
constexpr std::size_t kLargeAlignment = lamina::kAlignment;
#endif

LAMINA_TEST(a_buffer_is_zero_and_aligned) {
  for (const int64_t size : {1, 3, 1000, (1 << 20) + 7}) {
    const AlignedBuffer<float> buffer(size);
    CHECK(aligned(buffer.data(), size > 1000 ? kLargeAlignment : lamina::kAlignment));
    bool zero = true;
    for (const float value : buffer) zero = zero && value == 0.0f;
    CHECK(zero && buffer.size() == size);
  }
}

LAMINA_TEST(a_moved_buffer_leaves_an_empty_one) {
  AlignedBuffer<int32_t> first(10);
  first[3] = 7;
  AlignedBuffer<int32_t> second = std::move(first);
  CHECK(first.empty() && first.data() == nullptr);
  CHECK(second.size() == 10 && second[3] == 7);
  second = AlignedBuffer<int32_t>(2);
  CHECK(second.size() == 2 && second[1] == 0);
}

std::string message_of_allocation(int64_t count) {
  try {
    const AlignedBuffer<double> buffer(count);
  } catch (const Error& error) {
    return error.kind() == Error::Kind::kMemory ? error.what() : "another kind";
  }
  return "no error";
}

LAMINA_TEST(sizes_that_cannot_be_had_raise_with_the_size) {
  const std::string overflowing = message_of_allocation(std::numeric_limits<int64_t>::max());
  CHECK(overflowing.find("9223372036854775807 elements of 8 bytes") != std::string::npos);
  CHECK(message_of_allocation(-1).find("-1 elements") != std::string::npos);
  const std::string too_large = message_of_allocation(int64_t{1} << 57);
  CHECK(too_large.find("1152921504606846976 bytes") != std::string::npos);
}

LAMINA_TEST(an_arena_places_aligned_zeroed_blocks_apart) {
  Arena arena;
  char* bytes = nullptr;
  double* numbers = nullptr;
  float* floats = nullptr;
  const auto plan = [&](Arena& a) {
    bytes = a.take<char>(3);
    numbers = a.take<double>(9);
    floats = a.take<float>(4 * 16);
  };
  arena.lay_out(plan);
  CHECK(aligned(bytes, 64) && aligned(numbers, 64) && aligned(floats, 64));
  CHECK(reinterpret_cast<char*>(numbers) - bytes == 64);
  CHECK(reinterpret_cast<char*>(floats) - reinterpret_cast<char*>(numbers) == 128);
  CHECK(arena.capacity() == 64 + 128 + 4 * 16 * 4);
  numbers[8] = 3.0;
  arena.lay_out(plan);
  CHECK(numbers[8] == 0.0);
}

LAMINA_TEST(an_arena_reuses_memory_that_suffices) {
  Arena arena;
  const char* first = nullptr;
  const char* second = nullptr;
  arena.lay_out([&](Arena& a) { first = a.take<char>(1000); });
  arena.lay_out([&](Arena& a) { second = a.take<char>(500); });
  CHECK(first == second && arena.capacity() == 1024);
}

LAMINA_TEST(an_arena_refuses_takes_outside_its_plan) {
  Arena arena;
  CHECK_THROWS(arena.take<int>(1), Error);
  int pass = 0;
  CHECK_THROWS(arena.lay_out([&](Arena& a) { a.take<char>(pass++ == 0 ? 64 : 128); }), Error);
  pass = 0;
  CHECK_THROWS(arena.lay_out([&](Arena& a) { a.take<char>(pass++ == 0 ? 128 : 64); }), Error);
}

LAMINA_TEST(a_function_ref_calls_what_it_refers_to) {
  int calls = 0;
  auto count = [&](int step) { return calls += step; };
  const lamina::FunctionRef<int(int)> reference = count;
  CHECK(reference(2) == 2 && reference(3) == 5 && calls == 5);
}

LAMINA_TEST(denormals_are_flushed_within_the_scope_only) {
  if (!lamina::FlushDenormals::kSupported) return;
  volatile float tiny = 1e-40f;
  {
    const lamina::FlushDenormals outer;
    {
      const lamina::FlushDenormals inner;
      CHECK(tiny * 1.0f == 0.0f);
    }
    CHECK(tiny * 1.0f == 0.0f);
  }
  CHECK(tiny * 1.0f != 0.0f);
}

#if defined(__x86_64__)
LAMINA_TEST(the_callers_rounding_mode_comes_back) {
  const unsigned before = _mm_getcsr();
  _MM_SET_ROUNDING_MODE(_MM_ROUND_UP);
  {
    const lamina::FlushDenormals mode;
    CHECK(_MM_GET_ROUNDING_MODE() == _MM_ROUND_NEAREST);
  }
  CHECK(_MM_GET_ROUNDING_MODE() == _MM_ROUND_UP);
  _mm_setcsr(before);
}

LAMINA_TEST(cpu_features_agree_with_the_compilers_own_detection) {
  __builtin_cpu_init();  // a program that is linked statically does not by itself
  const lamina::CpuFeatures& features = lamina::cpu_features();
  CHECK(features.sse2);
  CHECK(features.avx2 ==
        (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")));
  CHECK(features.avx512 ==
        (features.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")));
}
#endif

// A folder tree like /sys/fs/cgroup, gone at the end.
class FakeCgroup {
 public:
  FakeCgroup()
      : root_(std::filesystem::temp_directory_path() /
              ("lamina_test_cgroup_" + std::to_string(std::random_device()()))) {}
  ~FakeCgroup() { std::filesystem::remove_all(root_); }
  FakeCgroup(const FakeCgroup&) = delete;
  FakeCgroup& operator=(const FakeCgroup&) = delete;

  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = root_ / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  double quota(const std::string& membership) const {
    return lamina::detail::cgroup_cpu_quota(root_.string(), membership);
  }

 private:
  std::filesystem::path root_;
};

LAMINA_TEST(the_strictest_version_2_quota_on_the_path_counts) {
  const FakeCgroup group;
  group.write("a/cpu.max", "150000 100000\n");
  group.write("a/b/cpu.max", "max 100000\n");
  group.write("other/cpu.max", "10000 100000\n");
  CHECK_NEAR(group.quota("0::/a/b\n"), 1.5, 0);
  CHECK_NEAR(group.quota("0::/\n"), 0, 0);
}

LAMINA_TEST(a_version_1_quota_counts_and_minus_one_is_none) {
  const FakeCgroup group;
  group.write("cpu/x/cpu.cfs_quota_us", "50000\n");
  group.write("cpu/x/cpu.cfs_period_us", "100000\n");
  group.write("cpu/cpu.cfs_quota_us", "-1\n");
  group.write("cpu/cpu.cfs_period_us", "100000\n");
  CHECK_NEAR(group.quota("4:memory:/m\n3:cpu,cpuacct:/x\n"), 0.5, 0);
  CHECK_NEAR(group.quota("3:cpuset:/x\n1:cpu:/\n"), 0, 0);
}

// Inside a container the path may lie outside what is mounted: the root then tells.
LAMINA_TEST(a_path_that_is_not_mounted_falls_back_to_the_root) {
  const FakeCgroup group;
  group.write("cpu.max", "200000 100000\n");
  CHECK_NEAR(group.quota("0::/docker/1234\n"), 2, 0);
}

LAMINA_TEST(hardware_threads_is_at_least_one) { CHECK(lamina::hardware_threads() >= 1); }

}  // namespace

LAMINA_TEST_MAIN
