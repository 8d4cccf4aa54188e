// Alpha dropout and normal noise: what was drawn is drawn again in backward, so nothing is stored.
#include "layers/noise.h"

#include <cmath>

#include "base/json_reader.h"
#include "layers/rows.h"

namespace lamina {

template <class T>
AlphaDropout<T>::AlphaDropout(const AlphaDropoutOptions& options) : options_(options) {
  check_options(options_);
  // The rate that the kernel keeps, in steps of 1 / 65536.
  const double keep =
      std::floor((1.0 - static_cast<double>(static_cast<T>(options_.rate))) * 65536.0 + 0.5) / 65536.0;
  if (keep == 0.0)
    throw Error(Error::Kind::kValue,
                "AlphaDropout: expected a 'rate' below 1, got " + Json(options_.rate).dump());
  // -scale * alpha of selu, its limit at minus infinity.
  constexpr double kLimit = -1.7580993408473768599;
  scale_ = 1.0 / std::sqrt(keep + kLimit * kLimit * keep * (1.0 - keep));
  added_ = -scale_ * (1.0 - keep) * kLimit;
  dropped_ = scale_ * kLimit + added_;
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
void AlphaDropout<T>::drop(const RowPass<T>& pass, T* values, int64_t row_stride, double added,
                           double dropped) const noexcept {
  if (pass.training && options_.rate > 0.0)
    pass.kernels.alpha_dropout_rows({pass.first_row, pass.rows, pass.input.columns, values, row_stride,
                                     pass.seed, pass.step, pass.layer_index, static_cast<T>(options_.rate),
                                     static_cast<T>(scale_), static_cast<T>(added), static_cast<T>(dropped)});
}

template <class T>
void AlphaDropout<T>::forward(const RowPass<T>& pass) const noexcept {
  copy_forward(pass);
  drop(pass, pass.output_values(), pass.output.row_stride, added_, dropped_);
}

template <class T>
void AlphaDropout<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  copy_backward(pass);
  drop(pass, pass.input_delta(), pass.input.row_stride, 0.0, 0.0);
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
  if (pass.training && options_.deviation > 0.0)
    pass.kernels.noise_rows(pass.first_row, pass.rows, pass.input.columns, pass.output_values(),
                            pass.output.row_stride, pass.seed, pass.step, pass.layer_index,
                            static_cast<T>(options_.deviation));
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
