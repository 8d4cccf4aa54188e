// Logits: what a network's last activation, or the scaling of its targets, makes the outputs of. Many losses
// read them in place of the outputs.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "inference/data.h"
#include "layers/target_scaling.h"
#include "network/network.h"

namespace lamina {

template <class T>
bool reads_logits(const LossSpec& loss, const Network<T>& network) noexcept {
  return network.target_scaling() != nullptr || loss.absorbs(network.output_activation());
}

// Raises where loss and network do not fit.
template <class T>
void check_loss_fits(const LossSpec& loss, const Network<T>& network) {
  constexpr std::array kOfQuantities = {"mean_squared_error",
                                        "mean_absolute_error",
                                        "huber",
                                        "log_cosh",
                                        "quantile",
                                        "gaussian_negative_log_likelihood"};
  if (network.target_scaling() != nullptr &&
      std::find(kOfQuantities.begin(), kOfQuantities.end(), loss.name) == kOfQuantities.end())
    throw_error(Error::Kind::kValue,
                {"loss ", loss.name,
                 ": expected targets as they are, got a network that scales them (scale_targets); it goes "
                 "with mean_squared_error, mean_absolute_error, huber, log_cosh, quantile and "
                 "gaussian_negative_log_likelihood"});
  if (network.target_scaling() != nullptr && loss.has_levels() && loss.target_columns(network.outputs()) > 1)
    throw_error(Error::Kind::kValue,
                {"loss quantile: expected one target beside a network that scales it (scale_targets), got ",
                 loss.target_columns(network.outputs())});
  check_loss_fits(loss, network.output_activation(), network.outputs());
}

// Logits [rows, outputs], in padded rows, to the network's outputs, in place.
template <class T>
void outputs_from_logits(const Network<T>& network, const T* parameters, int64_t rows, T* values,
                         int64_t row_stride) noexcept {
  if (const TargetScaling<T>* scaling = network.target_scaling())
    return scaling->to_target_units(network.kernels(), parameters, rows, values, row_stride);
  apply_activation(network.kernels(), network.output_activation(), rows, network.outputs(), values,
                   row_stride, static_cast<T*>(nullptr), 0);
}

// A data set's targets as a loss compares them with logits: the user's, or scaled copies.
template <class T>
class LossTargets {
 public:
  LossTargets(const Network<T>& network, const T* parameters, const DataSet<T>& data)
      : targets_(data.targets) {
    const TargetScaling<T>* scaling = network.target_scaling();
    if (scaling == nullptr || targets_.values == nullptr) return;
    scaled_ = AlignedBuffer<T>(data.inputs.rows * targets_.columns);
    scaling->to_scaled_units(parameters, data.inputs.rows, targets_.columns, targets_.values,
                             targets_.row_stride, scaled_.data(), targets_.columns);
    targets_.values = scaled_.data();
    targets_.row_stride = targets_.columns;
  }
  Targets<T> from_row(int64_t row) const noexcept { return targets_.from_row(row); }

 private:
  Targets<T> targets_;
  AlignedBuffer<T> scaled_;
};

}  // namespace lamina
