// Losses by name, what targets they take, and which output activation they absorb.
#pragma once

#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/kernel_table.h"
#include "layers/activation_spec.h"

namespace lamina {

class Json;

// Targets of a batch or data set: classes [rows], or values [rows, columns].
template <class T>
struct Targets {
  const int32_t* classes = nullptr;
  const T* values = nullptr;
  int64_t columns = 0;
  int64_t row_stride = 0;

  Targets from_row(int64_t row) const noexcept {
    return {classes != nullptr ? classes + row : nullptr,
            values != nullptr ? values + row * row_stride : nullptr, columns, row_stride};
  }
};

// A loss by name with its options; each loss reads its own. make_loss({.kind = "huber", .delta = 0.5})
struct LossOptions {
  std::string kind = "mean_squared_error";  // or an alias such as "mse"
  bool mean_over_rows = true;               // false: their sum ("reduction": "sum" in JSON)
  double scale = 1.0;                       // factor of the loss, beside which penalties stand
  bool divide_penalty = false;              // by the rows' weight, as the mean of the losses is
  double label_smoothing = 0.0;             // cross-entropies, in [0, 1]
  double positive_weight = 1.0;             // binary cross-entropy
  double delta = 1.0;                       // Huber
  double power = 1.5;                       // Tweedie, between 1 and 2
  double gamma = 2.0;                       // focal losses
  double level = 0.5;                       // quantile
  std::vector<double> levels = {};          // quantile: one output each, in place of `level`
  bool log_input = true;                    // Poisson: the network gives logarithms of rates
};

struct LossSpec {
  std::string name;
  kernels::Loss from_outputs;        // on the network's outputs
  kernels::Loss from_logits;         // on what the absorbed activation would take
  std::string absorbed;              // the activation that is computed together with the loss; empty: none
  std::vector<std::string> fitting;  // last activations that the loss takes; empty: any
  bool takes_classes;
  bool mean_over_columns;  // the loss of a row is the mean (true) or the sum over its columns
  bool mean_over_rows = true;
  double scale = 1.0;
  bool divides_penalty = false;
  int64_t outputs_per_value = 1;   // 2 where the network gives a mean and a variance for each target
  std::vector<double> parameters;  // as the kernel takes them, see catalogue.h
  std::vector<float> parameters_float32;
  std::string text;  // the description as JSON, defaults left out

  bool operator==(const LossSpec& other) const noexcept { return text == other.text; }
  // True when loss and this output activation are computed together, from the logits.
  bool absorbs(const ActivationSpec& activation) const noexcept { return activation.name == absorbed; }
  bool has_levels() const noexcept { return from_outputs == kernels::Loss::kQuantiles; }
  // Of the quantile loss: one, or one for each output of a target.
  std::span<const double> levels() const noexcept {
    return std::span(parameters).subspan(has_levels() ? 1 : 0);
  }
  // Columns of the target values for a network with `outputs` outputs.
  int64_t target_columns(int64_t outputs) const noexcept {
    return outputs / (has_levels() ? std::ssize(levels()) : outputs_per_value);
  }
  // Divisor that turns a sum over columns into the row's loss.
  double column_divisor(int64_t columns) const noexcept {
    return (mean_over_columns ? static_cast<double>(columns / outputs_per_value) : 1.0) / scale;
  }
  // Factor of the layers' penalties in the objective of rows of this weight.
  double penalty_factor(double weight) const noexcept {
    if (!divides_penalty) return 1.0;
    return weight > 0.0 ? 1.0 / weight : 0.0;
  }
  // Whether of the parts of a batch, joined by their weights, each brings the penalties.
  bool each_part_brings_penalties() const noexcept { return mean_over_rows && !divides_penalty; }
};

// Raises kValue for unknown names and options out of range.
LossSpec make_loss(const LossOptions& options);
// From `"cross_entropy"` or `{"kind": "cross_entropy", "label_smoothing": 0.1}`.
LossSpec loss_from_json(const Json& spec);
Json loss_to_json(const LossSpec& spec);
std::vector<std::string> loss_names();
// The one that goes with a last activation where none is named: cross-entropies after softmax and sigmoid.
const char* default_loss(std::string_view output_activation) noexcept;

// Raises where loss and last activation or the number of outputs do not fit (cross-entropy after relu, say).
void check_loss_fits(const LossSpec& loss, const ActivationSpec& output, int64_t outputs);

// Row losses (weighted sums over columns) and, where `delta` is not null, dL/doutputs times `delta_scale`.
template <class T>
void compute_loss_rows(const kernels::KernelTable<T>& table, const LossSpec& loss, bool from_logits,
                       int64_t rows, int64_t columns, const T* outputs, int64_t output_row_stride,
                       const Targets<T>& targets, const T* weights, T delta_scale, double* row_losses,
                       T* delta, int64_t delta_row_stride) noexcept;

}  // namespace lamina
