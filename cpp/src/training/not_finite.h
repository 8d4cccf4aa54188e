// Where a training went beyond the numbers, in words for the error that says so.
#pragma once

#include <string>

#include "layers/loss.h"
#include "network/workspace.h"

namespace lamina {

// After an update that is to blame.
template <class T>
std::string not_finite_after_update(const Network<T>& network);

// Of the rows that went forward last: the first layer whose outputs are not all finite, else the loss.
template <class T>
std::string first_not_finite_place(const Network<T>& network, const Workspace<T>& workspace, int64_t rows,
                                   const LossSpec& loss);

}  // namespace lamina
