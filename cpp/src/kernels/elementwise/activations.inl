// Activations forward and backward over blocks of rows, and the list of them.
#pragma once

#include "kernels/elementwise/activation_functors.inl"
#include "kernels/kernel_table.h"

namespace lamina::kernels {
namespace {

template <class T, class F>
LAMINA_INLINE Vec<T> activation_value(Vec<T> z, Vec<T> parameter) {
  if constexpr (requires { &F::value; }) {
    return F::value(z, parameter);
  } else {
    Vec<T> unused;
    return F::value_and_derivative(z, parameter, unused);
  }
}

// f'(z): what does not serve it drops out.
template <class T, class F>
LAMINA_INLINE Vec<T> activation_derivative(Vec<T> z, Vec<T> parameter) {
  if constexpr (requires { &F::value_and_derivative; }) {
    Vec<T> derivative;
    F::value_and_derivative(z, parameter, derivative);
    return derivative;
  } else {
    return F::derivative(F::value(z, parameter), parameter);
  }
}

// A block whose rows follow one another without a gap is one long row. All buffers are padded to whole
// vectors, so the padding is computed along and no row has a tail.
template <class T>
LAMINA_INLINE ActivationBlock<T> as_few_rows(const ActivationBlock<T>& block) {
  ActivationBlock<T> joined = block;
  const bool gapless =
      block.row_stride == block.columns && (block.aux == nullptr || block.aux_row_stride == block.columns);
  if (gapless) {
    joined.columns = block.rows * block.columns;
    joined.rows = 1;
  }
  return joined;
}

template <class T, class F>
void activation_forward(const ActivationBlock<T>& given) noexcept {
  const ActivationBlock<T> block = as_few_rows(given);
  const Vec<T> parameter = broadcast<T>(block.parameter);
  for (int64_t row = 0; row < block.rows; ++row) {
    T* values = block.values + row * block.row_stride;
    const T* z = block.source != nullptr ? block.source + row * block.columns : values;
    if constexpr (requires { &F::value_and_derivative; }) {
      if (block.aux != nullptr) {
        T* aux = block.aux + row * block.aux_row_stride;
        for (int64_t c = 0; c < block.columns; c += Vec<T>::kLanes) {
          Vec<T> derivative;
          store(values + c, F::value_and_derivative(loadu(z + c), parameter, derivative));
          store(aux + c, derivative);
        }
        continue;
      }
    }
    for (int64_t c = 0; c < block.columns; c += Vec<T>::kLanes) {
      store(values + c, activation_value<T, F>(loadu(z + c), parameter));
    }
  }
}

template <class T, class F>
void activation_backward(const ActivationBlock<T>& given) noexcept {
  const ActivationBlock<T> block = as_few_rows(given);
  const Vec<T> parameter = broadcast<T>(block.parameter);
  for (int64_t row = 0; row < block.rows; ++row) {
    T* delta = block.values + row * block.row_stride;
    const T* aux = block.aux + row * block.aux_row_stride;
    const T* dy = block.source != nullptr ? block.source + row * block.columns : delta;
    for (int64_t c = 0; c < block.columns; c += Vec<T>::kLanes) {
      if constexpr (requires { &F::value_and_derivative; }) {
        store(delta + c, loadu(dy + c) * load(aux + c));
      } else {
        store(delta + c, loadu(dy + c) * F::derivative(load(aux + c), parameter));
      }
    }
  }
}

template <class T, class F>
void activation_backward_from_z(const ActivationBlock<T>& given) noexcept {
  const ActivationBlock<T> block = as_few_rows(given);
  const Vec<T> parameter = broadcast<T>(block.parameter);
  for (int64_t row = 0; row < block.rows; ++row) {
    T* delta = block.values + row * block.row_stride;
    const T* z = block.aux + row * block.aux_row_stride;
    const T* dy = block.source != nullptr ? block.source + row * block.columns : delta;
    for (int64_t c = 0; c < block.columns; c += Vec<T>::kLanes)
      store(delta + c, loadu(dy + c) * activation_derivative<T, F>(loadu(z + c), parameter));
  }
}

template <class T>
void activation_nothing(const ActivationBlock<T>&) noexcept {}

template <class T>
struct ActivationFunctions {
  void (*forward[kActivationCount])(const ActivationBlock<T>&) noexcept;
  void (*backward[kActivationCount])(const ActivationBlock<T>&) noexcept;
  void (*backward_from_z[kActivationCount])(const ActivationBlock<T>&) noexcept;
};

template <Activation kActivation, template <class> class F, class T>
constexpr void enter_activation(ActivationFunctions<T>& functions) {
  static_assert(Vec<T>::kLanes * sizeof(T) <= 64);
  constexpr int kIndex = static_cast<int>(kActivation);
  functions.forward[kIndex] = &activation_forward<T, F<T>>;
  functions.backward[kIndex] = &activation_backward<T, F<T>>;
  if constexpr (gradient_source(kActivation) == GradientSource::kInput) {
    functions.backward_from_z[kIndex] = &activation_backward_from_z<T, F<T>>;
  }
}

template <class T>
constexpr ActivationFunctions<T> make_activation_functions() {
  ActivationFunctions<T> f{};
  f.forward[static_cast<int>(Activation::kIdentity)] = &activation_nothing<T>;
  f.backward[static_cast<int>(Activation::kIdentity)] = &activation_nothing<T>;
  enter_activation<Activation::kRelu, Relu>(f);
  enter_activation<Activation::kLeakyRelu, LeakyRelu>(f);
  enter_activation<Activation::kSigmoid, Sigmoid>(f);
  enter_activation<Activation::kTanh, Tanh>(f);
  enter_activation<Activation::kSoftplus, Softplus>(f);
  enter_activation<Activation::kGelu, Gelu>(f);
  enter_activation<Activation::kGeluTanh, GeluTanh>(f);
  enter_activation<Activation::kSilu, Silu>(f);
  enter_activation<Activation::kElu, Elu>(f);
  enter_activation<Activation::kSelu, Selu>(f);
  enter_activation<Activation::kCelu, Celu>(f);
  enter_activation<Activation::kMish, Mish>(f);
  enter_activation<Activation::kSoftsign, Softsign>(f);
  enter_activation<Activation::kLogSigmoid, LogSigmoid>(f);
  enter_activation<Activation::kHardSigmoid, HardSigmoid>(f);
  enter_activation<Activation::kHardTanh, HardTanh>(f);
  enter_activation<Activation::kHardSwish, HardSwish>(f);
  enter_activation<Activation::kRelu6, Relu6>(f);
  enter_activation<Activation::kSin, Sin>(f);
  enter_activation<Activation::kGaussian, Gaussian>(f);
  enter_activation<Activation::kStep, Step>(f);
  return f;
}

template <class T>
constexpr ActivationFunctions<T> kActivationFunctions = make_activation_functions<T>();

template <class T>
constexpr void enter_activations(KernelTable<T>& table) {
  for (int i = 0; i < kActivationCount; ++i) {
    table.activation_forward[i] = kActivationFunctions<T>.forward[i];
    table.activation_backward[i] = kActivationFunctions<T>.backward[i];
    table.activation_backward_from_z[i] = kActivationFunctions<T>.backward_from_z[i];
  }
}

}  // namespace
}  // namespace lamina::kernels
