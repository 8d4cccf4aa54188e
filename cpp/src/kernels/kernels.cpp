// The kernels of one instruction set and scalar type. The build compiles this file once for each pair, with
// LAMINA_INSTRUCTION_SET and LAMINA_SCALAR_TYPE defined as its names, such as avx2 and f32.
#define LAMINA_TEXT_OF(tokens) #tokens
#define LAMINA_TEXT(tokens) LAMINA_TEXT_OF(tokens)
// clang-format off: it would put blanks into the path.
#include LAMINA_TEXT(kernels/simd/LAMINA_INSTRUCTION_SET.h)
// clang-format on

#include "kernels/table.inl"

#define LAMINA_TABLE_NAME_OF(set, type) kKernels_##set##_##type
#define LAMINA_TABLE_NAME(set, type) LAMINA_TABLE_NAME_OF(set, type)
#define LAMINA_TABLE LAMINA_TABLE_NAME(LAMINA_INSTRUCTION_SET, LAMINA_SCALAR_TYPE)

namespace lamina::kernels {
namespace {

using f32 [[maybe_unused]] = float;
using f64 [[maybe_unused]] = double;

}  // namespace

extern const KernelTable<LAMINA_SCALAR_TYPE> LAMINA_TABLE;
constinit const KernelTable<LAMINA_SCALAR_TYPE> LAMINA_TABLE = make_table<LAMINA_SCALAR_TYPE>();

}  // namespace lamina::kernels
