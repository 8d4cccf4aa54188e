// Embeddings of categories: rows of a table forward, sums of deltas back into the rows that a batch names.
#include "layers/embedding.h"

#include <algorithm>

#include "base/json.h"

namespace lamina {

namespace {

// Rows of a task, whose marks lie on the stack.
constexpr int64_t kMostTaskRows = int64_t{1} << 16;

template <class T>
bool is_zero(const T* row, int64_t columns) noexcept {
  return std::all_of(row, row + columns, [](T x) { return x == T(0); });
}

bool is_named(const uint64_t* named, int64_t row) noexcept {
  return (named[row / 64] >> (row % 64) & 1) != 0;
}

}  // namespace

template <class T>
Embedding<T>::Embedding(const EmbeddingOptions& options)
    : ColumnLayer<T>(options.columns, options.units, options.learning), options_(options) {
  check_options(options_);
}

template <class T>
Json Embedding<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> Embedding<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void Embedding<T>::take_parameters(ParameterAllocator& allocator) {
  for (const int64_t categories : options_.categories) {
    first_rows_.push_back(rows_);
    rows_ += categories + 1;
  }
  offset_ = allocator.take(rows_ * this->row_stride());
}

template <class T>
std::vector<Parameter> Embedding<T>::parameters() const {
  Parameter weight = rows_parameter<T>("weight", {rows_, this->units()}, offset_);
  options_.learning.apply(weight);
  weight.partly_updated = true;
  return {weight};
}

template <class T>
int64_t Embedding<T>::multiply_adds() const {
  return static_cast<int64_t>(options_.columns.size()) * this->units();
}

template <class T>
bool Embedding<T>::initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const {
  const Parameter weight = parameters().front();
  const std::vector<double> values =
      normal_values(weight.element_count(), options_.deviation, seed, layer_index, 0, poll);
  if (values.empty()) return false;
  const std::vector<T> dense(values.begin(), values.end());
  pack_parameter(weight, dense.data(), flat);
  return true;
}

template <class T>
void Embedding<T>::embed(const RowPass<T>& pass) const noexcept {
  for (size_t i = 0; i < this->places().size(); ++i)
    pass.kernels.gather_table_rows({.rows = pass.rows,
                                    .units = this->units(),
                                    .count = options_.categories[i],
                                    .x = pass.input_values() + this->places()[i].input,
                                    .x_row_stride = pass.input.row_stride,
                                    .table = pass.parameters + offset_ + first_rows_[i] * this->row_stride(),
                                    .y = pass.output_values() + this->places()[i].output,
                                    .y_row_stride = pass.output.row_stride});
}

// Codes have no derivative.
template <class T>
void Embedding<T>::embed_backward(const RowPass<T>& pass) const noexcept {
  for (const auto& place : this->places())
    for (int64_t row = 0; row < pass.rows; ++row)
      pass.input_delta()[row * pass.input.row_stride + place.input] = T(0);
}

// Many enough that each looks through the batch's codes at little cost, and few enough to be shared.
template <class T>
int64_t Embedding<T>::rows_per_task() const noexcept {
  constexpr int64_t kElements = 1 << 14, kTasks = 64;
  const int64_t rows = std::max((rows_ + kTasks - 1) / kTasks, kElements / this->row_stride());
  return std::clamp(rows, int64_t{1}, kMostTaskRows);
}

template <class T>
int Embedding<T>::gradient_task_count(int64_t) const noexcept {
  if (!options_.learning.trainable) return 0;
  return static_cast<int>((rows_ + rows_per_task() - 1) / rows_per_task());
}

template <class T>
int64_t Embedding<T>::gradient_scratch_size(int64_t) const noexcept {
  return std::min(rows_per_task(), rows_) * this->row_stride();
}

template <class T>
void Embedding<T>::add_rows(const Range& range, const GradientPass<T>& pass, T* sums,
                            uint64_t* named) const noexcept {
  for (size_t i = 0; i < first_rows_.size(); ++i) {
    const int64_t table_rows = options_.categories[i] + 1;
    const int64_t first = std::max(range.first - first_rows_[i], int64_t{0});
    const int64_t last = std::min(range.last - first_rows_[i], table_rows);
    if (first >= last) continue;
    const int64_t place = first_rows_[i] + first - range.first;
    pass.kernels.sum_table_rows({.rows = pass.batch_rows,
                                 .units = this->units(),
                                 .count = options_.categories[i],
                                 .x = pass.input.values + this->places()[i].input,
                                 .x_row_stride = pass.input.row_stride,
                                 .dy = pass.output.delta + this->places()[i].output,
                                 .dy_row_stride = pass.output.row_stride,
                                 .first = first,
                                 .last = last,
                                 .sums = sums + place * this->row_stride(),
                                 .named = named,
                                 .first_bit = place});
  }
}

template <class T>
void Embedding<T>::run_gradient_task(int task, int64_t, int first_parameter,
                                     const GradientPass<T>& pass) const noexcept {
  const int64_t stride = this->row_stride();
  const Range range{task * rows_per_task(), std::min((task + 1) * rows_per_task(), rows_)};
  const int64_t rows = range.last - range.first, offset = offset_ + range.first * stride;
  T* sums = pass.gradients ? pass.gradients + offset : pass.scratch;
  // Rows without a gradient rest where that is what the update would do, or what was asked for.
  const bool in_part =
      pass.updater != nullptr && (options_.sparse || pass.updater->rests_at_zero(first_parameter));
  uint64_t named[kMostTaskRows / 64];
  std::fill_n(named, (rows + 63) / 64, pass.compute ? uint64_t{0} : ~uint64_t{0});
  if (pass.compute) add_rows(range, pass, sums, named);
  if (pass.gradients != nullptr || !in_part)
    for (int64_t row = 0; row < rows; ++row)
      if (!is_named(named, row)) std::fill_n(sums + row * stride, stride, T(0));
  if (pass.updater == nullptr) return;
  if (!in_part) return pass.updater->update(first_parameter, offset, rows * stride, {sums});
  pass.updater->begin_part(offset, rows * stride);
  for (int64_t row = 0; row < rows; ++row)
    if (is_named(named, row) && !is_zero(sums + row * stride, stride))
      pass.updater->update(first_parameter, offset + row * stride, stride, {sums + row * stride});
}

template class Embedding<float>;
template class Embedding<double>;

}  // namespace lamina
