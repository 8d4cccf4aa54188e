// Members that share one stack of layers and differ in a few numbers (Gorishniy et al. 2025, TabM).
#pragma once

#include <memory>
#include <vector>

#include "layers/dense.h"
#include "layers/member_heads.h"
#include "layers/member_rows.h"

namespace lamina {

// The network runs its parts as nodes of their own, in this order: expand(), which makes k rows of each, one
// for each member, times the member's scales; layers() over all of those rows; heads(); and the ensemble
// itself, which takes the mean over the members. Row i of member j is row i * k + j.
template <class T>
class Ensemble final : public Layer<T> {
 public:
  explicit Ensemble(std::vector<std::unique_ptr<Layer<T>>> layers, const EnsembleOptions& options = {});

  LayerKind kind() const noexcept override { return EnsembleOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  Ensemble<T>* as_ensemble() noexcept override { return this; }
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;

  const EnsembleOptions& options() const noexcept { return options_; }
  // Those that the members share, and the layer that each has its own of.
  const std::vector<std::unique_ptr<Layer<T>>>& layers() const noexcept { return layers_; }
  MemberRows<T>& expand() noexcept { return expand_; }
  MemberHeads<T>& heads() noexcept { return heads_; }
  const DenseOptions& head() const noexcept { return heads_.options(); }
  // Where all dense layers have adapters: the layers that stand for this one, s * (W (r * x)) + b.
  // `expanded`: the rows come from expand(), whose scales are r.
  std::vector<Layer<T>*> adapt(const Dense<T>& dense, int64_t inputs, bool expanded);
  bool adapts_all() const noexcept { return options_.adapters == Adapters::kAll; }

 private:
  EnsembleOptions options_;
  std::vector<std::unique_ptr<Layer<T>>> layers_;
  std::vector<std::unique_ptr<Layer<T>>> adapted_;  // what adapt has made
  MemberRows<T> expand_;
  MemberHeads<T> heads_;
};

}  // namespace lamina
