// Base of layers that turn chosen columns of their input into several each, in their place, and pass the
// others on.
#pragma once

#include <vector>

#include "layers/layer.h"
#include "layers/learning.h"

namespace lamina {

template <class T>
class ColumnLayer : public Layer<T> {
 public:
  int64_t build(int64_t inputs, ParameterAllocator& allocator) final;
  void forward(const RowPass<T>& pass) const noexcept final;
  void backward(const RowPass<T>& pass) const noexcept final;

 protected:
  // Rising columns of the input, each of which becomes `units` columns of the output.
  ColumnLayer(const std::vector<int64_t>& columns, int64_t units, const LearningOptions& learning);

  // Where a chosen column stands in the input, and its units in the output.
  struct Place {
    int64_t input, output;
  };
  const std::vector<Place>& places() const noexcept { return places_; }
  int64_t units() const noexcept { return units_; }
  // Of a row of a table of weights.
  int64_t row_stride() const noexcept { return padded_columns<T>(units_); }

  LearningOptions learning_;

  virtual void take_parameters(ParameterAllocator& allocator) = 0;
  // The units of the chosen columns.
  virtual void embed(const RowPass<T>& pass) const noexcept = 0;
  // The deltas of the chosen columns, where the input's delta is wanted.
  virtual void embed_backward(const RowPass<T>& pass) const noexcept = 0;

 private:
  // Neighbouring columns that are passed on.
  struct Run {
    int64_t input, output, count;
  };

  std::vector<Place> places_;
  std::vector<Run> runs_;
  int64_t units_, inputs_ = 0, outputs_ = 0;
};

}  // namespace lamina
