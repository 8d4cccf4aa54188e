// Piecewise linear embeddings: parameters, and columns to the kernels one by one.
#include "layers/piecewise_linear.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace lamina {

template <class T>
PiecewiseLinear<T>::PiecewiseLinear(const PiecewiseLinearOptions& options)
    : ColumnLayer<T>(options.columns, options.units, options.learning), options_(options) {
  check_options(options_);
  for (const std::vector<double>& edges : options_.edges) {
    edges_.emplace_back(edges.begin(), edges.end());
    first_bins_.push_back(all_bins_);
    all_bins_ += std::ssize(edges) - 1;
    most_bins_ = std::max(most_bins_, static_cast<int64_t>(std::ssize(edges) - 1));
  }
}

template <class T>
Json PiecewiseLinear<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> PiecewiseLinear<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void PiecewiseLinear<T>::take_parameters(ParameterAllocator& allocator) {
  const int64_t columns = std::ssize(edges_), stride = this->row_stride();
  weight_ = allocator.take(all_bins_ * stride);
  bias_ = allocator.take(columns * stride);
  if (has_slope()) slope_ = allocator.take(columns * stride);
}

template <class T>
std::vector<Parameter> PiecewiseLinear<T>::parameters() const {
  const int64_t columns = std::ssize(edges_);
  std::vector<Parameter> parameters;
  parameters.push_back(rows_parameter<T>("weight", {all_bins_, this->units()}, weight_));
  parameters.push_back(rows_parameter<T>("bias", {columns, this->units()}, bias_));
  parameters.back().decays = false;
  if (has_slope()) parameters.push_back(rows_parameter<T>("slope", {columns, this->units()}, slope_));
  for (Parameter& parameter : parameters) options_.learning.apply(parameter);
  return parameters;
}

// A sum over bins is looked up.
template <class T>
int64_t PiecewiseLinear<T>::multiply_adds() const {
  return 2 * static_cast<int64_t>(std::ssize(edges_)) * this->units();
}

// As those of linear maps from the encoding (A), or from the number, with none from the encoding (B).
template <class T>
bool PiecewiseLinear<T>::initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const {
  const std::vector<Parameter> own = parameters();
  for (uint32_t i = has_slope() ? 1 : 0; i < own.size(); ++i) {
    std::vector<double> values = uniform_values(own[i].element_count(), 1.0, seed, layer_index, i, poll);
    if (values.empty()) return false;
    for (size_t column = 0; column < edges_.size(); ++column) {
      const auto inputs = static_cast<double>(has_slope() ? this->units() : bins(column));
      const int64_t first = (i == 0 ? first_bins_[column] : static_cast<int64_t>(column)) * this->units();
      const int64_t count = (i == 0 ? bins(column) : 1) * this->units();
      std::for_each_n(values.begin() + first, count, [&](double& x) { x /= std::sqrt(inputs); });
    }
    const std::vector<T> dense(values.begin(), values.end());
    pack_parameter(own[i], dense.data(), flat);
  }
  return true;
}

template <class T>
kernels::Piecewise<T> PiecewiseLinear<T>::rows_of(size_t column, int64_t rows, const T* x,
                                                  const Slot<T>& input, const T* parameters, T* y,
                                                  const Slot<T>& output) const noexcept {
  return {.rows = rows,
          .units = this->units(),
          .bins = bins(column),
          .x = x + this->places()[column].input,
          .x_row_stride = input.row_stride,
          .edges = edges_[column].data(),
          .weight = parameters + weight_at(column),
          .bias = parameters + bias_at(column),
          .slope = has_slope() ? parameters + slope_at(column) : nullptr,
          .relu = !options_.activation.is_identity(),
          .y = y + this->places()[column].output,
          .y_row_stride = output.row_stride};
}

template <class T>
void PiecewiseLinear<T>::embed(const RowPass<T>& pass) const noexcept {
  for (size_t i = 0; i < edges_.size(); ++i)
    pass.kernels.piecewise_forward(rows_of(i, pass.rows, pass.input_values(), pass.input, pass.parameters,
                                           pass.output_values(), pass.output));
}

template <class T>
void PiecewiseLinear<T>::embed_backward(const RowPass<T>& pass) const noexcept {
  for (size_t i = 0; i < edges_.size(); ++i)
    pass.kernels.piecewise_backward({.forward = rows_of(i, pass.rows, pass.input_values(), pass.input,
                                                        pass.parameters, pass.output_values(), pass.output),
                                     .dy = pass.output_delta() + this->places()[i].output,
                                     .dy_row_stride = pass.output.row_stride,
                                     .dx = pass.input_delta() + this->places()[i].input,
                                     .dx_row_stride = pass.input.row_stride});
}

template <class T>
int PiecewiseLinear<T>::gradient_task_count(int64_t) const noexcept {
  return options_.learning.trainable ? static_cast<int>(edges_.size()) : 0;
}

// What kernels need as memory, and the gradient of weight, bias and slope.
template <class T>
int64_t PiecewiseLinear<T>::gradient_scratch_size(int64_t) const noexcept {
  return (2 * most_bins_ + 2) * this->row_stride();
}

template <class T>
void PiecewiseLinear<T>::run_gradient_task(int task, int64_t, int first_parameter,
                                           const GradientPass<T>& pass) const noexcept {
  const auto column = static_cast<size_t>(task);
  const int64_t stride = this->row_stride(), size = bins(column) * stride;
  T* weight = pass.scratch + size;
  T *bias = weight + size, *slope = bias + stride;
  if (pass.gradients != nullptr) {
    weight = pass.gradients + weight_at(column);
    bias = pass.gradients + bias_at(column);
    slope = pass.gradients + slope_at(column);
  }
  if (pass.compute)
    pass.kernels.piecewise_gradients(
        {.forward = rows_of(column, pass.batch_rows, pass.input.values, pass.input, pass.parameters,
                            pass.output.values, pass.output),
         .dy = pass.output.delta + this->places()[column].output,
         .dy_row_stride = pass.output.row_stride,
         .weight = weight,
         .bias = bias,
         .slope = has_slope() ? slope : nullptr,
         .memory = pass.scratch});
  if (pass.updater == nullptr) return;
  pass.updater->update(first_parameter, weight_at(column), size, {weight});
  pass.updater->update(first_parameter + 1, bias_at(column), stride, {bias});
  if (has_slope()) pass.updater->update(first_parameter + 2, slope_at(column), stride, {slope});
}

template class PiecewiseLinear<float>;
template class PiecewiseLinear<double>;

}  // namespace lamina
