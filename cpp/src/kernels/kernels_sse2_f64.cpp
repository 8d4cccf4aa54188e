// The sse2 kernels for double.
#include "kernels/simd_sse2.h"
#include "kernels/table.inl"

namespace lamina::kernels {

extern const KernelTable<double> kKernels_sse2_f64;
constinit const KernelTable<double> kKernels_sse2_f64 = make_table<double>();

}  // namespace lamina::kernels
