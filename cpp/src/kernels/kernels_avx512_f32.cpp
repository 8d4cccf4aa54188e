// The avx512 kernels for float.
#include "kernels/simd_avx512.h"
#include "kernels/table.inl"

namespace lamina::kernels {

extern const KernelTable<float> kKernels_avx512_f32;
constinit const KernelTable<float> kKernels_avx512_f32 = make_table<float>();

}  // namespace lamina::kernels
