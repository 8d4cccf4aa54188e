// Losses by name, what targets they take, and which output activation they absorb.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "kernels/kernel_table.h"
#include "layers/activation_spec.h"

namespace lamina {

// Targets of a batch or data set: classes [rows], or values [rows, columns].
template <class T>
struct Targets {
  const int32_t* classes = nullptr;
  const T* values = nullptr;
  int64_t columns = 0;
  int64_t row_stride = 0;
};

struct LossSpec {
  std::string name;
  kernels::Loss from_outputs;  // on the network's outputs
  kernels::Loss from_raw;      // on the outputs before the absorbed activation (== from_outputs: none)
  ActivationSpec::Form absorbed_form;
  kernels::Activation absorbed;
  bool takes_classes;
  bool mean_over_columns;  // the loss of a row is the mean (true) or the sum over its columns
  bool mean_over_rows = true;
  std::vector<double> parameters;
  std::vector<const char*> parameter_names;

  bool operator==(const LossSpec& other) const noexcept {
    return name == other.name && mean_over_rows == other.mean_over_rows && parameters == other.parameters;
  }
  // True when loss and this output activation are computed together, from the raw outputs.
  bool absorbs(const ActivationSpec& activation) const noexcept {
    if (from_raw == from_outputs || activation.form != absorbed_form) return false;
    return absorbed_form != ActivationSpec::Form::kElementwise || activation.function == absorbed;
  }
  // Divisor that turns a sum over columns into the row's loss.
  double column_divisor(int64_t columns) const noexcept {
    return mean_over_columns ? static_cast<double>(columns) : 1.0;
  }
};

// From `"cross_entropy"` or `{"kind": "cross_entropy", "label_smoothing": 0.1}`.
LossSpec loss_from_json(const nlohmann::json& spec);
nlohmann::json loss_to_json(const LossSpec& spec);
std::vector<std::string> loss_names();

// Raises where loss and last activation do not fit (cross-entropy after relu, say).
void check_loss_fits(const LossSpec& loss, const ActivationSpec& output, int64_t outputs);

// Row losses (weighted sums over columns) and, where `delta` is not null, dL/doutputs times `delta_scale`.
template <class T>
void compute_loss_rows(const kernels::KernelTable<T>& table, const LossSpec& loss, bool raw, int64_t rows,
                       int64_t columns, const T* outputs, int64_t output_row_stride,
                       const Targets<T>& targets, const T* weights, T delta_scale, double* row_losses,
                       T* delta, int64_t delta_row_stride) noexcept;

}  // namespace lamina
