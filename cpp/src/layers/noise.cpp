// Alpha dropout and normal noise: what was drawn is drawn again in backward, so nothing is stored.
#include "layers/noise.h"

#include <cmath>

#include "base/json_reader.h"
#include "layers/rows.h"

namespace lamina {

namespace {

// What becomes of kept and of dropped values where the rest is to keep mean and variance.
struct AlphaNumbers {
  double scale, added, dropped;
};

// The rate that the kernel keeps, in steps of 1 / 65536.
template <class T>
double kept_rate(double rate) noexcept {
  return std::floor((1.0 - static_cast<double>(static_cast<T>(rate))) * 65536.0 + 0.5) / 65536.0;
}

template <class T>
AlphaNumbers alpha_numbers(double rate) noexcept {
  // -scale * alpha of selu, its limit at minus infinity.
  constexpr double kLimit = -1.7580993408473768599;
  const double keep = kept_rate<T>(rate);
  const double scale = 1.0 / std::sqrt(keep + kLimit * kLimit * keep * (1.0 - keep));
  const double added = -scale * (1.0 - keep) * kLimit;
  return {scale, added, scale * kLimit + added};
}

}  // namespace

template <class T>
AlphaDropout<T>::AlphaDropout(const AlphaDropoutOptions& options) : options_(options) {
  check_options(options_);
  if (kept_rate<T>(options_.rate) == 0.0)
    throw_error(Error::Kind::kValue,
                {"AlphaDropout: expected a 'rate' below 1, got ", Json(options_.rate).dump()});
}

template <class T>
Json AlphaDropout<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> AlphaDropout<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void AlphaDropout<T>::drop(const RowPass<T>& pass, T* values, int64_t row_stride,
                           bool backward) const noexcept {
  const double rate = options_.rate * pass.noise_factor;
  if (!pass.training || rate == 0.0) return;
  AlphaNumbers numbers = alpha_numbers<T>(rate);
  if (backward) numbers.added = numbers.dropped = 0.0;
  pass.kernels.alpha_dropout_rows({pass.first_row, pass.rows, pass.input.columns, values, row_stride,
                                   pass.seed, pass.step, pass.layer_index, static_cast<T>(rate),
                                   static_cast<T>(numbers.scale), static_cast<T>(numbers.added),
                                   static_cast<T>(numbers.dropped)});
}

template <class T>
void AlphaDropout<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  drop(pass, pass.output_values(), pass.output.row_stride, false);
}

template <class T>
void AlphaDropout<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  copy_backward(pass);
  drop(pass, pass.input_delta(), pass.input.row_stride, true);
}

template <class T>
GaussianNoise<T>::GaussianNoise(const GaussianNoiseOptions& options) : options_(options) {
  check_options(options_);
}

template <class T>
Json GaussianNoise<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> GaussianNoise<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
void GaussianNoise<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  const double deviation = options_.deviation * pass.noise_factor;
  if (pass.training && deviation > 0.0)
    pass.kernels.noise_rows(pass.first_row, pass.rows, pass.input.columns, pass.output_values(),
                            pass.output.row_stride, pass.seed, pass.step, pass.layer_index,
                            static_cast<T>(deviation));
}

template <class T>
void GaussianNoise<T>::backward(const RowPass<T>& pass) const noexcept {
  if (pass.input_delta_wanted) copy_backward(pass);
}

template class AlphaDropout<float>;
template class AlphaDropout<double>;
template class GaussianNoise<float>;
template class GaussianNoise<double>;

}  // namespace lamina
