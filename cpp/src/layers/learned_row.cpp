// Parameters, first values and gradient tasks of layers with learned rows.
#include "layers/learned_row.h"

#include <algorithm>

namespace lamina {

template <class T>
int LearnedRowLayer<T>::add_row(const char* name, double first_value, int64_t width) {
  rows_.push_back({name, first_value, width, 0});
  return static_cast<int>(rows_.size()) - 1;
}

template <class T>
int64_t LearnedRowLayer<T>::build(int64_t inputs, ParameterAllocator& allocator) {
  columns_ = inputs;
  for (Row& row : rows_) {
    if (row.width == 0) row.width = inputs;
    row.offset = allocator.take(padded_columns<T>(row.width));
  }
  return inputs;
}

template <class T>
std::vector<Parameter> LearnedRowLayer<T>::parameters() const {
  std::vector<Parameter> parameters;
  for (const Row& row : rows_) {
    Parameter parameter = row_parameter(row.name, row.width, row.offset);
    learning_.apply(parameter);
    parameters.push_back(parameter);
  }
  return parameters;
}

template <class T>
bool LearnedRowLayer<T>::initialize(uint64_t, uint32_t, T* flat, Poll) const {
  for (const Row& row : rows_) std::fill_n(flat + row.offset, row.width, static_cast<T>(row.first_value));
  return true;
}

template <class T>
int64_t LearnedRowLayer<T>::columns_per_task() const noexcept {
  constexpr int64_t kColumns = 256;
  const bool shared = std::any_of(rows_.begin(), rows_.end(), [&](const Row& r) { return r.width == 1; });
  return shared ? padded() : kColumns;
}

template <class T>
int LearnedRowLayer<T>::gradient_task_count(int64_t) const noexcept {
  if (!learning_.trainable || rows_.empty()) return 0;
  return static_cast<int>((padded() + columns_per_task() - 1) / columns_per_task());
}

template <class T>
void LearnedRowLayer<T>::run_gradient_task(int task, int64_t, int first_parameter,
                                           const GradientPass<T>& pass) const noexcept {
  const int64_t first = task * columns_per_task();
  const int64_t count = std::min(columns_per_task(), padded() - first);
  for (size_t i = 0; i < rows_.size(); ++i) {
    const int64_t offset = rows_[i].offset + first;
    T* gradient = pass.gradients ? pass.gradients + offset : pass.scratch;
    if (pass.compute) sum_gradient(static_cast<int>(i), pass, first, count, gradient);
    if (pass.updater != nullptr)
      pass.updater->update(first_parameter + static_cast<int>(i), offset,
                           std::min(count, padded_columns<T>(rows_[i].width)), {gradient});
  }
}

template class LearnedRowLayer<float>;
template class LearnedRowLayer<double>;

}  // namespace lamina
