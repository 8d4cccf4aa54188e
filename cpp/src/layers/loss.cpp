// The catalogue of losses and their call into the kernels.
#include "layers/loss.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <type_traits>

#include "base/json_reader.h"
#include "base/text.h"

namespace lamina {

namespace {

using kernels::Loss;

struct ParameterEntry {
  const char* name = nullptr;  // null: the loss has none
  double LossOptions::* value = nullptr;
  double minimum = 0, maximum = 0;
};

struct Entry {
  const char* name;
  const char* alias;
  Loss from_outputs, from_logits;
  const char* absorbed;  // last activation computed with the loss; empty: none
  const char* fitting;   // last activations that fit, comma between; empty: any
  bool takes_classes, mean_over_columns;
  ParameterEntry parameter{};
  ParameterEntry second{};  // a further one
};

constexpr ParameterEntry kSmoothing{"label_smoothing", &LossOptions::label_smoothing, 0, 1};
constexpr ParameterEntry kPositiveWeight{"positive_weight", &LossOptions::positive_weight, 1e-6, 1e6};
constexpr ParameterEntry kDelta{"delta", &LossOptions::delta, 1e-6, 1e6};
constexpr ParameterEntry kPower{"power", &LossOptions::power, 1.0 + 1e-6, 2.0 - 1e-6};
constexpr ParameterEntry kGamma{"gamma", &LossOptions::gamma, 0, 100};
constexpr ParameterEntry kLevel{"level", &LossOptions::level, 1e-6, 1.0 - 1e-6};

constexpr double kLeastScale = 1e-12, kMostScale = 1e12;

// One line adds a loss that the kernels know.
constexpr std::array kEntries = {
    Entry{"mean_squared_error", "mse", Loss::kMeanSquaredError, Loss::kMeanSquaredError, "", "", false, true},
    Entry{"mean_absolute_error", "mae", Loss::kMeanAbsoluteError, Loss::kMeanAbsoluteError, "", "", false,
          true},
    Entry{"huber", "huber", Loss::kHuber, Loss::kHuber, "", "", false, true, kDelta},
    Entry{"log_cosh", "logcosh", Loss::kLogCosh, Loss::kLogCosh, "", "", false, true},
    Entry{"quantile", "pinball", Loss::kQuantile, Loss::kQuantile, "", "", false, true, kLevel},
    Entry{"poisson", "poisson", Loss::kPoissonLog, Loss::kPoissonLog, "", "identity", false, true},
    Entry{"gamma", "gamma", Loss::kGammaLog, Loss::kGammaLog, "", "identity", false, true},
    Entry{"tweedie", "tweedie", Loss::kTweedieLog, Loss::kTweedieLog, "", "identity", false, true, kPower},
    Entry{"gaussian_negative_log_likelihood", "gaussian_nll", Loss::kGaussianLogVariance,
          Loss::kGaussianLogVariance, "", "identity", false, true},
    Entry{"binary_cross_entropy", "bce", Loss::kBinaryCrossEntropy, Loss::kBinaryCrossEntropyWithLogits,
          "sigmoid", "sigmoid", false, true, kSmoothing, kPositiveWeight},
    Entry{"cross_entropy", "categorical_cross_entropy", Loss::kCrossEntropy, Loss::kCrossEntropyWithLogits,
          "softmax", "softmax", true, false, kSmoothing},
    Entry{"binary_focal", "binary_focal", Loss::kBinaryFocalWithLogits, Loss::kBinaryFocalWithLogits,
          "sigmoid", "sigmoid", false, true, kGamma},
    Entry{"focal", "focal", Loss::kFocalWithLogits, Loss::kFocalWithLogits, "softmax", "softmax", true, false,
          kGamma},
    Entry{"hinge", "hinge", Loss::kHinge, Loss::kHinge, "", "identity,tanh", false, true},
    Entry{"squared_hinge", "squared_hinge", Loss::kSquaredHinge, Loss::kSquaredHinge, "", "identity,tanh",
          false, true},
    Entry{"kl_divergence", "kl", Loss::kKlDivergence, Loss::kKlDivergenceWithLogits, "softmax", "softmax",
          true, false},
    Entry{"cosine_similarity", "cosine", Loss::kCosine, Loss::kCosine, "", "", false, false},
};

const Entry& find_entry(const std::string& name) {
  for (const Entry& entry : kEntries)
    if (name == entry.name || name == entry.alias) return entry;
  throw_error(Error::Kind::kValue, {"loss: unknown name '", name, "'; expected one of ", join(loss_names())});
}

std::vector<std::string> split_at_commas(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream stream(list);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

double checked(const Entry& entry, const ParameterEntry& parameter, double value) {
  if (!(value >= parameter.minimum && value <= parameter.maximum))
    fail_outside(concat({"loss ", entry.name}), parameter.name, parameter.minimum, parameter.maximum, value);
  return value;
}

// Several quantile levels: one output each, of each target.
std::vector<double> read_levels(const JsonReader& spec) {
  const Json::Array& levels = spec.at(kLevel.name).elements();
  if (levels.empty()) spec.fail({"expected at least one 'level', got none"});
  std::vector<double> values;
  for (const Json& level : levels) {
    const Json one = {{kLevel.name, level}};
    values.push_back(
        JsonReader(one, "loss quantile").number(kLevel.name, std::nullopt, kLevel.minimum, kLevel.maximum));
  }
  return values;
}

LossOptions read_options(const JsonReader& spec, const Entry& entry) {
  LossOptions options{.kind = entry.name};
  const std::string reduction = spec.has("reduction") ? spec.text("reduction") : "mean";
  if (reduction != "mean" && reduction != "sum")
    spec.fail({"expected 'reduction' to be mean or sum, got '", reduction, "'"});
  options.mean_over_rows = reduction == "mean";
  options.scale = spec.number("scale", options.scale, kLeastScale, kMostScale);
  options.divide_penalty = spec.boolean("divide_penalty", options.divide_penalty);
  const bool is_poisson = entry.from_outputs == Loss::kPoissonLog;
  if (is_poisson) options.log_input = spec.boolean("log_input", options.log_input);
  std::vector<std::string> names = {"kind", "reduction", "scale", "divide_penalty"};
  if (is_poisson) names.emplace_back("log_input");
  for (const ParameterEntry* option : {&entry.parameter, &entry.second})
    if (option->name != nullptr) names.emplace_back(option->name);
  spec.allow_only(names);
  if (entry.from_outputs == Loss::kQuantile && spec.has(kLevel.name) && spec.at(kLevel.name).is_array()) {
    options.levels = read_levels(spec);
    return options;
  }
  for (const ParameterEntry* option : {&entry.parameter, &entry.second})
    if (option->name != nullptr)
      options.*option->value =
          spec.number(option->name, options.*option->value, option->minimum, option->maximum);
  return options;
}

Json description(const LossSpec& loss, const Entry& entry) {
  Json json = {{"kind", loss.name}};
  if (loss.has_levels())
    json[entry.parameter.name] = Json::Array(loss.levels().begin(), loss.levels().end());
  else if (entry.parameter.name != nullptr)
    json[entry.parameter.name] = loss.parameters[0];
  if (entry.second.name != nullptr) json[entry.second.name] = loss.parameters[1];
  if (loss.from_outputs == Loss::kPoissonRate) json["log_input"] = false;
  if (!loss.mean_over_rows) json["reduction"] = "sum";
  if (loss.scale != 1.0) json["scale"] = loss.scale;
  if (loss.divides_penalty) json["divide_penalty"] = true;
  return json;
}

}  // namespace

LossSpec make_loss(const LossOptions& options) {
  const Entry& entry = find_entry(options.kind);
  LossSpec result{};
  result.name = entry.name;
  result.from_outputs = entry.from_outputs;
  result.from_logits = entry.from_logits;
  result.absorbed = entry.absorbed;
  result.fitting = split_at_commas(entry.fitting);
  result.takes_classes = entry.takes_classes;
  result.mean_over_rows = options.mean_over_rows;
  if (!(options.scale >= kLeastScale && options.scale <= kMostScale))
    fail_outside(concat({"loss ", result.name}), "scale", kLeastScale, kMostScale, options.scale);
  result.scale = options.scale;
  if (options.divide_penalty && !options.mean_over_rows)
    throw_error(Error::Kind::kValue,
                {"loss ", result.name, ": expected reduction 'mean' with divide_penalty, got 'sum'"});
  result.divides_penalty = options.divide_penalty;
  result.mean_over_columns = entry.mean_over_columns && options.mean_over_rows;
  if (entry.from_outputs == Loss::kGaussianLogVariance) result.outputs_per_value = 2;
  // The network may give rates themselves, by an activation whose outputs are above 0, in place of their
  // logs.
  if (entry.from_outputs == Loss::kPoissonLog && !options.log_input) {
    result.from_outputs = result.from_logits = Loss::kPoissonRate;
    result.fitting = {"softplus", "relu"};
  }
  if (entry.from_outputs == Loss::kQuantile && !options.levels.empty()) {
    result.parameters.push_back(static_cast<double>(options.levels.size()));
    for (const double level : options.levels) result.parameters.push_back(checked(entry, kLevel, level));
    result.from_outputs = result.from_logits = Loss::kQuantiles;
  } else {
    for (const ParameterEntry* option : {&entry.parameter, &entry.second})
      if (option->name != nullptr)
        result.parameters.push_back(checked(entry, *option, options.*option->value));
  }
  result.text = description(result, entry).dump();
  result.parameters_float32.assign(result.parameters.begin(), result.parameters.end());
  return result;
}

LossSpec loss_from_json(const Json& json) {
  const Json object = as_object(json);
  const Entry& entry = find_entry(JsonReader(object, "loss").text("kind"));
  return make_loss(read_options(JsonReader(object, concat({"loss ", entry.name})), entry));
}

Json loss_to_json(const LossSpec& spec) { return Json::parse(spec.text); }

const char* default_loss(std::string_view output_activation) noexcept {
  if (output_activation == "softmax") return "cross_entropy";
  return output_activation == "sigmoid" ? "binary_cross_entropy" : "mean_squared_error";
}

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kEntries) names.emplace_back(entry.name);
  return names;
}

