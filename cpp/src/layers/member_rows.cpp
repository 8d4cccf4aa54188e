// Scales, biases and activations by member.
#include "layers/member_rows.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "base/json.h"
#include "base/random.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
Json MemberRows<T>::spec() const {
  return {{"kind", kind_name(kind())}};
}

template <class T>
std::unique_ptr<Layer<T>> MemberRows<T>::unbuilt_copy() const {
  return std::make_unique<MemberRows>(options_);
}

template <class T>
int64_t MemberRows<T>::build(int64_t inputs, ParameterAllocator& allocator) {
  columns_ = inputs;
  const std::vector<int64_t>& chunks = options_.chunks;
  const int64_t covered = std::accumulate(chunks.begin(), chunks.end(), int64_t{0});
  if (!chunks.empty() && covered != inputs)
    throw_error(Error::Kind::kValue, {"Ensemble: expected 'chunks' to cover its ", inputs,
                                      " inputs, got widths that add up to ", covered});
  scale_offset_ = allocator.take(options_.members * padded());
  if (options_.bias) bias_offset_ = allocator.take(options_.members * padded());
  return inputs;
}

template <class T>
std::vector<Parameter> MemberRows<T>::parameters() const {
  const auto row_of_each = [&](const char* name, int64_t offset) {
    Parameter rows = rows_parameter<T>(name, {options_.members, columns_}, offset);
    rows.decays = false;
    return rows;
  };
  Parameter scales = row_of_each(options_.scale_name, scale_offset_);
  options_.learning.apply(scales);
  std::vector<Parameter> parameters{scales};
  if (options_.bias) {
    Parameter bias = row_of_each("bias", bias_offset_);
    options_.bias->learning.apply(bias);
    parameters.push_back(bias);
  }
  return parameters;
}

template <class T>
bool MemberRows<T>::initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const {
  const RandomStream stream(seed, StreamTag::kInitialise, layer_index * 8);
  uint64_t drawn = 0;
  for (int64_t member = 0; member < options_.members; ++member) {
    T* scales = flat + scale_offset_ + member * padded();
    if (!options_.first_scales) {
      std::fill_n(scales, columns_, T(1));
      continue;
    }
    const bool signs = *options_.first_scales == FirstScales::kSigns;
    const auto draw = [&](int64_t width) {
      const double value = signs ? (stream.uniform_double(drawn) < 0.5 ? -1.0 : 1.0) : stream.normal(drawn);
      ++drawn;
      scales = std::fill_n(scales, width, static_cast<T>(value));
    };
    if (options_.chunks.empty()) {
      for (int64_t column = 0; column < columns_; ++column) draw(1);
    } else {
      for (const int64_t width : options_.chunks) draw(width);
    }
  }
  if (!options_.bias) return true;
  const std::vector<double> values = initial_values(options_.bias->initializer, options_.bias->inputs,
                                                    columns_, columns_, seed, layer_index, 1, poll);
  for (int64_t member = 0; member < options_.members; ++member)
    std::copy(values.begin(), values.end(), flat + bias_offset_ + member * padded());
  return !values.empty();
}

template <class T>
void MemberRows<T>::forward(const RowPass<T>& pass) const noexcept {
  const int64_t members = options_.members, from_stride = pass.input.row_stride;
  const T* from = pass.input.values + input_row(pass.first_row) * from_stride;
  T* to = pass.output_values();
  for (int64_t row = 0; row < pass.rows; ++row, to += pass.output.row_stride) {
    const int64_t member = row % members;
    copy_rows(1, columns_, from + input_row(row) * from_stride, from_stride, to, pass.output.row_stride);
    pass.kernels.affine_rows(1, padded(), scale(pass.parameters, member), bias(pass.parameters, member), to,
                             pass.output.row_stride);
  }
  if (!pass.skips_activation)
    apply_activation(pass.kernels, options_.activation, pass.rows, columns_, pass.output_values(),
                     pass.output.row_stride, pass.output_aux(), pass.output.row_stride);
}

template <class T>
void MemberRows<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.derivative_applied)
    apply_activation_backward(pass.kernels, options_.activation, pass.rows, columns_, pass.output_values(),
                              pass.output_aux(), pass.output.row_stride, pass.output_delta(),
                              pass.output.row_stride);
  if (!pass.input_delta_wanted) return;
  const int64_t members = options_.members, to_stride = pass.input.row_stride;
  const T* from = pass.output_delta();
  T* to = pass.input.delta + input_row(pass.first_row) * to_stride;
  if (options_.expands) {
    for (int64_t row = 0; row < pass.rows; row += members, to += to_stride)
      pass.kernels.scale_sums({members, padded(), scale(pass.parameters, 0), padded(), nullptr, 0,
                               from + row * pass.output.row_stride, pass.output.row_stride, to});
    return;
  }
  copy_backward(pass);
  for (int64_t row = 0; row < pass.rows; ++row, to += to_stride)
    pass.kernels.affine_rows(1, padded(), scale(pass.parameters, row % members), nullptr, to, to_stride);
}

template <class T>
int MemberRows<T>::gradient_task_count(int64_t) const noexcept {
  const bool learns = options_.learning.trainable || (options_.bias && options_.bias->learning.trainable);
  return learns ? static_cast<int>(options_.members) : 0;
}

// A member's scales and biases.
template <class T>
void MemberRows<T>::run_gradient_task(int task, int64_t, int first_parameter,
                                      const GradientPass<T>& pass) const noexcept {
  const int64_t members = options_.members, rows = pass.batch_rows / members;
  const int64_t x_stride = pass.input.row_stride, dy_stride = members * pass.output.row_stride;
  const T* dy = pass.output.delta + task * pass.output.row_stride;
  const auto hand_over = [&](int parameter, int64_t first, auto sum) {
    const int64_t offset = first + task * padded();
    T* gradient = pass.gradients ? pass.gradients + offset : pass.scratch;
    if (pass.compute) sum(gradient);
    if (pass.updater != nullptr) pass.updater->update(parameter, offset, padded(), {gradient});
  };
  if (options_.learning.trainable)
    hand_over(first_parameter, scale_offset_, [&](T* out) {
      const T* x = pass.input.values + (options_.expands ? 0 : task * x_stride);
      pass.kernels.scale_sums({rows, padded(), x, options_.expands ? x_stride : members * x_stride, nullptr,
                               0, dy, dy_stride, out});
    });
  if (options_.bias && options_.bias->learning.trainable)
    hand_over(first_parameter + 1, bias_offset_,
              [&](T* out) { pass.kernels.column_sums(rows, padded(), dy, dy_stride, out); });
}

template class MemberRows<float>;
template class MemberRows<double>;

}  // namespace lamina
