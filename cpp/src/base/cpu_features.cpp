// Reads CPU features from cpuid and xgetbv.
#include "base/cpu_features.h"

#include <cstdint>

#include "base/cpuid.h"

namespace lamina {
namespace {

#if defined(LAMINA_X86)

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
}

#else

void detect_sets(CpuFeatures& features) {
#if defined(__aarch64__) || defined(_M_ARM64)
  features.neon = true;  // part of aarch64
#else
  (void)features;
#endif
}

#endif

CpuFeatures detect() {
  CpuFeatures features;
  detect_sets(features);
  return features;
}

}  // namespace

const CpuFeatures& cpu_features() noexcept {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace lamina
