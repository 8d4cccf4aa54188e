// Layer normalisation and root-mean-square normalisation: each row on its own, the same in training and
// after.
#pragma once

#include "layers/learned_row.h"

namespace lamina {

template <class T>
class RowNorm final : public LearnedRowLayer<T> {
 public:
  explicit RowNorm(const Json& spec);
  const char* kind() const noexcept override { return centered_ ? "layer_norm" : "rms_norm"; }
  Json spec() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  // Each row's moments, in the first two elements of its row.
  bool stores_aux() const noexcept override { return true; }

 protected:
  void sum_gradient(int index, const GradientPass<T>& pass, int64_t first, int64_t count,
                    T* out) const noexcept override;

 private:
  bool centered_;
  double epsilon_;
  int weight_ = -1, bias_ = -1;  // rows; -1: none
};

}  // namespace lamina
