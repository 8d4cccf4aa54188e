// The neon kernels for double.
#include "kernels/simd_neon.h"
#include "kernels/table.inl"

namespace lamina::kernels {

extern const KernelTable<double> kKernels_neon_f64;
constinit const KernelTable<double> kKernels_neon_f64 = make_table<double>();

}  // namespace lamina::kernels
