// Reads CPU features from cpuid and xgetbv, cache sizes from cpuid or the system.
#include "base/cpu_features.h"

#if defined(__x86_64__) || defined(_M_X64)
#define LAMINA_X86 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

#if defined(__linux__)
#include <unistd.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace lamina {
namespace {

void keep_if_positive(int64_t& size, int64_t found) {
  if (found > 0) size = found;
}

#if defined(LAMINA_X86)

struct CpuidResult {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidResult cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  CpuidResult result;
#if defined(_MSC_VER)
  int words[4];
  __cpuidex(words, static_cast<int>(leaf), static_cast<int>(subleaf));
  result = {static_cast<uint32_t>(words[0]), static_cast<uint32_t>(words[1]), static_cast<uint32_t>(words[2]),
            static_cast<uint32_t>(words[3])};
#else
  __cpuid_count(leaf, subleaf, result.eax, result.ebx, result.ecx, result.edx);
#endif
  return result;
}

// Which registers the operating system saves at a task switch.
uint64_t saved_registers() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
#endif
}

constexpr bool has(uint32_t word, int bit) { return (word >> bit & 1u) != 0; }

void detect_sets(CpuFeatures& features) {
  features.sse2 = true;  // part of x86-64
  const uint32_t highest = cpuid(0).eax;
  const CpuidResult basic = cpuid(1);
  const bool xsave = has(basic.ecx, 27);
  if (highest < 7 || !xsave) return;

  const uint64_t saved = saved_registers();
  const bool ymm_saved = (saved & 0x06) == 0x06;
  const bool zmm_saved = (saved & 0xe6) == 0xe6;
  const CpuidResult extended = cpuid(7);
  const bool fma = has(basic.ecx, 12), avx = has(basic.ecx, 28), f16c = has(basic.ecx, 29);
  const bool avx2 = has(extended.ebx, 5), bmi2 = has(extended.ebx, 8);
  features.avx2 = ymm_saved && avx && fma && f16c && avx2 && bmi2;

  const bool f = has(extended.ebx, 16), dq = has(extended.ebx, 17);
  const bool bw = has(extended.ebx, 30), vl = has(extended.ebx, 31);
  features.avx512 = features.avx2 && zmm_saved && f && dq && bw && vl;
  features.avx512_vnni = features.avx512 && has(extended.ecx, 11);
  if (extended.eax >= 1) features.avx512_bf16 = features.avx512 && has(cpuid(7, 1).eax, 5);
}

// The caches as leaf 4 (Intel) or 0x8000001d (AMD) lists them, one subleaf each.
void detect_caches(CpuFeatures& features) {
  constexpr uint32_t kIntelLeaf = 4, kAmdLeaf = 0x8000001d;
  const bool amd_lists = cpuid(0x80000000).eax >= kAmdLeaf && has(cpuid(0x80000001).ecx, 22);
  const uint32_t leaf = amd_lists ? kAmdLeaf : kIntelLeaf;
  if (!amd_lists && cpuid(0).eax < kIntelLeaf) return;
  bool any = false;
  int64_t l3 = 0;
  for (uint32_t subleaf = 0; subleaf < 16; ++subleaf) {
    const CpuidResult cache = cpuid(leaf, subleaf);
    const uint32_t type = cache.eax & 0x1f, level = cache.eax >> 5 & 0x7;
    constexpr uint32_t kNone = 0, kInstruction = 2;
    if (type == kNone) break;
    if (type == kInstruction) continue;
    const int64_t ways = (cache.ebx >> 22) + 1, partitions = (cache.ebx >> 12 & 0x3ff) + 1;
    const int64_t line = (cache.ebx & 0xfff) + 1, sets = int64_t{cache.ecx} + 1;
    const int64_t bytes = ways * partitions * line * sets;
    if (level == 1) keep_if_positive(features.l1_data_bytes, bytes);
    if (level == 2) keep_if_positive(features.l2_bytes, bytes);
    if (level == 3) keep_if_positive(l3, bytes);
    any = true;
  }
  if (any) features.l3_bytes = l3;
}

#else

void detect_sets(CpuFeatures& features) {
#if defined(__aarch64__) || defined(_M_ARM64)
  features.neon = true;  // part of aarch64
#else
  (void)features;
#endif
}

void detect_caches(CpuFeatures& features) {
#if defined(__linux__) && defined(_SC_LEVEL1_DCACHE_SIZE)
  keep_if_positive(features.l1_data_bytes, sysconf(_SC_LEVEL1_DCACHE_SIZE));
  keep_if_positive(features.l2_bytes, sysconf(_SC_LEVEL2_CACHE_SIZE));
  keep_if_positive(features.l3_bytes, sysconf(_SC_LEVEL3_CACHE_SIZE));
#elif defined(__APPLE__)
  const auto read = [](const char* name) {
    int64_t value = 0;
    size_t size = sizeof(value);
    return sysctlbyname(name, &value, &size, nullptr, 0) == 0 ? value : int64_t{0};
  };
  keep_if_positive(features.l1_data_bytes, read("hw.perflevel0.l1dcachesize"));
  keep_if_positive(features.l2_bytes, read("hw.perflevel0.l2cachesize"));
  features.l3_bytes = read("hw.l3cachesize");
#else
  (void)features;
#endif
}

#endif

CpuFeatures detect() {
  CpuFeatures features;
  detect_sets(features);
  detect_caches(features);
  return features;
}

}  // namespace

const CpuFeatures& cpu_features() noexcept {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace lamina