void check_loss_fits(const LossSpec& loss, const ActivationSpec& output, int64_t outputs) {
  const auto fail = [&](TextParts what) {
    throw_error(Error::Kind::kValue, {"loss ", loss.name, ": ", what});
  };
  if (!loss.fitting.empty() && std::ranges::find(loss.fitting, output.name) == loss.fitting.end()) {
    const bool takes_rates = loss.name == "poisson" && loss.from_outputs != Loss::kPoissonRate;
    fail({"expected '", join(loss.fitting, "' or '"), "' as the last activation, got '", output.name, "'",
          (takes_rates ? "; with log_input=False it is 'softplus' or 'relu'" : "")});
  }
  if (loss.absorbed == "softmax" && outputs < 2)
    fail({"expected at least 2 outputs, got 1; for two classes with one output use 'sigmoid' and ",
          loss.name == "focal" ? "binary_focal" : "binary_cross_entropy"});
  if (loss.from_outputs == Loss::kCosine && outputs < 2)
    fail({"expected at least 2 outputs, got 1, whose angle to a target is 0 or 180 degrees"});
  if (outputs % loss.outputs_per_value != 0)
    fail({"expected an even number of outputs, means and then as many log variances, got ", outputs});
  if (loss.has_levels() && outputs % std::ssize(loss.levels()) != 0)
    fail({"expected one output for each of the ", loss.levels().size(), " levels of each target, got ",
          outputs, " outputs"});
}

template <class T>
void compute_loss_rows(const kernels::KernelTable<T>& table, const LossSpec& loss, bool from_logits,
                       int64_t rows, int64_t columns, const T* outputs, int64_t output_row_stride,
                       const Targets<T>& targets, const T* weights, T delta_scale, double* row_losses,
                       T* delta, int64_t delta_row_stride) noexcept {
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
  if constexpr (std::is_same_v<T, float>)
    call.parameters = loss.parameters_float32.data();
  else
    call.parameters = loss.parameters.data();
  call.delta_scale = delta_scale;
  call.row_losses = row_losses;
  call.delta = delta;
  call.delta_row_stride = delta_row_stride;
  table.loss_rows[static_cast<int>(from_logits ? loss.from_logits : loss.from_outputs)](call);
}

#define LAMINA_INSTANTIATE(T)                                                                              \
  template void compute_loss_rows(const kernels::KernelTable<T>&, const LossSpec&, bool, int64_t, int64_t, \
                                  const T*, int64_t, const Targets<T>&, const T*, T, double*, T*,          \
                                  int64_t) noexcept;
LAMINA_INSTANTIATE(float)
LAMINA_INSTANTIATE(double)
#undef LAMINA_INSTANTIATE

}  // namespace lamina
