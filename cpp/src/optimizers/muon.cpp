// Newton-Schulz iterations on weight matrices, shared out by rows.
#include "optimizers/muon.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace lamina {

namespace {

// Jordan's quintic x (a + b x^2 + c x^4): singular values in (0, 1] come near 1 in five iterations.
constexpr double kLinear = 3.4445, kCubic = -4.7750, kQuintic = 2.0315;
constexpr double kSmallestNorm = 1e-7;
// Rows of a product between two checks for an interrupt.
constexpr int64_t kRowsPerCheck = 48;

bool is_weight(const Parameter& p) { return p.layout == ParameterLayout::kPanelWeight; }
// Not one for each member of an ensemble.
bool is_matrix(const Parameter& p) { return is_weight(p) && p.shape.size() == 2; }

double scale_of(const MuonOptions& options, const Parameter& p) {
  const auto outputs = static_cast<double>(p.shape[0]), inputs = static_cast<double>(p.shape[1]);
  return options.match_adamw ? 0.2 * std::sqrt(std::max(outputs, inputs))
                             : std::sqrt(std::max(1.0, outputs / inputs));
}

}  // namespace

std::vector<double> muon_scales(const MuonOptions& options, const std::vector<Parameter>& parameters) {
  const Parameter *first = nullptr, *last = nullptr;
  for (const Parameter& p : parameters) {
    if (!is_weight(p)) continue;
    if (first == nullptr) first = &p;
    last = &p;
  }
  std::vector<double> scales;
  for (const Parameter& p : parameters) {
    const bool end = &p == first || &p == last;
    const bool own = is_matrix(p) && p.trainable && (options.first_and_last || !end);
    scales.push_back(own ? scale_of(options, p) : 0.0);
  }
  if (std::ranges::all_of(scales, [](double scale) { return scale == 0.0; }))
    throw_error(Error::Kind::kValue,
                {"optimizer muon: expected trainable weights between hidden layers (at least three Dense "
                 "layers), got none; use adamw, or first_and_last"});
  return scales;
}

template <class T>
Muon<T>::Muon(const MuonOptions& options, const std::vector<Parameter>& parameters,
              const std::vector<double>& scales, int64_t flat_size, const kernels::KernelTable<T>& table)
    : table_(table),
      share_(static_cast<T>(1.0 - options.momentum)),
      nesterov_(options.nesterov),
      iterations_(static_cast<int>(options.iterations)),
      directions_(flat_size) {
  int64_t rows = 0, both = 0, gram = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (scales[i] == 0.0) continue;
    matrices_.push_back(parameters[i]);
    const int64_t outputs = parameters[i].shape[0], inputs = parameters[i].shape[1];
    const int64_t smaller = std::min(inputs, outputs);
    rows = std::max(rows, smaller);
    // A transpose also writes the rows that stand for padding columns.
    both = std::max({both, padded_columns<T>(inputs) * row_stride_for<T>(outputs),
                     padded_columns<T>(outputs) * row_stride_for<T>(inputs)});
    gram = std::max(gram, smaller * row_stride_for<T>(smaller));
    const auto small = static_cast<double>(smaller), large = static_cast<double>(std::max(inputs, outputs));
    multiply_adds_ += iterations_ * small * small * (2.0 * large + small);
  }
  wide_ = AlignedBuffer<T>(both);
  tall_ = AlignedBuffer<T>(both);
  next_ = AlignedBuffer<T>(both);
  gram_ = AlignedBuffer<T>(gram);
  polynomial_ = AlignedBuffer<T>(gram);
  row_sums_ = AlignedBuffer<double>(rows);
}

template <class T>
bool Muon<T>::run(Team& team, const T* gradients, const T* momentum, FunctionRef<bool()> stopped) noexcept {
  for (const Parameter& matrix : matrices_) {
    form_momentum(team, matrix, gradients, momentum);
    team.barrier();
    if (!orthogonalise(team, matrix, stopped)) return false;
    team.barrier();
  }
  return true;
}

// The momentum after this step, seen from one gradient further on where Nesterov says so.
template <class T>
void Muon<T>::form_momentum(const Team& team, const Parameter& matrix, const T* gradients,
                            const T* momentum) noexcept {
  for_each_run<T>(matrix, [&](int64_t offset, int64_t count) {
    constexpr int64_t kLine = padded_columns<T>(1);
    const Team::Range own = team.share(count / kLine);
    const int64_t first = offset + own.first * kLine, n = (own.last - own.first) * kLine;
    std::copy_n(momentum + first, n, directions_.data() + first);
    for (int times = nesterov_ ? 2 : 1; times > 0; --times)
      table_.average_values(n, share_, gradients + first, directions_.data() + first);
  });
}

// rows [inputs, outputs]
template <class T>
void Muon<T>::load_rows(const Team& team, const Parameter& matrix, const Block& rows) noexcept {
  const Team::Range own = team.share(rows.rows);
  for (int64_t first = 0; first < matrix.outputs; first += matrix.panel_columns) {
    const int64_t width = std::min(matrix.panel_columns, padded_columns<T>(matrix.outputs) - first);
    const T* panel = directions_.data() + matrix.offset + first * matrix.panel_rows;
    for (int64_t i = own.first; i < own.last; ++i) std::copy_n(panel + i * width, width, rows.row(i) + first);
  }
}

