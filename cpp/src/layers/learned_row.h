// Base of layers whose parameters are rows of one number a column, such as factors, offsets, slopes.
#pragma once

#include <string>
#include <vector>

#include "layers/layer.h"
#include "layers/learning.h"

namespace lamina {

template <class T>
class LearnedRowLayer : public Layer<T> {
 public:
  int64_t build(int64_t inputs, ParameterAllocator& allocator) override;
  std::vector<Parameter> parameters() const override;
  bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const override;
  int gradient_task_count(int64_t inputs_per_task) const noexcept override;
  void run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                         const GradientPass<T>& pass) const noexcept override;

 protected:
  explicit LearnedRowLayer(const LearningOptions& learning) : learning_(learning) {}
  // In the constructor, in the order of the parameters' names; width 0: one number a column.
  int add_row(const char* name, double first_value, int64_t width = 0);
  const T* row(int index, const T* parameters) const noexcept {
    return index < 0 ? nullptr : parameters + rows_[static_cast<size_t>(index)].offset;
  }
  int64_t columns() const noexcept { return columns_; }
  int64_t padded() const noexcept { return padded_columns<T>(columns_); }

  LearningOptions learning_;

  // Gradient of row `index` at padded columns [first, first + count) (all, where its width is 1).
  virtual void sum_gradient(int index, const GradientPass<T>& pass, int64_t first, int64_t count,
                            T* out) const noexcept = 0;

 private:
  struct Row {
    const char* name;
    double first_value;
    int64_t width;
    int64_t offset;
  };
  // Columns of one gradient task; a row that all columns share is a task's whole work.
  int64_t columns_per_task() const noexcept;

  std::vector<Row> rows_;
  int64_t columns_ = 0;
};

}  // namespace lamina
