// Names and parameters of the activations, and their application to rows.
#include "layers/activation_spec.h"

#include <array>

#include "base/json.h"
#include "base/layout.h"

namespace lamina {

namespace {

using kernels::Activation;
using Form = ActivationSpec::Form;

struct Entry {
  const char* name;
  Form form;
  Activation function;
  const char* parameter;  // null: the activation has none
  double default_value, minimum, maximum;
};

constexpr auto kElementwise = Form::kElementwise;
// Parameters that must be above 0 keep this distance from it, and from infinity.
constexpr double kLeast = 1e-6, kMost = 1e6;

// The catalogue: one line adds an activation that the kernels know.
constexpr std::array kEntries = {
    Entry{"identity", kElementwise, Activation::kIdentity, nullptr, 0, 0, 0},
    Entry{"relu", kElementwise, Activation::kRelu, nullptr, 0, 0, 0},
    Entry{"leaky_relu", kElementwise, Activation::kLeakyRelu, "negative_slope", 0.01, 0, 1},
    Entry{"sigmoid", kElementwise, Activation::kSigmoid, nullptr, 0, 0, 0},
    Entry{"tanh", kElementwise, Activation::kTanh, nullptr, 0, 0, 0},
    Entry{"softplus", kElementwise, Activation::kSoftplus, nullptr, 0, 0, 0},
    Entry{"gelu", kElementwise, Activation::kGelu, nullptr, 0, 0, 0},
    Entry{"gelu_tanh", kElementwise, Activation::kGeluTanh, nullptr, 0, 0, 0},
    Entry{"silu", kElementwise, Activation::kSilu, nullptr, 0, 0, 0},
    Entry{"elu", kElementwise, Activation::kElu, "alpha", 1, kLeast, kMost},
    Entry{"selu", kElementwise, Activation::kSelu, nullptr, 0, 0, 0},
    Entry{"celu", kElementwise, Activation::kCelu, "alpha", 1, kLeast, kMost},
    Entry{"mish", kElementwise, Activation::kMish, nullptr, 0, 0, 0},
    Entry{"softsign", kElementwise, Activation::kSoftsign, nullptr, 0, 0, 0},
    Entry{"log_sigmoid", kElementwise, Activation::kLogSigmoid, nullptr, 0, 0, 0},
    Entry{"hard_sigmoid", kElementwise, Activation::kHardSigmoid, nullptr, 0, 0, 0},
    Entry{"hard_tanh", kElementwise, Activation::kHardTanh, nullptr, 0, 0, 0},
    Entry{"hard_swish", kElementwise, Activation::kHardSwish, nullptr, 0, 0, 0},
    Entry{"relu6", kElementwise, Activation::kRelu6, nullptr, 0, 0, 0},
    Entry{"sin", kElementwise, Activation::kSin, "frequency", 1, kLeast, kMost},
    Entry{"gaussian", kElementwise, Activation::kGaussian, nullptr, 0, 0, 0},
    Entry{"step", kElementwise, Activation::kStep, nullptr, 0, 0, 0},
    Entry{"softmax", Form::kSoftmax, Activation::kIdentity, nullptr, 0, 0, 0},
    Entry{"log_softmax", Form::kLogSoftmax, Activation::kIdentity, nullptr, 0, 0, 0},
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
    throw Error(Error::Kind::kValue,
                "activation: 'prelu' learns its slopes and is a layer of its own; put lamina.PReLU() after "
                "this layer");
  std::string known;
  for (const Entry& entry : kEntries) known += std::string(known.empty() ? "" : ", ") + entry.name;
  throw Error(Error::Kind::kValue, "activation: unknown name '" + name + "'; expected one of " + known);
}

}  // namespace

ActivationSpec activation_from_json(const nlohmann::json& json) {
  const nlohmann::json object = json.is_string() ? nlohmann::json{{"kind", json}} : json;
  const Entry& entry = find_entry(JsonReader(object, "activation").text("kind"));
  const JsonReader spec(object, std::string("activation ") + entry.name);
  ActivationSpec result{entry.name, entry.form, entry.function, 0.0};
  if (entry.parameter != nullptr) {
    result.parameter = spec.number(entry.parameter, entry.default_value, entry.minimum, entry.maximum);
    spec.allow_only({"kind", entry.parameter});
  } else {
    spec.allow_only({"kind"});
  }
  return result;
}

nlohmann::json activation_to_json(const ActivationSpec& spec) {
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
                      int64_t columns, T* values, int64_t row_stride, T* aux,
                      int64_t aux_row_stride) noexcept {
  if (spec.is_identity()) return;
  if (!spec.is_elementwise()) {
    table.softmax_rows(rows, columns, values, row_stride, spec.form == Form::kLogSoftmax);
    return;
  }
  T* stored = spec.stores_derivative() ? aux : nullptr;
  table.activation_forward[static_cast<int>(spec.function)]({rows, padded_columns<T>(columns), values,
                                                             row_stride, stored, aux_row_stride,
                                                             static_cast<T>(spec.parameter)});
}

template <class T>
void apply_activation_backward(const kernels::KernelTable<T>& table, const ActivationSpec& spec, int64_t rows,
                               int64_t columns, const T* output, const T* aux, int64_t row_stride, T* delta,
                               int64_t delta_row_stride) noexcept {
  if (spec.is_identity()) return;
  if (!spec.is_elementwise()) {
    table.softmax_backward_rows(rows, columns, output, row_stride, delta, delta_row_stride,
                                spec.form == Form::kLogSoftmax);
    return;
  }
  // The kernel reads aux; the block type is shared with forward, which writes it.
  T* read = const_cast<T*>(spec.stores_derivative() ? aux : output);
  table.activation_backward[static_cast<int>(spec.function)]({rows, padded_columns<T>(columns), delta,
                                                              delta_row_stride, read, row_stride,
                                                              static_cast<T>(spec.parameter)});
}

#define LAMINA_INSTANTIATE(T)                                                                             \
  template void apply_activation(const kernels::KernelTable<T>&, const ActivationSpec&, int64_t, int64_t, \
                                 T*, int64_t, T*, int64_t) noexcept;                                      \
  template void apply_activation_backward(const kernels::KernelTable<T>&, const ActivationSpec&, int64_t, \
                                          int64_t, const T*, const T*, int64_t, T*, int64_t) noexcept;
LAMINA_INSTANTIATE(float)
LAMINA_INSTANTIATE(double)
#undef LAMINA_INSTANTIATE

}  // namespace lamina
