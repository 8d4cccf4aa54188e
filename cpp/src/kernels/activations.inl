// Activations forward and backward over blocks of rows: one functor each, one line each in the table.
//
// A functor has value(z, parameter), and either derivative(y, parameter) from the output y, or
// value_and_derivative(z, parameter, derivative), as stores_derivative() in catalogue.h says.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/math.inl"

namespace lamina::kernels {
namespace {

template <class T>
struct Relu {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) { return max(zero<T>(), z); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) {
    return select(gt(y, zero<T>()), broadcast<T>(T(1)), zero<T>());
  }
};

template <class T>
struct LeakyRelu {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T> slope) { return select(gt(z, zero<T>()), z, z * slope); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T> slope) {
    return select(gt(y, zero<T>()), broadcast<T>(T(1)), slope);
  }
};

template <class T>
struct Sigmoid {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) { return sigmoid(z); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) { return fnma(y, y, y); }
};

template <class T>
struct Tanh {
  static LAMINA_INLINE Vec<T> value(Vec<T> z, Vec<T>) { return tanh(z); }
  static LAMINA_INLINE Vec<T> derivative(Vec<T> y, Vec<T>) { return fnma(y, y, broadcast<T>(T(1))); }
};

template <class T>
struct Softplus {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> e = exp_nonpositive(-abs(z));
    derivative = sigmoid_from(z, e);
    return max(zero<T>(), z) + log1p_unit(e);
  }
};

// z Phi(z) = max(z, 0) - |z| Phi(-|z|), which keeps relative accuracy for negative z.
template <class T>
struct Gelu {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> a = min(broadcast<T>(Coefficients<T>::kTailLimit), abs(z));
    Vec<T> ratio, e;
    normal_tail(a, ratio, e);
    const Vec<T> below = e * fnma(a, broadcast<T>(kInverseSqrtTwoPi<T>), ratio);
    derivative = select(lt(z, zero<T>()), below, broadcast<T>(T(1)) - below);
    return fnma(a * ratio, e, max(zero<T>(), z));
  }
};

// z s(2u), s the sigmoid, u = sqrt(2 / pi) (z + 0.044715 z^3). Clamped where s is 0 or 1.
template <class T>
struct GeluTanh {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    constexpr T kLinear = T(1.59576912160573071176), kCubic = T(0.07135481627260025159);
    const Vec<T> c = min(broadcast<T>(T(24)), max(broadcast<T>(T(-24)), z));
    const Vec<T> square = c * c;
    const Vec<T> twice_u = c * fma(square, broadcast<T>(kCubic), broadcast<T>(kLinear));
    const Vec<T> e = exp_nonpositive(-abs(twice_u));
    const Vec<T> q = broadcast<T>(T(1)) / (broadcast<T>(T(1)) + e);
    const Vec<T> s = select(lt(c, zero<T>()), e * q, q);
    const Vec<T> slope = c * fma(square, broadcast<T>(T(3) * kCubic), broadcast<T>(kLinear));
    derivative = fma(slope * q, e * q, s);
    return max(c, z) * s;
  }
};

// z s(z); s (1 - s) = e / (1 + e)^2 with e = exp(-|z|) needs no difference. The quotient is corrected once
// for the roundings of 1 + e and of its reciprocal.
template <class T>
struct Silu {
  static LAMINA_INLINE Vec<T> value_and_derivative(Vec<T> z, Vec<T>, Vec<T>& derivative) {
    const Vec<T> one = broadcast<T>(T(1)), limit = broadcast<T>(-Coefficients<T>::kExpLow);
    const Vec<T> c = min(limit, max(-limit, z));
    const Vec<T> e = exp_nonpositive(-abs(c));
    const Vec<T> sum = one + e;
    const Vec<T> q = one / sum;
    const Vec<T> numerator = select(lt(c, zero<T>()), e, one);
    derivative = fma(c * q, e * q, numerator * q);
    const Vec<T> product = c * numerator;
    const Vec<T> quotient = product * q;
    const Vec<T> residual = fnma(quotient, e - (sum - one), fnma(quotient, sum, product));
    return select(gt(z, limit), z, fma(residual, q, quotient));
  }
};

template <class T, class F>
LAMINA_INLINE Vec<T> activation_value(Vec<T> z, Vec<T> parameter) {
  if constexpr (requires { &F::value; }) {
    return F::value(z, parameter);
  } else {
    Vec<T> unused;
    return F::value_and_derivative(z, parameter, unused);
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
    if constexpr (requires { &F::value_and_derivative; }) {
      if (block.aux != nullptr) {
        T* aux = block.aux + row * block.aux_row_stride;
        for (int64_t c = 0; c < block.columns; c += Vec<T>::kLanes) {
          Vec<T> derivative;
          store(values + c, F::value_and_derivative(load(values + c), parameter, derivative));
          store(aux + c, derivative);
        }
        continue;
      }
    }
    for (int64_t c = 0; c < block.columns; c += Vec<T>::kLanes) {
      store(values + c, activation_value<T, F>(load(values + c), parameter));
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
    for (int64_t c = 0; c < block.columns; c += Vec<T>::kLanes) {
      if constexpr (requires { &F::value_and_derivative; }) {
        store(delta + c, load(delta + c) * load(aux + c));
      } else {
        store(delta + c, load(delta + c) * F::derivative(load(aux + c), parameter));
      }
    }
  }
}

template <class T>
void activation_nothing(const ActivationBlock<T>&) noexcept {}

template <class T>
struct ActivationFunctions {
  void (*forward[kActivationCount])(const ActivationBlock<T>&) noexcept;
  void (*backward[kActivationCount])(const ActivationBlock<T>&) noexcept;
};

template <class T, class F>
constexpr void enter_activation(ActivationFunctions<T>& functions, Activation activation) {
  static_assert(Vec<T>::kLanes * sizeof(T) <= 64);
  functions.forward[static_cast<int>(activation)] = &activation_forward<T, F>;
  functions.backward[static_cast<int>(activation)] = &activation_backward<T, F>;
}

template <class T>
constexpr ActivationFunctions<T> make_activation_functions() {
  ActivationFunctions<T> f{};
  f.forward[static_cast<int>(Activation::kIdentity)] = &activation_nothing<T>;
  f.backward[static_cast<int>(Activation::kIdentity)] = &activation_nothing<T>;
  enter_activation<T, Relu<T>>(f, Activation::kRelu);
  enter_activation<T, LeakyRelu<T>>(f, Activation::kLeakyRelu);
  enter_activation<T, Sigmoid<T>>(f, Activation::kSigmoid);
  enter_activation<T, Tanh<T>>(f, Activation::kTanh);
  enter_activation<T, Softplus<T>>(f, Activation::kSoftplus);
  enter_activation<T, Gelu<T>>(f, Activation::kGelu);
  enter_activation<T, GeluTanh<T>>(f, Activation::kGeluTanh);
  enter_activation<T, Silu<T>>(f, Activation::kSilu);
  return f;
}

template <class T>
constexpr ActivationFunctions<T> kActivationFunctions = make_activation_functions<T>();

template <class T>
constexpr void enter_activations(KernelTable<T>& table) {
  for (int i = 0; i < kActivationCount; ++i) {
    table.activation_forward[i] = kActivationFunctions<T>.forward[i];
    table.activation_backward[i] = kActivationFunctions<T>.backward[i];
  }
}

}  // namespace
}  // namespace lamina::kernels
