// What this CPU (and its operating system) can run, and how large its caches are.
#pragma once

#include <cstdint>

namespace lamina {

struct CpuFeatures {
  // x86-64. Each also needs the operating system to keep the registers.
  bool sse2 = false;
  bool avx2 = false;    // AVX2, FMA, F16C and BMI2
  bool avx512 = false;  // avx2 and AVX-512 F, BW, DQ and VL
  bool avx512_bf16 = false;
  bool avx512_vnni = false;
  // aarch64
  bool neon = false;

  // Bytes a core can use; a common value where the system does not tell. l3 is 0 if there is none.
  int64_t l1_data_bytes = 32 << 10;
  int64_t l2_bytes = 1 << 20;
  int64_t l3_bytes = 8 << 20;
};

// Detected once; the same object each time. Thread-safe.
const CpuFeatures& cpu_features() noexcept;

}  // namespace lamina
