// Reads sizes of caches: cpuid on x86-64, the system's figures on macOS.
#include "base/caches.h"

#include <cstddef>

#include "base/cpu_features.h"
#include "base/cpuid.h"

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace lamina {
namespace {

#if defined(LAMINA_X86)

constexpr uint32_t kIntelCaches = 4, kAmdCaches = 0x8000001d, kHighestExtended = 0x80000000;
constexpr uint32_t kIntel = 0x756e6547;  // "Genu"

// Each subleaf describes a cache until one of type 0.
void read_leaf(uint32_t leaf, Caches& caches) {
  constexpr uint32_t kMostCaches = 8, kInstructions = 2;
  for (uint32_t i = 0; i < kMostCaches; ++i) {
    const CpuidResult cache = cpuid(leaf, i);
    const uint32_t type = cache.eax & 31, level = cache.eax >> 5 & 7;
    if (type == 0) return;
    if (type == kInstructions) continue;
    const int64_t ways = (cache.ebx >> 22) + 1, partitions = (cache.ebx >> 12 & 1023) + 1;
    const int64_t line = (cache.ebx & 4095) + 1, sets = int64_t{cache.ecx} + 1;
    const int64_t bytes = ways * partitions * line * sets;
    if (level == 1) caches.level1 = bytes;
    if (level == 2) caches.level2 = bytes;
    if (level == 3) caches.level3 = bytes;
  }
}

Caches detect() {
  Caches caches;
  const CpuidResult vendor = cpuid(0);
  if (vendor.ebx == kIntel) {
    if (vendor.eax >= kIntelCaches) read_leaf(kIntelCaches, caches);
    caches.slow_level3 = cpu_features().avx512;
  } else if (cpuid(kHighestExtended).eax >= kAmdCaches) {
    read_leaf(kAmdCaches, caches);
  }
  return caches;
}

#elif defined(__APPLE__)

void read_size(const char* name, int64_t& size) {
  int64_t found = 0;
  size_t bytes = sizeof found;
  if (sysctlbyname(name, &found, &bytes, nullptr, 0) == 0) size = found;
}

Caches detect() {
  Caches caches;
  read_size("hw.perflevel0.l1dcachesize", caches.level1);
  read_size("hw.perflevel0.l2cachesize", caches.level2);
  return caches;
}

#else

Caches detect() { return {}; }

#endif

}  // namespace

Caches plausible_caches(Caches reported) noexcept {
  const Caches usual;
  const auto keep = [](int64_t& size, int64_t least, int64_t most, int64_t otherwise) {
    if (size < least || size > most) size = otherwise;
  };
  keep(reported.level1, int64_t{8} << 10, int64_t{1} << 20, usual.level1);
  keep(reported.level2, int64_t{64} << 10, int64_t{64} << 20, usual.level2);
  keep(reported.level3, int64_t{1} << 20, int64_t{4} << 30, usual.level3);
  return reported;
}

const Caches& caches() noexcept {
  static const Caches found = plausible_caches(detect());
  return found;
}

}  // namespace lamina
