// Layers that draw random numbers in training and vanish in inference: alpha dropout, normal noise.
#pragma once

#include "layers/layer.h"

namespace lamina {

// Klambauer et al. 2017: dropped values become selu's limit, and the rest is scaled so that mean 0 and
// variance 1 stay.
template <class T>
class AlphaDropout final : public Layer<T> {
 public:
  explicit AlphaDropout(const AlphaDropoutOptions& options);
  LayerKind kind() const noexcept override { return AlphaDropoutOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  bool vanishes_in_inference() const noexcept override { return true; }

 private:
  void drop(const RowPass<T>& pass, T* values, int64_t row_stride, bool backward) const noexcept;

  AlphaDropoutOptions options_;
};

template <class T>
class GaussianNoise final : public Layer<T> {
 public:
  explicit GaussianNoise(const GaussianNoiseOptions& options);
  LayerKind kind() const noexcept override { return GaussianNoiseOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  bool vanishes_in_inference() const noexcept override { return true; }

 private:
  GaussianNoiseOptions options_;
};

}  // namespace lamina
