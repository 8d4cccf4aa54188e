// A loss's second derivatives by the parameters, times a vector.
#pragma once

#include "base/execution.h"
#include "base/poll.h"
#include "inference/data.h"
#include "network/network.h"

namespace lamina {

// H v for the loss of all rows as one batch, with the network as in prediction. `direction` and `product` are
// flat buffers. By central differences of gradients along v, of fourth order: about 1e-10 of the largest
// element where the activations are smooth. Moves the network's weights and puts them back, so nobody else
// may use the network meanwhile. False: the poll asked to stop.
bool hessian_vector_product(Network<double>& network, const LossSpec& loss, const DataSet<double>& data,
                            const double* direction, double* product, Poll poll,
                            const Execution& execution = {});

}  // namespace lamina
