// Batch normalisation: statistics of the batch by slices of columns, rows by the statistics.
#include "layers/batch_norm.h"

#include <algorithm>

#include "base/json.h"

namespace lamina {

template <class T>
BatchNormLayer<T>::BatchNormLayer(const BatchNormOptions& options) : options_(options) {
  check_options(options_);
}

template <class T>
Json BatchNormLayer<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> BatchNormLayer<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
int64_t BatchNormLayer<T>::build(int64_t inputs, ParameterAllocator& allocator) {
  columns_ = inputs;
  width_ = padded_columns<T>(inputs);
  if (options_.scale) weight_offset_ = allocator.take(width_);
  if (options_.shift) bias_offset_ = allocator.take(width_);
  mean_offset_ = allocator.take(width_);
  variance_offset_ = allocator.take(width_);
  return inputs;
}

template <class T>
std::vector<Parameter> BatchNormLayer<T>::parameters() const {
  std::vector<Parameter> parameters;
  const auto add = [&](const char* name, int64_t offset, bool learned) {
    Parameter row = row_parameter(name, columns_, offset);
    options_.learning.apply(row);
    row.trainable = learned && options_.learning.trainable;
    parameters.push_back(row);
  };
  if (options_.scale) add("weight", weight_offset_, true);
  if (options_.shift) add("bias", bias_offset_, true);
  add("running_mean", mean_offset_, false);
  add("running_var", variance_offset_, false);
  return parameters;
}

template <class T>
bool BatchNormLayer<T>::initialize(uint64_t, uint32_t, T* flat, Poll) const {
  if (options_.scale) std::fill_n(flat + weight_offset_, columns_, T(1));
  if (options_.shift) std::fill_n(flat + bias_offset_, columns_, T(0));
  std::fill_n(flat + mean_offset_, columns_, T(0));
  std::fill_n(flat + variance_offset_, columns_, T(1));
  return true;
}

// Columns [first, last) of the pass's rows. The kernels write neither parameters nor the input's values.
template <class T>
kernels::BatchNorm<T> BatchNormLayer<T>::job(const RowPass<T>& pass, int64_t first,
                                             int64_t last) const noexcept {
  kernels::BatchNorm<T> job{};
  job.rows = pass.rows;
  job.columns = std::min(last, columns_) - first;
  job.x = pass.input_values() + first;
  job.x_row_stride = pass.input.row_stride;
  job.epsilon = static_cast<T>(options_.epsilon);
  if (options_.scale) job.weight = pass.parameters + weight_offset_ + first;
  if (options_.shift) job.bias = pass.parameters + bias_offset_ + first;
  if (T* statistics = pass.output.statistics) {
    job.mean = statistics + first;
    job.unbiased_variance = job.mean + width_;
    job.variance = job.unbiased_variance + width_;
    job.weight_gradient = job.variance + width_;
    job.bias_gradient = job.weight_gradient + width_;
  } else {
    job.mean = const_cast<T*>(pass.parameters) + mean_offset_ + first;
    job.variance = const_cast<T*>(pass.parameters) + variance_offset_ + first;
  }
  if (pass.output.delta != nullptr) {
    job.dy = pass.output_delta() + first;
    job.dy_row_stride = pass.output.row_stride;
  }
  return job;
}

template <class T>
void BatchNormLayer<T>::summarize_forward(const RowPass<T>& pass, int64_t first,
                                          int64_t last) const noexcept {
  const kernels::BatchNorm<T> slice = job(pass, first, last);
  if (pass.training) {
    pass.kernels.batch_moments(slice);
  } else {
    std::copy_n(pass.parameters + mean_offset_ + first, last - first, slice.mean);
    std::copy_n(pass.parameters + variance_offset_ + first, last - first, slice.variance);
    std::fill_n(slice.weight_gradient, last - first, T(0));
    std::fill_n(slice.bias_gradient, last - first, T(0));
  }
  if (first == 0)
    pass.output.statistics[5 * width_] = pass.training ? T(1) / static_cast<T>(pass.rows) : T(0);
}

template <class T>
void BatchNormLayer<T>::forward(const RowPass<T>& pass) const noexcept {
  kernels::BatchNorm<T> rows = job(pass, 0, width_);
  rows.y = pass.output_values();
  rows.y_row_stride = pass.output.row_stride;
  pass.kernels.batch_norm_forward(rows);
}

template <class T>
void BatchNormLayer<T>::summarize_backward(const RowPass<T>& pass, int64_t first,
                                           int64_t last) const noexcept {
  if (pass.training) pass.kernels.batch_norm_gradients(job(pass, first, last));
}

template <class T>
void BatchNormLayer<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  kernels::BatchNorm<T> rows = job(pass, 0, width_);
  rows.coupling = pass.output.statistics != nullptr ? pass.output.statistics[5 * width_] : T(0);
  rows.dx = pass.input_delta();
  rows.dx_row_stride = pass.input.row_stride;
  pass.kernels.batch_norm_backward(rows);
}

template <class T>
void BatchNormLayer<T>::update_running(const T* statistics, ParameterUpdater<T>& updater) const noexcept {
  updater.average(mean_offset_, width_, static_cast<T>(options_.momentum), statistics);
  updater.average(variance_offset_, width_, static_cast<T>(options_.momentum), statistics + width_);
}

template <class T>
int BatchNormLayer<T>::gradient_task_count(int64_t) const noexcept {
  return options_.learning.trainable && (options_.scale || options_.shift) ? 1 : 0;
}

// The sums of summarize_backward are the gradients; in inference they are taken here.
template <class T>
const T* BatchNormLayer<T>::gradient_sums(const GradientPass<T>& pass) const noexcept {
  T* statistics = pass.output.statistics;
  if (statistics[5 * width_] != T(0)) return statistics + 3 * width_;
  kernels::BatchNorm<T> job{};
  job.rows = pass.batch_rows;
  job.columns = columns_;
  job.x = pass.input.values;
  job.x_row_stride = pass.input.row_stride;
  job.dy = pass.output.delta;
  job.dy_row_stride = pass.output.row_stride;
  job.mean = statistics;
  job.variance = statistics + 2 * width_;
  job.epsilon = static_cast<T>(options_.epsilon);
  job.weight_gradient = pass.scratch;
  job.bias_gradient = pass.scratch + width_;
  pass.kernels.batch_norm_gradients(job);
  return pass.scratch;
}

template <class T>
void BatchNormLayer<T>::run_gradient_task(int, int64_t, int first_parameter,
                                          const GradientPass<T>& pass) const noexcept {
  const T* sums = pass.compute ? gradient_sums(pass) : nullptr;
  const auto hand_over = [&](int parameter, int64_t offset, const T* gradient) {
    if (pass.gradients != nullptr) {
      if (pass.compute) std::copy_n(gradient, width_, pass.gradients + offset);
      gradient = pass.gradients + offset;
    }
    if (pass.updater != nullptr) pass.updater->update(parameter, offset, width_, {gradient});
  };
  if (options_.scale) hand_over(first_parameter, weight_offset_, sums);
  if (options_.shift)
    hand_over(first_parameter + (options_.scale ? 1 : 0), bias_offset_,
              pass.compute ? sums + width_ : nullptr);
}

template class BatchNormLayer<float>;
template class BatchNormLayer<double>;

}  // namespace lamina
