// A loss as a call gives it: one of lamina's, or a function of the caller's.
#pragma once

#include <memory>
#include <optional>

#include "c_api/handles.h"
#include "training/custom_loss.h"

namespace lamina::c {

class GivenLoss {
 public:
  // Refuses one that does not fit the network.
  GivenLoss(const TrainableNetwork& network, const lamina_description& loss);

  // Null for a function.
  const LossSpec* spec() const noexcept { return spec_.get(); }
  // The function, as the core asks it.
  template <class T>
  CustomLoss<T> custom() const;
  // Of the function for all rows as one batch, with the layers' penalties; the gradients stand in the model.
  template <class T>
  double value_and_gradient(Model<T>& model, const DataSet<T>& data, const CustomPass& pass) const;

 private:
  std::shared_ptr<const LossSpec> spec_;
  lamina_loss_function function_{};
};

}  // namespace lamina::c
