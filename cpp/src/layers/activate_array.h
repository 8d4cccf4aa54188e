// Activations over a user's own arrays, without a network: forward, and from dL/dy to dL/dx.
#pragma once

#include <cstdint>

#include "kernels/kernel_table.h"
#include "layers/activation_spec.h"

namespace lamina {

// Contiguous arrays [rows, columns] at any address. Shared out among `threads`: the same bits for any number.
// Arrays that start on 64 bytes are worked on where they lie.
template <class T>
struct ActivationArrays {
  const kernels::KernelTable<T>& kernels;
  const ActivationSpec& activation;
  int64_t rows, columns;
};

// y = f(x); `derivative`, or null, receives f'(x) where the activation's gradient_source() is that.
template <class T>
void activate_array(const ActivationArrays<T>& arrays, const T* x, T* y, T* derivative, int threads);

// dx = dL/dx; `saved` is the activation's gradient_source(): x, y or the derivative.
template <class T>
void activation_gradient_array(const ActivationArrays<T>& arrays, const T* saved, const T* dy, T* dx,
                               int threads);

}  // namespace lamina
