// The catalogue of losses and their call into the kernels.
#include "layers/loss.h"

#include <algorithm>
#include <array>

#include "base/json.h"

namespace lamina {

namespace {

using kernels::Activation;
using kernels::Loss;
using Form = ActivationSpec::Form;

struct ParameterEntry {
  const char* name;
  double default_value, minimum, maximum;
};

struct Entry {
  const char* name;
  const char* alias;
  Loss from_outputs, from_raw;
  Form absorbed_form;
  Activation absorbed;
  bool takes_classes, mean_over_columns;
  ParameterEntry parameter;  // name null: none
};

constexpr ParameterEntry kNone{nullptr, 0, 0, 0};
constexpr ParameterEntry kSmoothing{"label_smoothing", 0, 0, 1};

// One line adds a loss that the kernels know.
constexpr std::array kEntries = {
    Entry{"mean_squared_error", "mse", Loss::kMeanSquaredError, Loss::kMeanSquaredError, Form::kElementwise,
          Activation::kIdentity, false, true, kNone},
    Entry{"mean_absolute_error", "mae", Loss::kMeanAbsoluteError, Loss::kMeanAbsoluteError,
          Form::kElementwise, Activation::kIdentity, false, true, kNone},
    Entry{"binary_cross_entropy", "bce", Loss::kBinaryCrossEntropy, Loss::kBinaryCrossEntropyWithLogits,
          Form::kElementwise, Activation::kSigmoid, false, true, kSmoothing},
    Entry{"cross_entropy", "categorical_cross_entropy", Loss::kCrossEntropy, Loss::kCrossEntropyWithLogits,
          Form::kSoftmax, Activation::kIdentity, true, false, kSmoothing},
};

const Entry& find_entry(const std::string& name) {
  std::string known;
  for (const Entry& entry : kEntries) {
    if (name == entry.name || name == entry.alias) return entry;
    known += std::string(known.empty() ? "" : ", ") + entry.name;
  }
  throw Error(Error::Kind::kValue, "loss: unknown name '" + name + "'; expected one of " + known);
}

}  // namespace

LossSpec loss_from_json(const nlohmann::json& json) {
  const JsonReader spec(json.is_string() ? nlohmann::json{{"kind", json}} : json, "loss");
  const Entry& entry = find_entry(spec.text("kind"));
  LossSpec result{};
  result.name = entry.name;
  result.from_outputs = entry.from_outputs;
  result.from_raw = entry.from_raw;
  result.absorbed_form = entry.absorbed_form;
  result.absorbed = entry.absorbed;
  result.takes_classes = entry.takes_classes;
  result.mean_over_columns = entry.mean_over_columns;
  const std::string reduction = spec.has("reduction") ? spec.text("reduction") : "mean";
  if (reduction != "mean" && reduction != "sum")
    spec.fail("expected 'reduction' to be mean or sum, got '" + reduction + "'");
  result.mean_over_rows = reduction == "mean";
  if (!result.mean_over_rows) result.mean_over_columns = false;
  const ParameterEntry& p = entry.parameter;
  if (p.name != nullptr) {
    result.parameters.push_back(spec.number(p.name, p.default_value, p.minimum, p.maximum));
    result.parameter_names.push_back(p.name);
    spec.allow_only({"kind", "reduction", p.name});
  } else {
    spec.allow_only({"kind", "reduction"});
  }
  return result;
}

nlohmann::json loss_to_json(const LossSpec& spec) {
  nlohmann::json json = {{"kind", spec.name}};
  for (size_t i = 0; i < spec.parameters.size(); ++i) json[spec.parameter_names[i]] = spec.parameters[i];
  if (!spec.mean_over_rows) json["reduction"] = "sum";
  return json;
}

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.emplace_back(entry.name);
  return names;
}

void check_loss_fits(const LossSpec& loss, const ActivationSpec& output, int64_t outputs) {
  const auto fail = [&](const std::string& what) {
    throw Error(Error::Kind::kValue, "loss " + loss.name + ": " + what);
  };
  if (loss.name == "cross_entropy") {
    if (output.form != Form::kSoftmax)
      fail("expected 'softmax' as the last activation, got '" + output.name + "'");
    if (outputs < 2)
      fail(
          "expected at least 2 outputs, got 1; for two classes with one output use 'sigmoid' and "
          "binary_cross_entropy");
  }
  if (loss.name == "binary_cross_entropy" &&
      !(output.is_elementwise() && output.function == Activation::kSigmoid))
    fail("expected 'sigmoid' as the last activation, got '" + output.name + "'");
}

template <class T>
void compute_loss_rows(const kernels::KernelTable<T>& table, const LossSpec& loss, bool raw, int64_t rows,
                       int64_t columns, const T* outputs, int64_t output_row_stride,
                       const Targets<T>& targets, const T* weights, T delta_scale, double* row_losses,
                       T* delta, int64_t delta_row_stride) noexcept {
  std::array<T, 4> parameters{};
  const size_t count = std::min(parameters.size(), loss.parameters.size());
  for (size_t i = 0; i < count; ++i) parameters[i] = static_cast<T>(loss.parameters[i]);
  kernels::LossRows<T> call{};
  call.rows = rows;
  call.columns = columns;
  call.outputs = outputs;
  call.output_row_stride = output_row_stride;
  call.targets = targets.values;
  call.target_row_stride = targets.row_stride;
  call.classes = targets.classes;
  call.target_kind = targets.classes ? kernels::TargetKind::kClasses : kernels::TargetKind::kValues;
  call.weights = weights;
  call.parameters = parameters.data();
  call.delta_scale = delta_scale;
  call.row_losses = row_losses;
  call.delta = delta;
  call.delta_row_stride = delta_row_stride;
  table.loss_rows[static_cast<int>(raw ? loss.from_raw : loss.from_outputs)](call);
}

#define LAMINA_INSTANTIATE(T)                                                                              \
  template void compute_loss_rows(const kernels::KernelTable<T>&, const LossSpec&, bool, int64_t, int64_t, \
                                  const T*, int64_t, const Targets<T>&, const T*, T, double*, T*,          \
                                  int64_t) noexcept;
LAMINA_INSTANTIATE(float)
LAMINA_INSTANTIATE(double)
#undef LAMINA_INSTANTIATE

}  // namespace lamina
