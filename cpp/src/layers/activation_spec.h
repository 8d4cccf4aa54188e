// The activations by name: elementwise functions, and softmax over a row.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernel_table.h"

namespace lamina {

class Json;

struct ActivationSpec {
  enum class Form { kElementwise, kSoftmax, kLogSoftmax };

  std::string name = "identity";
  Form form = Form::kElementwise;
  kernels::Activation function = kernels::Activation::kIdentity;
  double parameter = 0.0;

  ActivationSpec() = default;
  // By name, with the default of its parameter or with one that is given; raises kValue.
  ActivationSpec(const char* name);
  ActivationSpec(const char* name, double parameter);

  bool is_identity() const noexcept {
    return form == Form::kElementwise && function == kernels::Activation::kIdentity;
  }
  bool is_elementwise() const noexcept { return form == Form::kElementwise; }
  // False where the derivative is 0 almost everywhere, so that nothing would be learned through it.
  bool is_trainable() const noexcept { return !is_elementwise() || function != kernels::Activation::kStep; }
  bool stores_derivative() const noexcept { return is_elementwise() && kernels::stores_derivative(function); }
  kernels::GradientSource gradient_source() const noexcept {
    return is_elementwise() ? kernels::gradient_source(function) : kernels::GradientSource::kOutput;
  }
};

// From `"relu"` or `{"kind": "leaky_relu", "negative_slope": 0.01}`; unknown names list what there is.
ActivationSpec activation_from_json(const Json& spec);
Json activation_to_json(const ActivationSpec& spec);
std::vector<std::string> activation_names();

// `source` (or null) of activations other than the identity: see kernels::ActivationBlock.
// f over rows [rows, columns] in place; `aux` (or null) receives f'(z) where the activation stores it.
template <class T>
void apply_activation(const kernels::KernelTable<T>& table, const ActivationSpec& spec, int64_t rows,
                      int64_t columns, T* values, int64_t row_stride, T* aux, int64_t aux_row_stride,
                      const T* source = nullptr) noexcept;

// dL/dy to dL/dz in place on `delta`; `output` holds y, `aux` the stored f'(z) (or null).
template <class T>
void apply_activation_backward(const kernels::KernelTable<T>& table, const ActivationSpec& spec, int64_t rows,
                               int64_t columns, const T* output, const T* aux, int64_t row_stride, T* delta,
                               int64_t delta_row_stride, const T* source = nullptr) noexcept;

}  // namespace lamina
