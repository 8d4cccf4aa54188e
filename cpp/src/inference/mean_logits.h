// Logits of an ensemble's mean prediction, by which losses that absorb an activation measure it.
#pragma once

#include <cstdint>

#include "network/workspace.h"

namespace lamina {

// From the members' logits (a pass of_members that ends_at_logits), of softmax or sigmoid: what these take to
// the mean of the members' probabilities. Row by row into the workspace's output; the members' logits stay.
template <class T>
void write_mean_logits(const Network<T>& network, const Workspace<T>& workspace, int64_t rows) noexcept;

}  // namespace lamina
