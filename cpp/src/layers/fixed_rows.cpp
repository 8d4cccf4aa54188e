// Normalization, Affine and Clip.
#include "layers/fixed_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "layers/rows.h"

namespace lamina {

namespace {

// One element for each column; a single number is repeated as often as one call of the kernel needs.
template <class T>
AlignedBuffer<T> as_row(const std::vector<double>& values, int64_t columns, int64_t length,
                        const char* name) {
  const auto count = static_cast<int64_t>(values.size());
  if (count != 1 && count != columns)
    throw_error(Error::Kind::kValue,
                {"Affine: expected one '", name, "', or one for each of ", columns, " columns, got ", count});
  AlignedBuffer<T> row(length);
  for (int64_t i = 0; i < std::min(columns, length); ++i)
    row[i] = static_cast<T>(values[static_cast<size_t>(count == 1 ? 0 : i)]);
  return row;
}

}  // namespace

template <class T>
Json Normalization<T>::spec() const {
  return options_to_json(NormalizationOptions{});
}

template <class T>
std::unique_ptr<Layer<T>> Normalization<T>::unbuilt_copy() const {
  return make_layer<T>(NormalizationOptions{});
}

template <class T>
int64_t Normalization<T>::build(int64_t inputs, ParameterAllocator& allocator) {
  columns_ = inputs;
  mean_ = allocator.take(padded_columns<T>(inputs));
  mean_low_ = allocator.take(padded_columns<T>(inputs));
  deviation_ = allocator.take(padded_columns<T>(inputs));
  rows_ = allocator.take(padded_columns<T>(1));
  return inputs;
}

template <class T>
std::vector<Parameter> Normalization<T>::parameters() const {
  std::vector<Parameter> parameters = {
      row_parameter("mean", columns_, mean_), row_parameter("mean_low", columns_, mean_low_),
      row_parameter("deviation", columns_, deviation_), row_parameter("rows", 1, rows_)};
  for (Parameter& parameter : parameters) parameter.trainable = false;
  return parameters;
}

template <class T>
bool Normalization<T>::initialize(uint64_t, uint32_t, T* flat, Poll) const {
  std::fill_n(flat + mean_, columns_, T(0));
  std::fill_n(flat + mean_low_, columns_, T(0));
  std::fill_n(flat + deviation_, columns_, T(1));
  flat[rows_] = T(0);
  return true;
}

template <class T>
void Normalization<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  pass.kernels.standardize_rows(pass.rows, padded_columns<T>(columns_),
                                is_first_ ? nullptr : pass.parameters + mean_, pass.parameters + deviation_,
                                pass.output_values(), pass.output.row_stride);
}

template <class T>
void Normalization<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  copy_backward(pass);
  pass.kernels.standardize_rows(pass.rows, padded_columns<T>(columns_), nullptr, pass.parameters + deviation_,
                                pass.input_delta(), pass.input.row_stride);
}

template <class T>
Affine<T>::Affine(const AffineOptions& options) : options_(options) {
  check_options(options_);
}

template <class T>
Json Affine<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> Affine<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
int64_t Affine<T>::build(int64_t inputs, ParameterAllocator&) {
  // Memory in proportion to the description: two numbers of a file must not take a wide layer's.
  constexpr int64_t kColumnsAtOnce = 256;
  const bool plain = options_.scale.size() == 1 && options_.offset.size() == 1;
  columns_ = inputs;
  const int64_t length =
      plain ? std::min(padded_columns<T>(inputs), kColumnsAtOnce) : padded_columns<T>(inputs);
  scale_row_ = as_row<T>(options_.scale, inputs, length, "scale");
  offset_row_ = as_row<T>(options_.offset, inputs, length, "offset");
  return inputs;
}

template <class T>
void Affine<T>::scale_rows(const RowPass<T>& pass, const T* offset, T* values,
                           int64_t row_stride) const noexcept {
  const int64_t padded = padded_columns<T>(columns_), length = scale_row_.size();
  for (int64_t first = 0; first < padded; first += length)
    pass.kernels.affine_rows(pass.rows, std::min(length, padded - first), scale_row_.data(), offset,
                             values + first, row_stride);
}

template <class T>
const kernels::FeatureCodes* Affine<T>::keep_codes(const kernels::FeatureCodes& codes) {
  const std::vector<double>& scale = options_.scale;
  const bool shifts =
      std::any_of(options_.offset.begin(), options_.offset.end(), [](double x) { return x != 0.0; });
  const auto is_mask = [](double factor) { return factor == 0.0 || factor == 1.0; };
  if (shifts || std::ssize(scale) != columns_ || !std::all_of(scale.begin(), scale.end(), is_mask))
    return nullptr;
  const auto keeps = [&](int64_t feature) { return scale[static_cast<size_t>(feature)] != 0.0; };
  for (int64_t i = 0; i < codes.plain_count; ++i) {
    if (!keeps(codes.plain[i])) continue;
    kept_plain_.push_back(codes.plain[i]);
    kept_places_.push_back(i);
  }
  for (int64_t i = 0; i < codes.run_count; ++i) {
    const kernels::FeatureRun& run = codes.runs[i];
    for (int64_t k = 1; k < run.count; ++k)
      if (keeps(run.first + k) != keeps(run.first)) return nullptr;
    if (!keeps(run.first)) continue;
    kept_runs_.push_back(run);
    kept_places_.push_back(codes.plain_count + i);
  }
  kept_codes_ = {kept_plain_.data(), std::ssize(kept_plain_), kept_runs_.data(), std::ssize(kept_runs_)};
  return &kept_codes_;
}

template <class T>
void Affine<T>::forward(const RowPass<T>& pass) const noexcept {
  if (!passes_codes_) return scale_features(pass);
  const int64_t kept = std::ssize(kept_places_), padded = padded_columns<T>(kept);
  const T* from = pass.input_values();
  T* to = pass.output_values();
  for (int64_t row = 0; row < pass.rows; ++row, from += pass.input.row_stride, to += pass.output.row_stride) {
    for (int64_t i = 0; i < kept; ++i) to[i] = from[kept_places_[static_cast<size_t>(i)]];
    std::fill(to + kept, to + padded, T(0));
  }
}

template <class T>
void Affine<T>::scale_features(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  scale_rows(pass, offset_row_.data(), pass.output_values(), pass.output.row_stride);
}

template <class T>
void Affine<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  copy_backward(pass);
  scale_rows(pass, nullptr, pass.input_delta(), pass.input.row_stride);
}

template <class T>
Clip<T>::Clip(const ClipOptions& options) : options_(options) {
  check_options(options_);
}

template <class T>
Json Clip<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> Clip<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void Clip<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  T* row = pass.output_values();
  for (int64_t i = 0; i < pass.rows; ++i, row += pass.output.row_stride)
    pass.kernels.clamp_values(padded_columns<T>(pass.input.columns), static_cast<T>(options_.low),
                              static_cast<T>(options_.high), row);
}

template <class T>
void Clip<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  copy_backward(pass);
  pass.kernels.clip_backward_rows(pass.rows, padded_columns<T>(pass.input.columns),
                                  static_cast<T>(options_.low), static_cast<T>(options_.high),
                                  pass.input_values(), pass.input.row_stride, pass.input_delta(),
                                  pass.input.row_stride);
}

#define LAMINA_INSTANTIATE(T)      \
  template class Normalization<T>; \
  template class Affine<T>;        \
  template class Clip<T>;
LAMINA_INSTANTIATE(float)
LAMINA_INSTANTIATE(double)
#undef LAMINA_INSTANTIATE

}  // namespace lamina
