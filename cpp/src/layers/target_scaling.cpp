// A last layer that takes outputs to the targets' units.
#include "layers/target_scaling.h"

#include <algorithm>
#include <limits>

#include "base/json.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
Json TargetScaling<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> TargetScaling<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
int64_t TargetScaling<T>::build(int64_t inputs, ParameterAllocator& allocator) {
  columns_ = inputs;
  scale_ = allocator.take(padded_columns<T>(inputs));
  shift_ = allocator.take(padded_columns<T>(inputs));
  rows_ = allocator.take(padded_columns<T>(1));
  if (options_.clip) {
    low_ = allocator.take(padded_columns<T>(inputs));
    high_ = allocator.take(padded_columns<T>(inputs));
  }
  return inputs;
}

template <class T>
std::vector<Parameter> TargetScaling<T>::parameters() const {
  std::vector<Parameter> parameters = {row_parameter("scale", columns_, scale_),
                                       row_parameter("shift", columns_, shift_),
                                       row_parameter("rows", 1, rows_)};
  if (options_.clip) {
    parameters.push_back(row_parameter("low", columns_, low_));
    parameters.push_back(row_parameter("high", columns_, high_));
  }
  for (Parameter& parameter : parameters) parameter.trainable = false;
  return parameters;
}

template <class T>
bool TargetScaling<T>::initialize(uint64_t, uint32_t, T* flat, Poll) const {
  std::fill_n(flat + scale_, columns_, T(1));
  std::fill_n(flat + shift_, columns_, T(0));
  flat[rows_] = T(0);
  if (options_.clip) {  // half the largest numbers, which averages of networks can be of
    std::fill_n(flat + low_, columns_, std::numeric_limits<T>::lowest() / 2);
    std::fill_n(flat + high_, columns_, std::numeric_limits<T>::max() / 2);
  }
  return true;
}

template <class T>
void TargetScaling<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  if (pass.skips_activation) return;
  const auto take = pass.training ? &TargetScaling::to_units : &TargetScaling::to_target_units;
  (this->*take)(pass.kernels, pass.parameters, pass.rows, pass.output_values(), pass.output.row_stride);
}

template <class T>
void TargetScaling<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  copy_backward(pass);
  if (pass.derivative_applied) return;
  to_logit_delta(pass.kernels, pass.parameters, pass.rows, pass.input_delta(), pass.input.row_stride);
  if (pass.training || !options_.clip) return;
  const T *low = pass.parameters + low_, *high = pass.parameters + high_, *y = pass.output_values();
  T* delta = pass.input_delta();
  for (int64_t r = 0; r < pass.rows; ++r, y += pass.output.row_stride, delta += pass.input.row_stride)
    for (int64_t c = 0; c < columns_; ++c)
      if (!(low[c] < y[c] && y[c] < high[c])) delta[c] = T(0);
}

template <class T>
void TargetScaling<T>::to_logit_delta(const kernels::KernelTable<T>& table, const T* parameters, int64_t rows,
                                      T* delta, int64_t row_stride) const noexcept {
  table.affine_rows(rows, padded_columns<T>(columns_), parameters + scale_, nullptr, delta, row_stride);
}

template <class T>
void TargetScaling<T>::to_units(const kernels::KernelTable<T>& table, const T* parameters, int64_t rows,
                                T* values, int64_t row_stride) const noexcept {
  table.affine_rows(rows, padded_columns<T>(columns_), parameters + scale_, parameters + shift_, values,
                    row_stride);
}

template <class T>
void TargetScaling<T>::to_target_units(const kernels::KernelTable<T>& table, const T* parameters,
                                       int64_t rows, T* values, int64_t row_stride) const noexcept {
  to_units(table, parameters, rows, values, row_stride);
  if (!options_.clip) return;
  const T *low = parameters + low_, *high = parameters + high_;
  for (int64_t r = 0; r < rows; ++r, values += row_stride)
    for (int64_t c = 0; c < columns_; ++c) values[c] = std::min(std::max(values[c], low[c]), high[c]);
}

template <class T>
void TargetScaling<T>::scale(const T* parameters, int64_t rows, int64_t columns, T* values) const noexcept {
  const T *scale = parameters + scale_, *shift = parameters + shift_;
  for (int64_t r = 0; r < rows; ++r, values += columns)
    for (int64_t c = 0; c < columns; ++c) values[c] = values[c] * scale[c] + shift[c];
}

template <class T>
void TargetScaling<T>::to_scaled_units(const T* parameters, int64_t rows, int64_t columns, const T* from,
                                       int64_t from_stride, T* to, int64_t to_stride) const noexcept {
  const T *scale = parameters + scale_, *shift = parameters + shift_;
  for (int64_t r = 0; r < rows; ++r, from += from_stride, to += to_stride)
    for (int64_t c = 0; c < columns; ++c)
      to[c] = static_cast<T>((static_cast<double>(from[c]) - static_cast<double>(shift[c])) /
                             static_cast<double>(scale[c]));
}

template class TargetScaling<float>;
template class TargetScaling<double>;

}  // namespace lamina
