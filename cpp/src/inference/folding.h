// What remains of a network for inference: fewer layers, the same outputs up to rounding.
#pragma once

#include "network/network.h"

namespace lamina {

// A network for forward alone, with a copy of `weights` (a flat buffer of `network`). What vanishes in
// inference is left out; a lone activation joins the dense layer before it; batch normalisation is folded
// into the dense layer before it, where that has no activation, else into one that follows it; the factor of
// NTK parametrisation goes into the weights.
template <class T>
Network<T> inference_network(const Network<T>& network, const T* weights);

}  // namespace lamina
