// The sse2 kernels for float.
#include "kernels/simd_sse2.h"
#include "kernels/table.inl"

namespace lamina::kernels {

extern const KernelTable<float> kKernels_sse2_f32;
constinit const KernelTable<float> kKernels_sse2_f32 = make_table<float>();

}  // namespace lamina::kernels
