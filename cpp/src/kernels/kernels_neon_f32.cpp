// The neon kernels for float.
#include "kernels/simd_neon.h"
#include "kernels/table.inl"

namespace lamina::kernels {

extern const KernelTable<float> kKernels_neon_f32;
constinit const KernelTable<float> kKernels_neon_f32 = make_table<float>();

}  // namespace lamina::kernels
