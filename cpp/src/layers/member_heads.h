// The last layer of an ensemble: a dense layer of each member's own.
#pragma once

#include <memory>
#include <vector>

#include "layers/dense.h"

namespace lamina {

// Member j's layer reads and writes rows j, j + members, ... of the slots, as they lie. Passes begin and end
// between the rows of the network.
template <class T>
class MemberHeads final : public Layer<T> {
 public:
  MemberHeads(int64_t members, const DenseOptions& options);

  LayerKind kind() const noexcept override { return LayerKind::kEnsemble; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  int64_t members() const noexcept override { return static_cast<int64_t>(heads_.size()); }
  const DenseOptions& options() const noexcept { return heads_.front()->options(); }
  int64_t build(int64_t inputs, ParameterAllocator& allocator) override;
  std::vector<Parameter> parameters() const override;
  int64_t multiply_adds() const override { return members() * heads_.front()->multiply_adds(); }
  bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  const ActivationSpec* output_activation() const noexcept override {
    return heads_.front()->output_activation();
  }
  bool applies_input_activation() const noexcept override { return true; }
  int gradient_task_count(int64_t inputs_per_task) const noexcept override;
  void run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                         const GradientPass<T>& pass) const noexcept override;
  int64_t gradient_scratch_size(int64_t inputs_per_task) const noexcept override {
    return heads_.front()->gradient_scratch_size(inputs_per_task);
  }
  void refresh_transposed(const kernels::KernelTable<T>& table, const T* parameters,
                          T* transposed) const noexcept override;

 private:
  std::vector<std::unique_ptr<Dense<T>>> heads_;
};

}  // namespace lamina
