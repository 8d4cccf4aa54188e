// Which instruction sets this CPU (and its operating system) can run.
#pragma once

namespace lamina {

struct CpuFeatures {
  // x86-64. Each also needs the operating system to keep the registers.
  bool sse2 = false;
  bool avx2 = false;    // AVX2, FMA, F16C and BMI2
  bool avx512 = false;  // avx2 and AVX-512 F, BW, DQ and VL
  // aarch64
  bool neon = false;
};

// Detected once; the same object each time. Thread-safe.
const CpuFeatures& cpu_features() noexcept;

}  // namespace lamina
