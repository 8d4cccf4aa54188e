// The list of built instruction sets and the choice among them.
#include "kernels/dispatch.h"

#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "base/cpu_features.h"
#include "base/error.h"
#include "base/scalar_types.h"
#include "base/text.h"

namespace lamina::kernels {

#define LAMINA_DECLARE(name)                             \
  extern const KernelTable<float> kKernels_##name##_f32; \
  extern const KernelTable<double> kKernels_##name##_f64;
LAMINA_DECLARE(avx512)
LAMINA_DECLARE(avx2)
LAMINA_DECLARE(sse2)
LAMINA_DECLARE(neon)
LAMINA_DECLARE(portable)
#undef LAMINA_DECLARE

namespace {

struct InstructionSet {
  const char* name;
  const KernelTable<float>* f32;
  const KernelTable<double>* f64;
  bool (*runs_here)(const CpuFeatures&);
};

// Best first.
constexpr InstructionSet kInstructionSets[] = {
#if defined(LAMINA_WITHOUT_FLOAT64)
#define LAMINA_F64(name) nullptr
#else
#define LAMINA_F64(name) &kKernels_##name##_f64
#endif
#define LAMINA_ENTRY(name, condition)                                            \
  {#name, &kKernels_##name##_f32, LAMINA_F64(name), [](const CpuFeatures& cpu) { \
     (void)cpu;                                                                  \
     return condition;                                                           \
   }},
#ifdef LAMINA_KERNELS_AVX512
    LAMINA_ENTRY(avx512, cpu.avx512)
#endif
#ifdef LAMINA_KERNELS_AVX2
        LAMINA_ENTRY(avx2, cpu.avx2)
#endif
#ifdef LAMINA_KERNELS_SSE2
            LAMINA_ENTRY(sse2, cpu.sse2)
#endif
#ifdef LAMINA_KERNELS_NEON
                LAMINA_ENTRY(neon, cpu.neon)
#endif
#ifdef LAMINA_KERNELS_PORTABLE
                    LAMINA_ENTRY(portable, true)
#endif
#undef LAMINA_ENTRY
#undef LAMINA_F64
};

template <class T>
const KernelTable<T>* table_of(const InstructionSet& set) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return set.f32;
  } else {
    return set.f64;
  }
}

std::vector<std::string> built_instruction_sets() {
  std::vector<std::string> names;
  for (const InstructionSet& set : kInstructionSets) names.emplace_back(set.name);
  return names;
}

const InstructionSet& choose() {
  const char* forced = std::getenv("LAMINA_ISA");
  const bool is_forced = forced != nullptr && *forced != '\0';
  for (const InstructionSet& set : kInstructionSets) {
    const bool wanted = !is_forced || std::strcmp(forced, set.name) == 0;
    if (wanted && set.runs_here(cpu_features())) return set;
  }
  if (!is_forced) {
    throw_error(Error::Kind::kState, {"this build of lamina has kernels for ", join(built_instruction_sets()),
                                      " alone, which this processor does not run; configure it with "
                                      "other LAMINA_SETS"});
  }
  throw_error(Error::Kind::kValue, {"LAMINA_ISA: expected one of ", join(available_instruction_sets()),
                                    " (what this build has and this CPU runs), got ", forced});
}

const InstructionSet& chosen() {
  static const InstructionSet& set = choose();
  return set;
}

}  // namespace

template <class T>
const KernelTable<T>& kernels() {
  if constexpr (std::is_same_v<T, double> && !kHasFloat64) refuse_float64();
  return *table_of<T>(chosen());
}

const char* instruction_set() { return chosen().name; }

std::vector<std::string> available_instruction_sets() {
  std::vector<std::string> names;
  for (const InstructionSet& set : kInstructionSets) {
    if (set.runs_here(cpu_features())) names.emplace_back(set.name);
  }
  return names;
}

template <class T>
const KernelTable<T>* find_kernels(const char* name) noexcept {
  for (const InstructionSet& set : kInstructionSets)
    if (std::strcmp(name, set.name) == 0) return table_of<T>(set);
  return nullptr;
}

template const KernelTable<float>& kernels();
template const KernelTable<double>& kernels();
template const KernelTable<float>* find_kernels(const char*) noexcept;
template const KernelTable<double>* find_kernels(const char*) noexcept;

}  // namespace lamina::kernels
