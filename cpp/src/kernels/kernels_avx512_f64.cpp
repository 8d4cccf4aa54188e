// The avx512 kernels for double.
#include "kernels/simd_avx512.h"
#include "kernels/table.inl"

namespace lamina::kernels {

extern const KernelTable<double> kKernels_avx512_f64;
constinit const KernelTable<double> kKernels_avx512_f64 = make_table<double>();

}  // namespace lamina::kernels
