// Expands columns of a table from compact form, one number or two each, into the features that a network
// reads.
#pragma once

#include <vector>

#include "layers/layer.h"

namespace lamina {

// It learns nothing and keeps no more than its description does, however wide its rows become. See
// kernels::ColumnCode for the kinds of columns; NaN among the inputs means a missing value, and outputs are
// always finite.
template <class T>
class ColumnEncoding final : public Layer<T> {
 public:
  explicit ColumnEncoding(const ColumnEncodingOptions& options);
  LayerKind kind() const noexcept override { return ColumnEncodingOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  int64_t build(int64_t inputs, ParameterAllocator& allocator) override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;

  // How the one layer that reads the features may have them instead of as they are; from write_codes on
  // `forward` does so, in the same rows.
  const kernels::FeatureCodes& feature_codes() const noexcept { return feature_codes_; }
  void write_codes() noexcept { writes_codes_ = true; }
  bool writes_codes() const noexcept { return writes_codes_; }
  // The features as they are, whatever forward writes.
  void write_features(const RowPass<T>& pass) const noexcept;

 private:
  void add_column(const ColumnOptions& column);
  void add_plain_features(int64_t count);
  void add_run(int64_t count, bool steps);
  kernels::EncodeColumns<T> job(const RowPass<T>& pass) const noexcept;

  ColumnEncodingOptions options_;
  std::vector<std::vector<T>> knots_;  // edges, as kernels read them
  std::vector<kernels::ColumnCode<T>> codes_;
  int64_t inputs_ = 0, features_ = 0;
  std::vector<int64_t> plain_;
  std::vector<kernels::FeatureRun> runs_;
  kernels::FeatureCodes feature_codes_{};
  bool writes_codes_ = false;
};

}  // namespace lamina