template <class T>
void Muon<T>::store_rows(const Team& team, const Parameter& matrix, const Block& rows) noexcept {
  const Team::Range own = team.share(rows.rows);
  for (int64_t first = 0; first < matrix.outputs; first += matrix.panel_columns) {
    const int64_t width = std::min(matrix.panel_columns, padded_columns<T>(matrix.outputs) - first);
    T* panel = directions_.data() + matrix.offset + first * matrix.panel_rows;
    // Padding stays zero there.
    for (int64_t i = own.first; i < own.last; ++i)
      std::copy_n(rows.row(i) + first, std::min(width, matrix.outputs - first), panel + i * width);
  }
}

// Divides by the Frobenius norm, which bounds the largest singular value.
template <class T>
void Muon<T>::normalise(Team& team, const Block& rows) noexcept {
  const Team::Range own = team.share(rows.rows);
  const int64_t width = padded_columns<T>(rows.columns);
  for (int64_t i = own.first; i < own.last; ++i) {
    std::fill(rows.row(i) + rows.columns, rows.row(i) + width, T(0));
    row_sums_[i] = table_.sum_of_squares(width, rows.row(i));
  }
  team.barrier();
  const double norm = std::sqrt(std::accumulate(row_sums_.data(), row_sums_.data() + rows.rows, 0.0));
  const T factor = static_cast<T>(1.0 / std::max(norm, kSmallestNorm));
  for (int64_t i = own.first; i < own.last; ++i) table_.scale_values(width, factor, rows.row(i));
}

template <class T>
bool Muon<T>::orthogonalise(Team& team, const Parameter& matrix, FunctionRef<bool()> stopped) noexcept {
  const int64_t outputs = matrix.shape[0], inputs = matrix.shape[1];
  const int64_t small = std::min(inputs, outputs), large = std::max(inputs, outputs);
  Block x{wide_.data(), small, large, row_stride_for<T>(large)};
  Block next{next_.data(), small, large, x.stride};
  const Block transposed{tall_.data(), large, small, row_stride_for<T>(small)};
  const Block gram{gram_.data(), small, small, row_stride_for<T>(small)};
  const Block polynomial{polynomial_.data(), small, small, gram.stride};
  const bool upright = inputs <= outputs;  // x has the panels' rows
  load_rows(team, matrix, upright ? x : transposed);
  team.barrier();
  if (!upright) {
    transpose(team, transposed, x);
    team.barrier();
  }
  normalise(team, x);
  for (int i = 0; i < iterations_; ++i) {
    transpose(team, x, transposed);
    team.barrier();
    if (!multiply(team, x, transposed, nullptr, T(0), gram, stopped)) return false;
    team.barrier();
    if (!multiply(team, gram, gram, &gram, static_cast<T>(kCubic / kQuintic), polynomial, stopped))
      return false;
    const Team::Range own = team.share(small);
    for (int64_t row = own.first; row < own.last; ++row)
      table_.scale_values(padded_columns<T>(small), static_cast<T>(kQuintic), polynomial.row(row));
    // A member reads its own rows of the polynomial alone.
    if (!multiply(team, polynomial, x, &x, static_cast<T>(kLinear), next, stopped)) return false;
    std::swap(x, next);
  }
  if (!upright) {
    transpose(team, x, transposed);
    team.barrier();
  }
  store_rows(team, matrix, upright ? x : transposed);
  return true;
}

template <class T>
void Muon<T>::transpose(const Team& team, const Block& from, const Block& to) const noexcept {
  const Team::Range own = team.share(from.rows);
  if (own.first == own.last) return;
  table_.transpose(own.last - own.first, padded_columns<T>(from.columns), from.row(own.first), from.stride,
                   to.data + own.first, to.stride);
}

template <class T>
bool Muon<T>::multiply(const Team& team, const Block& left, const Block& right, const Block* before, T scale,
                       const Block& to, FunctionRef<bool()> stopped) const noexcept {
  const Team::Range own = team.share(to.rows);
  for (int64_t first = own.first; first < own.last; first += kRowsPerCheck) {
    if (stopped()) return false;
    const int64_t rows = std::min(kRowsPerCheck, own.last - first);
    const int64_t columns = padded_columns<T>(to.columns);
    for (int64_t i = first; before != nullptr && i < first + rows; ++i) {
      std::copy_n(before->row(i), columns, to.row(i));
      table_.scale_values(columns, scale, to.row(i));
    }
    kernels::Product<T> product{};
    product.rows = rows;
    product.columns = columns;
    product.depth = left.columns;
    product.a = left.row(first);
    product.a_row_stride = left.stride;
    product.a_depth_stride = 1;
    product.b = right.data;
    product.b_row_stride = right.stride;
    product.c = to.row(first);
    product.c_row_stride = to.stride;
    product.init = before ? kernels::ProductInit::kAccumulate : kernels::ProductInit::kZero;
    table_.product(product);
  }
  return true;
}

template class Muon<float>;
template class Muon<double>;

}  // namespace lamina
