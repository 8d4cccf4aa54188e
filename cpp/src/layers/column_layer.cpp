// Places of columns, and the way of those that are passed on.
#include "layers/column_layer.h"

#include <algorithm>
#include <string>

#include "layers/rows.h"

namespace lamina {

template <class T>
ColumnLayer<T>::ColumnLayer(const std::vector<int64_t>& columns, int64_t units,
                            const LearningOptions& learning)
    : learning_(learning), units_(units) {
  for (const int64_t column : columns) places_.push_back({column, 0});
}

template <class T>
int64_t ColumnLayer<T>::build(int64_t inputs, ParameterAllocator& allocator) {
  const std::string where = class_name(this->kind());
  if (places_.back().input >= inputs)
    throw_error(Error::Kind::kValue, {where, ": expected columns below ", inputs,
                                      ", the number of inputs, got ", places_.back().input});
  inputs_ = inputs;
  int64_t input = 0;
  const auto pass_on = [&](int64_t until) {
    if (input < until) runs_.push_back({input, outputs_, until - input});
    outputs_ += until - input;
    input = until;
  };
  for (Place& place : places_) {
    pass_on(place.input);
    place.output = outputs_;
    outputs_ += units_;
    ++input;
  }
  pass_on(inputs);
  if (outputs_ > kMostColumns)
    throw_error(Error::Kind::kValue,
                {where, ": expected at most ", kMostColumns, " outputs, got ", outputs_});
  take_parameters(allocator);
  return outputs_;
}

template <class T>
void ColumnLayer<T>::forward(const RowPass<T>& pass) const noexcept {
  const T* x = pass.input_values();
  T* y = pass.output_values();
  const int64_t from = pass.input.row_stride, to = pass.output.row_stride;
  for (const Run& run : runs_) copy_to_user(pass.rows, run.count, x + run.input, from, y + run.output, to);
  embed(pass);
  const int64_t padded = padded_columns<T>(outputs_);
  for (int64_t row = 0; row < pass.rows; ++row)
    std::fill(y + row * to + outputs_, y + row * to + padded, T(0));
}

template <class T>
void ColumnLayer<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  const T* dy = pass.output_delta();
  T* dx = pass.input_delta();
  const int64_t from = pass.output.row_stride, to = pass.input.row_stride;
  for (const Run& run : runs_) copy_to_user(pass.rows, run.count, dy + run.output, from, dx + run.input, to);
  embed_backward(pass);
  const int64_t padded = padded_columns<T>(inputs_);
  for (int64_t row = 0; row < pass.rows; ++row)
    std::fill(dx + row * to + inputs_, dx + row * to + padded, T(0));
}

template class ColumnLayer<float>;
template class ColumnLayer<double>;

}  // namespace lamina
