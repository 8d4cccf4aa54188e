// The parts of a residual block: where it forks, what skips, and the sum.
#include "layers/residual.h"

#include <utility>

#include "base/json.h"
#include "layers/dense.h"
#include "layers/rows.h"

namespace lamina {

namespace {

// Inside the block the input's values are seen through a view with a delta of its own, which joins that of
// the skip in the backward pass.
template <class T>
class Fork final : public Layer<T> {
 public:
  LayerKind kind() const noexcept override { return LayerKind::kResidual; }
  Json spec() const override { return options_to_json(ResidualOptions{}); }
  std::unique_ptr<Layer<T>> unbuilt_copy() const override { return std::make_unique<Fork>(); }
  void forward(const RowPass<T>&) const noexcept override {}
  void backward(const RowPass<T>& pass) const noexcept override {
    if (!pass.input_delta_wanted) return;
    pass.kernels.add_rows(pass.rows, padded_columns<T>(pass.input.columns), pass.output_delta(),
                          pass.output.row_stride, pass.input_delta(), pass.input.row_stride);
  }
};

template <class T>
class Identity final : public Layer<T> {
 public:
  LayerKind kind() const noexcept override { return LayerKind::kResidual; }
  Json spec() const override { return options_to_json(ResidualOptions{}); }
  std::unique_ptr<Layer<T>> unbuilt_copy() const override { return std::make_unique<Identity>(); }
  void forward(const RowPass<T>& pass) const noexcept override { copy_forward(pass); }
  void backward(const RowPass<T>& pass) const noexcept override {
    if (!pass.input_delta_wanted) return;
    copy_backward(pass);
  }
};

}  // namespace

template <class T>
Residual<T>::Residual(std::vector<std::unique_ptr<Layer<T>>> layers, const ResidualOptions& options)
    : layers_(std::move(layers)), fork_(std::make_unique<Fork<T>>()), options_(options) {
  check_options(options_);
  if (layers_.empty())
    throw_error(Error::Kind::kValue, {"Residual: expected at least one layer in the block, got none"});
}

template <class T>
Json Residual<T>::spec() const {
  Json::Array layers;
  for (const auto& layer : layers_) layers.push_back(layer->spec());
  Json json = options_to_json(options_);
  json["layers"] = std::move(layers);
  return json;
}

template <class T>
std::unique_ptr<Layer<T>> Residual<T>::unbuilt_copy() const {
  std::vector<std::unique_ptr<Layer<T>>> layers;
  for (const auto& layer : layers_) layers.push_back(layer->unbuilt_copy());
  return make_residual<T>(std::move(layers), options_);
}

template <class T>
Layer<T>& Residual<T>::make_skip(int64_t inputs, int64_t outputs) {
  if (options_.projection == Projection::kNever && inputs != outputs)
    throw_error(Error::Kind::kValue,
                {"Residual: expected as many outputs of the inner layers as inputs, ", inputs, ", got ",
                 outputs, "; without projection=False a learned projection joins them"});
  projects_ = options_.projection == Projection::kAlways || inputs != outputs;
  if (projects_) {
    // Without bias: the block's last layer has one.
    skip_ = std::make_unique<Dense<T>>(
        DenseOptions{.units = outputs, .bias = false, .learning = options_.learning});
  } else {
    skip_ = std::make_unique<Identity<T>>();
  }
  return *skip_;
}

template <class T>
void Residual<T>::forward(const RowPass<T>& pass) const noexcept {
  pass.kernels.add_rows(pass.rows, padded_columns<T>(pass.input.columns), pass.input_values(),
                        pass.input.row_stride, pass.output_values(), pass.output.row_stride);
}

template <class T>
void Residual<T>::backward(const RowPass<T>& pass) const noexcept {
  copy_backward(pass);
}

template class Residual<float>;
template class Residual<double>;

}  // namespace lamina
