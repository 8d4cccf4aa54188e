// The avx2 kernels for double.
#include "kernels/simd_avx2.h"
#include "kernels/table.inl"

namespace lamina::kernels {

extern const KernelTable<double> kKernels_avx2_f64;
constinit const KernelTable<double> kKernels_avx2_f64 = make_table<double>();

}  // namespace lamina::kernels
