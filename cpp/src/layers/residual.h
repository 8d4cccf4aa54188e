// Residual block (He et al. 2016): y = inner(x) + skip(x).
#pragma once

#include <memory>
#include <vector>

#include "layers/layer.h"

namespace lamina {

// The network runs a block's parts as nodes of their own, in this order: fork() from the block's input to a
// view of it, layers() from there on, skip() from the input to the output, and the block itself, which adds
// what the last of layers() gave.
template <class T>
class Residual final : public Layer<T> {
 public:
  explicit Residual(std::vector<std::unique_ptr<Layer<T>>> layers, const ResidualOptions& options = {});

  LayerKind kind() const noexcept override { return ResidualOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  Residual<T>* as_residual() noexcept override { return this; }

  const ResidualOptions& options() const noexcept { return options_; }
  const std::vector<std::unique_ptr<Layer<T>>>& layers() const noexcept { return layers_; }
  Layer<T>& fork() noexcept { return *fork_; }
  // Between these widths: the identity, or a learned projection; raises where neither is allowed.
  Layer<T>& make_skip(int64_t inputs, int64_t outputs);
  bool projects() const noexcept { return projects_; }
  // Once make_skip has made it.
  const Layer<T>& skip() const noexcept { return *skip_; }

 private:
  std::vector<std::unique_ptr<Layer<T>>> layers_;
  std::unique_ptr<Layer<T>> fork_, skip_;
  ResidualOptions options_;
  bool projects_ = false;
};

}  // namespace lamina
