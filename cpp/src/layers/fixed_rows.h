// Layers that change each column by numbers that training leaves alone: Normalization, Affine, Clip.
#pragma once

#include <vector>

#include "base/arena.h"
#include "layers/layer.h"

namespace lamina {

// y = (x - mean) / deviation by column, from parameters that are adapted to data from outside; a deviation of
// 0 counts as 1. Parameter "rows" tells from how many rows they were taken. As a network's first layer its
// mean is "mean" + "mean_low", subtracted from the user's numbers in double; elsewhere it is "mean".
template <class T>
class Normalization final : public Layer<T> {
 public:
  explicit Normalization(const NormalizationOptions& = {}) {}
  LayerKind kind() const noexcept override { return NormalizationOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  int64_t build(int64_t inputs, ParameterAllocator& allocator) override;
  std::vector<Parameter> parameters() const override;
  bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const override;
  bool take_offset_rows() noexcept override { return is_first_ = true; }
  RowOffset<T> row_offset(const T* parameters) const noexcept override {
    return {parameters + mean_, parameters + mean_low_};
  }
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;

 private:
  int64_t columns_ = 0, mean_ = 0, mean_low_ = 0, deviation_ = 0, rows_ = 0;  // offsets, but for columns
  bool is_first_ = false;
};

// y = x * scale + offset by column, or with one number for all of them.
template <class T>
class Affine final : public Layer<T> {
 public:
  explicit Affine(const AffineOptions& options);
  LayerKind kind() const noexcept override { return AffineOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  int64_t build(int64_t inputs, ParameterAllocator& allocator) override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;

  // The codes of the features that it leaves as they are, where it makes all others 0 and cuts no run; else
  // null.
  const kernels::FeatureCodes* keep_codes(const kernels::FeatureCodes& codes);
  // From now on `forward` makes coded rows of those features of coded rows.
  void pass_codes() noexcept { passes_codes_ = true; }
  bool passes_codes() const noexcept { return passes_codes_; }
  // The outputs as they are, of features as they are.
  void scale_features(const RowPass<T>& pass) const noexcept;

 private:
  void scale_rows(const RowPass<T>& pass, const T* offset, T* values, int64_t row_stride) const noexcept;

  AffineOptions options_;
  AlignedBuffer<T> scale_row_, offset_row_;
  int64_t columns_ = 0;
  std::vector<int64_t> kept_plain_, kept_places_;  // places in coded rows
  std::vector<kernels::FeatureRun> kept_runs_;
  kernels::FeatureCodes kept_codes_{};
  bool passes_codes_ = false;
};

// y = min(max(x, low), high); the gradient passes where low <= x <= high.
template <class T>
class Clip final : public Layer<T> {
 public:
  explicit Clip(const ClipOptions& options);
  LayerKind kind() const noexcept override { return ClipOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;

 private:
  ClipOptions options_;
};

}  // namespace lamina
