// The portable kernels for float.
#include "kernels/simd_portable.h"
#include "kernels/table.inl"

namespace lamina::kernels {

extern const KernelTable<float> kKernels_portable_f32;
constinit const KernelTable<float> kKernels_portable_f32 = make_table<float>();

}  // namespace lamina::kernels
