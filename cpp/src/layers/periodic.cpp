// Periodic embeddings: waves of a number, then a small linear map, in blocks of rows.
#include "layers/periodic.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/json.h"

namespace lamina {

using kernels::Product;
using kernels::ProductInit;

namespace {

// Rows of a block, a line of elements, whose waves and outputs lie on the stack ...
template <class T>
constexpr int64_t kBlock = padded_columns<T>(1);
constexpr int64_t kMostWaves = 2 * kMostFrequencies;
// ... and in scratch.
constexpr int64_t kGradientBlock = 64;

}  // namespace

template <class T>
Periodic<T>::Periodic(const PeriodicOptions& options)
    : ColumnLayer<T>(options.columns, options.units, options.learning), options_(options) {
  check_options(options_);
  if (!options_.activation) options_.activation = {has_phases() ? "identity" : "relu"};
}

template <class T>
Json Periodic<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> Periodic<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void Periodic<T>::take_parameters(ParameterAllocator& allocator) {
  const int64_t columns = std::ssize(this->places()), maps = options_.shared ? 1 : columns;
  frequencies_ = allocator.take(columns * frequency_stride());
  if (has_phases()) phases_ = allocator.take(columns * frequency_stride());
  weight_ = allocator.take(maps * weight_size());
  bias_ = allocator.take(maps * made_stride());
}

template <class T>
std::vector<Parameter> Periodic<T>::parameters() const {
  const int64_t columns = std::ssize(this->places());
  std::vector<int64_t> weight{columns, mapped_waves(), made()}, bias{columns, made()};
  if (options_.shared) {
    weight.erase(weight.begin());
    bias.erase(bias.begin());
  }
  std::vector<Parameter> parameters;
  parameters.push_back(rows_parameter<T>("frequencies", {columns, options_.frequencies}, frequencies_));
  if (has_phases()) {
    parameters.push_back(rows_parameter<T>("phases", {columns, options_.frequencies}, phases_));
    parameters.back().decays = false;
  }
  parameters.push_back(rows_parameter<T>("weight", weight, weight_));
  parameters.push_back(rows_parameter<T>("bias", bias, bias_));
  parameters.back().decays = false;
  for (Parameter& parameter : parameters) options_.learning.apply(parameter);
  return parameters;
}

// A sine and a cosine count as much as ten.
template <class T>
int64_t Periodic<T>::multiply_adds() const {
  return static_cast<int64_t>(std::ssize(this->places())) *
         (10 * options_.frequencies + mapped_waves() * made());
}

template <class T>
bool Periodic<T>::initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const {
  const double bound = 1.0 / std::sqrt(static_cast<double>(mapped_waves()));
  uint32_t tensor = 0;
  for (const Parameter& parameter : parameters()) {
    const int64_t count = parameter.element_count();
    const auto uniform = [&](double most) {
      return uniform_values(count, most, seed, layer_index, tensor, poll);
    };
    const std::vector<double> values =
        parameter.name == "frequencies"
            ? normal_values(count, options_.sigma, seed, layer_index, tensor, poll)
        : parameter.name == "phases" ? uniform(std::numbers::pi)
                                     : uniform(bound);
    if (values.empty()) return false;
    const std::vector<T> dense(values.begin(), values.end());
    pack_parameter(parameter, dense.data(), flat);
    ++tensor;
  }
  return true;
}

template <class T>
typename Periodic<T>::Offsets Periodic<T>::offsets(size_t column) const noexcept {
  const auto own = static_cast<int64_t>(column), map = options_.shared ? 0 : own;
  return {frequencies_ + own * frequency_stride(), phases_ + own * frequency_stride(),
          weight_ + map * weight_size(), bias_ + map * made_stride()};
}

template <class T>
kernels::Waves<T> Periodic<T>::waves_of(size_t column, int64_t rows, const T* x, int64_t x_row_stride,
                                        const T* parameters, T* waves) const noexcept {
  const Offsets at = offsets(column);
  return {.rows = rows,
          .count = options_.frequencies,
          .x = x,
          .x_row_stride = x_row_stride,
          .frequencies = parameters + at.frequencies,
          .phases = has_phases() ? parameters + at.phases : nullptr,
          .waves = waves,
          .wave_row_stride = wave_stride()};
}

// y = f(b + W waves(x)), and before it x itself; all of it 0 where x is missing.
template <class T>
void Periodic<T>::embed(const RowPass<T>& pass) const noexcept {
  alignas(64) T waves[kBlock<T> * kMostWaves], made_rows[kBlock<T> * kMostWaveUnits];
  for (size_t i = 0; i < this->places().size(); ++i)
    for (int64_t first = 0; first < pass.rows; first += kBlock<T>) {
      const int64_t rows = std::min(kBlock<T>, pass.rows - first), from = pass.input.row_stride;
      const T* x = pass.input_values() + first * from + this->places()[i].input;
      T* y = pass.output_values() + first * pass.output.row_stride + this->places()[i].output;
      pass.kernels.waves_forward(waves_of(i, rows, x, from, pass.parameters, waves));
      for (int64_t r = 0; r < rows; ++r)
        std::copy_n(pass.parameters + offsets(i).bias, made_stride(), made_rows + r * made_stride());
      Product<T> product{};
      product.rows = rows;
      product.columns = made_stride();
      product.depth = mapped_waves();
      product.a = waves;
      product.a_row_stride = wave_stride();
      product.a_depth_stride = 1;
      product.b = pass.parameters + offsets(i).weight;
      product.b_row_stride = made_stride();
      product.c = made_rows;
      product.c_row_stride = made_stride();
      product.init = ProductInit::kAccumulate;
      pass.kernels.product(product);
      for (int64_t r = 0; r < rows; ++r, y += pass.output.row_stride) {
        const T number = x[r * from];
        const T* row = made_rows + r * made_stride();
        if (number != number) {
          std::fill_n(y, this->units(), T(0));
          continue;
        }
        T* to = y;
        if (keeps_input()) *to++ = number;
        for (int64_t u = 0; u < made(); ++u) to[u] = has_relu() && row[u] < T(0) ? T(0) : row[u];
      }
    }
}

template <class T>
void Periodic<T>::read_deltas(int64_t rows, const T* x, int64_t x_row_stride, const T* y, const T* dy,
                              int64_t y_row_stride, T* deltas) const noexcept {
  const int64_t skipped = keeps_input() ? 1 : 0;
  for (int64_t r = 0; r < rows; ++r, deltas += made_stride()) {
    std::fill_n(deltas, made_stride(), T(0));
    const T number = x[r * x_row_stride];
    if (number != number) continue;
    const T *from = dy + r * y_row_stride + skipped, *value = y + r * y_row_stride + skipped;
    for (int64_t u = 0; u < made(); ++u) deltas[u] = has_relu() && !(value[u] > T(0)) ? T(0) : from[u];
  }
}

// The product's columns are rows of the batch here, so that no weight need be transposed.
template <class T>
void Periodic<T>::embed_backward(const RowPass<T>& pass) const noexcept {
  constexpr int64_t block = kBlock<T>;
  alignas(64) T waves[block * kMostWaves], wave_deltas[block * kMostWaves];
  alignas(64) T deltas[block * kMostWaveUnits], turned[block * kMostWaveUnits];
  alignas(64) T products[block * kMostWaves];
  for (size_t i = 0; i < this->places().size(); ++i)
    for (int64_t first = 0; first < pass.rows; first += block) {
      const int64_t rows = std::min(block, pass.rows - first);
      const int64_t from = pass.input.row_stride, to = pass.output.row_stride;
      const T* x = pass.input_values() + first * from + this->places()[i].input;
      const T* y = pass.output_values() + first * to + this->places()[i].output;
      const T* dy = pass.output_delta() + first * to + this->places()[i].output;
      T* dx = pass.input_delta() + first * from + this->places()[i].input;
      read_deltas(rows, x, from, y, dy, to, deltas);
      std::fill_n(turned, block * made_stride(), T(0));
      pass.kernels.transpose(rows, made_stride(), deltas, made_stride(), turned, block);
      Product<T> product{};
      product.rows = mapped_waves();
      product.columns = block;
      product.depth = made();
      product.a = pass.parameters + offsets(i).weight;
      product.a_row_stride = made_stride();
      product.a_depth_stride = 1;
      product.b = turned;
      product.b_row_stride = block;
      product.c = products;
      product.c_row_stride = block;
      pass.kernels.product(product);
      pass.kernels.transpose(mapped_waves(), block, products, block, wave_deltas, wave_stride());
      const kernels::Waves<T> forward = waves_of(i, rows, x, from, pass.parameters, waves);
      pass.kernels.waves_forward(forward);
      pass.kernels.waves_backward({.forward = forward,
                                   .cosines_only = has_phases(),
                                   .deltas = wave_deltas,
                                   .delta_row_stride = wave_stride(),
                                   .dx = dx,
                                   .dx_row_stride = from});
      if (!keeps_input()) continue;
      for (int64_t r = 0; r < rows; ++r)
        if (x[r * from] == x[r * from]) dx[r * from] += dy[r * to];
    }
}

template <class T>
int Periodic<T>::gradient_task_count(int64_t) const noexcept {
  if (!options_.learning.trainable) return 0;
  return options_.shared ? 1 : static_cast<int>(this->places().size());
}

template <class T>
int64_t Periodic<T>::gradient_scratch_size(int64_t) const noexcept {
  const int64_t columns = options_.shared ? static_cast<int64_t>(std::ssize(this->places())) : 1;
  const int64_t memory = kGradientBlock * (2 * wave_stride() + made_stride()) + made_stride() * wave_stride();
  return memory + weight_size() + made_stride() + 2 * columns * frequency_stride();
}

template <class T>
void Periodic<T>::add_gradients(size_t column, const GradientPass<T>& pass, const Memory& memory,
                                const Gradients& out) const noexcept {
  const int64_t from = pass.input.row_stride, to = pass.output.row_stride;
  const T* weight = pass.parameters + offsets(column).weight;
  std::fill_n(memory.transposed, made_stride() * wave_stride(), T(0));
  pass.kernels.transpose(mapped_waves(), made_stride(), weight, made_stride(), memory.transposed,
                         wave_stride());
  for (int64_t first = 0; first < pass.batch_rows; first += kGradientBlock) {
    const int64_t rows = std::min(kGradientBlock, pass.batch_rows - first);
    const T* x = pass.input.values + first * from + this->places()[column].input;
    const int64_t place = first * to + this->places()[column].output;
    const kernels::Waves<T> forward = waves_of(column, rows, x, from, pass.parameters, memory.waves);
    pass.kernels.waves_forward(forward);
    read_deltas(rows, x, from, pass.output.values + place, pass.output.delta + place, to, memory.deltas);
    // dW [waves, made] += waves' [waves, rows] dz [rows, made]
    Product<T> product{};
    product.rows = mapped_waves();
    product.columns = made_stride();
    product.depth = rows;
    product.a = memory.waves;
    product.a_row_stride = 1;
    product.a_depth_stride = wave_stride();
    product.b = memory.deltas;
    product.b_row_stride = made_stride();
    product.c = out.weight;
    product.c_row_stride = made_stride();
    product.init = ProductInit::kAccumulate;
    pass.kernels.product(product);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t u = 0; u < made(); ++u) out.bias[u] += memory.deltas[r * made_stride() + u];
    // dwaves [rows, waves] = dz [rows, made] W' [made, waves]
    product = {};
    product.rows = rows;
    product.columns = padded_columns<T>(mapped_waves());
    product.depth = made();
    product.a = memory.deltas;
    product.a_row_stride = made_stride();
    product.a_depth_stride = 1;
    product.b = memory.transposed;
    product.b_row_stride = wave_stride();
    product.c = memory.wave_deltas;
    product.c_row_stride = wave_stride();
    pass.kernels.product(product);
    pass.kernels.waves_gradients({.forward = forward,
                                  .cosines_only = has_phases(),
                                  .deltas = memory.wave_deltas,
                                  .delta_row_stride = wave_stride(),
                                  .frequencies = out.frequencies,
                                  .phases = out.phases});
  }
}

