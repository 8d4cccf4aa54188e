// The losses that training lowers: of an ensemble the mean of its members' losses, never that of their mean.
#pragma once

#include <cstdint>

#include "layers/loss.h"
#include "network/workspace.h"

namespace lamina {

// Row losses of rows [first, first + rows) of a workspace after a pass forward of_members, and the deltas
// that a pass backward begins with, times `delta_scale`. `targets`, `weights` (null: all 1) and `losses`
// begin with row `first`.
template <class T>
void compute_member_losses(const Network<T>& network, const LossSpec& loss, bool logits,
                           const Workspace<T>& workspace, int64_t first, int64_t rows,
                           const Targets<T>& targets, const T* weights, T delta_scale,
                           double* losses) noexcept;

}  // namespace lamina
