// Categories as rows of a learned table (Bengio et al. 2003; Guo & Berkhahn 2016).
#pragma once

#include "layers/column_layer.h"

namespace lamina {

// The table of each column has a row for each of its codes 0, 1, ... and a last one for whatever is none of
// them: missing (NaN), unseen, not whole. All tables stand one below another in one parameter.
template <class T>
class Embedding final : public ColumnLayer<T> {
 public:
  explicit Embedding(const EmbeddingOptions& options);
  LayerKind kind() const noexcept override { return EmbeddingOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  std::vector<Parameter> parameters() const override;
  int64_t multiply_adds() const override;
  bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const override;
  int gradient_task_count(int64_t inputs_per_task) const noexcept override;
  int64_t gradient_scratch_size(int64_t inputs_per_task) const noexcept override;
  void run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                         const GradientPass<T>& pass) const noexcept override;

 protected:
  void take_parameters(ParameterAllocator& allocator) override;
  void embed(const RowPass<T>& pass) const noexcept override;
  void embed_backward(const RowPass<T>& pass) const noexcept override;

 private:
  // Rows [first, last) of the parameter: one task's.
  struct Range {
    int64_t first, last;
  };
  int64_t rows_per_task() const noexcept;
  // Sums the gradient of the rows that the batch names into `sums` [rows of the range]; their bits in
  // `named`.
  void add_rows(const Range& range, const GradientPass<T>& pass, T* sums, uint64_t* named) const noexcept;

  EmbeddingOptions options_;
  std::vector<int64_t> first_rows_;  // of each column's table
  int64_t rows_ = 0, offset_ = 0;
};

}  // namespace lamina
