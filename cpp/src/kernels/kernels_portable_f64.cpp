// The portable kernels for double.
#include "kernels/simd_portable.h"
#include "kernels/table.inl"

namespace lamina::kernels {

extern const KernelTable<double> kKernels_portable_f64;
constinit const KernelTable<double> kKernels_portable_f64 = make_table<double>();

}  // namespace lamina::kernels
