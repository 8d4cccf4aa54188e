// Names and parameters of the activations, and their application to rows.
#include "layers/activation_spec.h"

#include <array>

#include "base/json_reader.h"
#include "base/layout.h"
#include "base/text.h"

namespace lamina {

namespace {

using kernels::Activation;
using Form = ActivationSpec::Form;

struct Entry {
  const char* name;
  Form form;
  Activation function;
  const char* parameter = nullptr;  // null: the activation has none
  double default_value = 0, minimum = 0, maximum = 0;
};

constexpr auto kElementwise = Form::kElementwise;
// Parameters that must be above 0 keep this distance from it, and from infinity.
constexpr double kLeast = 1e-6, kMost = 1e6;

// The catalogue: one line adds an activation that the kernels know.
constexpr std::array kEntries = {
    Entry{"identity", kElementwise, Activation::kIdentity},
    Entry{"relu", kElementwise, Activation::kRelu},
    Entry{"leaky_relu", kElementwise, Activation::kLeakyRelu, "negative_slope", 0.01, 0, 1},
    Entry{"sigmoid", kElementwise, Activation::kSigmoid},
    Entry{"tanh", kElementwise, Activation::kTanh},
    Entry{"softplus", kElementwise, Activation::kSoftplus},
    Entry{"gelu", kElementwise, Activation::kGelu},
    Entry{"gelu_tanh", kElementwise, Activation::kGeluTanh},
    Entry{"silu", kElementwise, Activation::kSilu},
    Entry{"elu", kElementwise, Activation::kElu, "alpha", 1, kLeast, kMost},
    Entry{"selu", kElementwise, Activation::kSelu},
    Entry{"celu", kElementwise, Activation::kCelu, "alpha", 1, kLeast, kMost},
    Entry{"mish", kElementwise, Activation::kMish},
    Entry{"softsign", kElementwise, Activation::kSoftsign},
    Entry{"log_sigmoid", kElementwise, Activation::kLogSigmoid},
    Entry{"hard_sigmoid", kElementwise, Activation::kHardSigmoid},
    Entry{"hard_tanh", kElementwise, Activation::kHardTanh},
    Entry{"hard_swish", kElementwise, Activation::kHardSwish},
    Entry{"relu6", kElementwise, Activation::kRelu6},
    Entry{"sin", kElementwise, Activation::kSin, "frequency", 1, kLeast, kMost},
    Entry{"gaussian", kElementwise, Activation::kGaussian},
    Entry{"step", kElementwise, Activation::kStep},
    Entry{"softmax", Form::kSoftmax, Activation::kIdentity},
    Entry{"log_softmax", Form::kLogSoftmax, Activation::kIdentity},
};

constexpr std::array<std::array<const char*, 2>, 6> kAliases = {{{"linear", "identity"},
                                                                 {"swish", "silu"},
                                                                 {"logistic", "sigmoid"},
                                                                 {"hard_silu", "hard_swish"},
                                                                 {"sine", "sin"},
                                                                 {"heaviside", "step"}}};

const Entry& find_entry(std::string name) {
  for (const auto& alias : kAliases)
    if (name == alias[0]) name = alias[1];
  for (const Entry& entry : kEntries)
    if (name == entry.name) return entry;
  if (name == "prelu")
    throw_error(Error::Kind::kValue,
                {"activation: 'prelu' learns its slopes and is a layer of its own; put lamina.PReLU() after "
                 "this layer"});
  throw_error(Error::Kind::kValue,
              {"activation: unknown name '", name, "'; expected one of ", join(activation_names())});
}

ActivationSpec spec_of(const Entry& entry, double parameter) {
  ActivationSpec spec;
  spec.name = entry.name;
  spec.form = entry.form;
  spec.function = entry.function;
  spec.parameter = parameter;
  return spec;
}

}  // namespace

ActivationSpec::ActivationSpec(const char* of) {
  const Entry& entry = find_entry(of);
  *this = spec_of(entry, entry.default_value);
}

ActivationSpec::ActivationSpec(const char* of, double given) {
  const Entry& entry = find_entry(of);
  const std::string where = concat({"activation ", entry.name});
  if (entry.parameter == nullptr)
    throw_error(Error::Kind::kValue, {where, ": expected no parameter, got ", shown(given)});
  if (!(given >= entry.minimum && given <= entry.maximum))
    fail_outside(where, entry.parameter, entry.minimum, entry.maximum, given);
  *this = spec_of(entry, given);
}

ActivationSpec activation_from_json(const Json& json) {
  const Json object = as_object(json);
  const Entry& entry = find_entry(JsonReader(object, "activation").text("kind"));
  const JsonReader spec(object, concat({"activation ", entry.name}));
  ActivationSpec result = spec_of(entry, 0.0);
  if (entry.parameter != nullptr) {
    result.parameter = spec.number(entry.parameter, entry.default_value, entry.minimum, entry.maximum);
    spec.allow_only({"kind", entry.parameter});
  } else {
    spec.allow_only({"kind"});
  }
  return result;
}

Json activation_to_json(const ActivationSpec& spec) {
  const Entry& entry = find_entry(spec.name);
  if (entry.parameter == nullptr) return spec.name;
  return {{"kind", spec.name}, {entry.parameter, spec.parameter}};
}

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.emplace_back(entry.name);
  return names;
}

template <class T>
void apply_activation(const kernels::KernelTable<T>& table, const ActivationSpec& spec, int64_t rows,
                      int64_t columns, T* values, int64_t row_stride, T* aux, int64_t aux_row_stride,
                      const T* source) noexcept {
  if (spec.is_identity()) return;
  if (!spec.is_elementwise()) {
    table.softmax_rows(rows, columns, values, row_stride, spec.form == Form::kLogSoftmax, source);
    return;
  }
  T* stored = spec.stores_derivative() ? aux : nullptr;
  table.activation_forward[static_cast<int>(spec.function)]({rows, padded_columns<T>(columns), values,
                                                             row_stride, stored, aux_row_stride,
                                                             static_cast<T>(spec.parameter), source});
}

template <class T>
void apply_activation_backward(const kernels::KernelTable<T>& table, const ActivationSpec& spec, int64_t rows,
                               int64_t columns, const T* output, const T* aux, int64_t row_stride, T* delta,
                               int64_t delta_row_stride, const T* source) noexcept {
  if (spec.is_identity()) return;
  if (!spec.is_elementwise()) {
    table.softmax_backward_rows(rows, columns, output, row_stride, delta, delta_row_stride,
                                spec.form == Form::kLogSoftmax, source);
    return;
  }
  // The kernel reads aux; the block type is shared with forward, which writes it.
  T* read = const_cast<T*>(spec.stores_derivative() ? aux : output);
  table.activation_backward[static_cast<int>(spec.function)]({rows, padded_columns<T>(columns), delta,
                                                              delta_row_stride, read, row_stride,
                                                              static_cast<T>(spec.parameter), source});
}

#define LAMINA_INSTANTIATE(T)                                                                             \
  template void apply_activation(const kernels::KernelTable<T>&, const ActivationSpec&, int64_t, int64_t, \
                                 T*, int64_t, T*, int64_t, const T*) noexcept;                            \
  template void apply_activation_backward(const kernels::KernelTable<T>&, const ActivationSpec&, int64_t, \
                                          int64_t, const T*, const T*, int64_t, T*, int64_t,              \
                                          const T*) noexcept;
LAMINA_INSTANTIATE(float)
LAMINA_INSTANTIATE(double)
#undef LAMINA_INSTANTIATE

}  // namespace lamina
