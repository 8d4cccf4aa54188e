// Chooses the kernels once: the best instruction set that this build has and this CPU runs.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernel_table.h"

namespace lamina::kernels {

// The table in use. The environment variable LAMINA_ISA, read at the first call, forces one of
// available_instruction_sets(); any other name raises Error::Kind::kValue.
template <class T>
const KernelTable<T>& kernels();

// Name of the instruction set in use; raises as kernels() does.
const char* instruction_set();

// Built in and runnable here, best first.
std::vector<std::string> available_instruction_sets();

// The table of the instruction set of this name, which need not run here; null where this build has none.
template <class T>
const KernelTable<T>* find_kernels(const char* name) noexcept;

}  // namespace lamina::kernels
