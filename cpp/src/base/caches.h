// The caches of one core, as the processor reports them.
#pragma once

#include <cstdint>

namespace lamina {

// Bytes that one core reaches at each level (data or both; the third is shared with others).
struct Caches {
  int64_t level1 = int64_t{32} << 10;
  int64_t level2 = int64_t{1} << 20;
  int64_t level3 = int64_t{32} << 20;
  // The third level gives a core far less than its two wide FMA units ask for (22 GB/s beside 158 GF/s was
  // measured), as on Intel's processors with AVX-512.
  bool slow_level3 = false;
};

// Sizes that no processor has (of a hypervisor that reports none) give way to the defaults.
Caches plausible_caches(Caches reported) noexcept;

// Detected once; the same object each time. Thread-safe.
const Caches& caches() noexcept;

}  // namespace lamina