template <class T>
void Periodic<T>::run_gradient_task(int task, int64_t, int first_parameter,
                                    const GradientPass<T>& pass) const noexcept {
  const size_t first = options_.shared ? 0 : static_cast<size_t>(task);
  const size_t last = options_.shared ? this->places().size() : first + 1;
  const Offsets at = offsets(first);
  const int64_t rates = static_cast<int64_t>(last - first) * frequency_stride();
  T* next = pass.scratch;
  const auto take = [&](int64_t size) { return std::exchange(next, next + size); };
  const Memory memory{take(kGradientBlock * wave_stride()), take(kGradientBlock * wave_stride()),
                      take(kGradientBlock * made_stride()), take(made_stride() * wave_stride())};
  const auto place = [&](int64_t offset, int64_t size) {
    T* out = pass.gradients != nullptr ? pass.gradients + offset : take(size);
    if (pass.compute) std::fill_n(out, size, T(0));
    return out;
  };
  const Gradients out{place(at.frequencies, rates), has_phases() ? place(at.phases, rates) : nullptr,
                      place(at.weight, weight_size()), place(at.bias, made_stride())};
  for (size_t column = first; pass.compute && column < last; ++column) {
    const int64_t own = static_cast<int64_t>(column - first) * frequency_stride();
    add_gradients(column, pass, memory,
                  {out.frequencies + own, has_phases() ? out.phases + own : nullptr, out.weight, out.bias});
  }
  if (pass.updater == nullptr) return;
  int parameter = first_parameter;
  pass.updater->update(parameter++, at.frequencies, rates, {out.frequencies});
  if (has_phases()) pass.updater->update(parameter++, at.phases, rates, {out.phases});
  pass.updater->update(parameter++, at.weight, weight_size(), {out.weight});
  pass.updater->update(parameter, at.bias, made_stride(), {out.bias});
}

template class Periodic<float>;
template class Periodic<double>;

}  // namespace lamina
