// The parts of a residual block: where it forks, what skips, and the sum.
#include "layers/residual.h"

#include "base/json_reader.h"
#include "layers/dense.h"
#include "layers/rows.h"

namespace lamina {

namespace {

// Inside the block the input's values are seen through a view with a delta of its own, which joins that of
// the skip on the way back.
template <class T>
class Fork final : public Layer<T> {
 public:
  const char* kind() const noexcept override { return "residual"; }
  Json spec() const override { return {{"kind", kind()}}; }
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
  const char* kind() const noexcept override { return "residual"; }
  Json spec() const override { return {{"kind", kind()}}; }
  void forward(const RowPass<T>& pass) const noexcept override { copy_forward(pass); }
  void backward(const RowPass<T>& pass) const noexcept override {
    if (!pass.input_delta_wanted) return;
    copy_backward(pass);
  }
};

}  // namespace

template <class T>
Residual<T>::Residual(const Json& json) : fork_(std::make_unique<Fork<T>>()) {
  const JsonReader spec(json, "Residual");
  spec.allow_only({"kind", "layers", "projection", "trainable", "rate_factor", "decay_factor"});
  for (const Json& layer : spec.list("layers", "layer")) layers_.push_back(make_layer<T>(layer));
  learning_.read(spec);
  if (!spec.has("projection") || spec.at("projection").is("auto")) return;
  if (!spec.at("projection").is_boolean())
    spec.fail("expected projection 'auto', true or false, got " + spec.at("projection").dump());
  projection_ = spec.boolean("projection", false) ? Projection::kAlways : Projection::kNever;
}

template <class T>
Json Residual<T>::spec() const {
  Json::Array layers;
  for (const auto& layer : layers_) layers.push_back(layer->spec());
  Json json = {{"kind", kind()}, {"layers", std::move(layers)}, {"projection", "auto"}};
  if (projection_ != Projection::kAuto) json["projection"] = projection_ == Projection::kAlways;
  learning_.write(json);
  return json;
}

template <class T>
Layer<T>& Residual<T>::make_skip(int64_t inputs, int64_t outputs) {
  if (projection_ == Projection::kNever && inputs != outputs)
    throw Error(Error::Kind::kValue, "Residual: expected as many outputs of the inner layers as inputs, " +
                                         std::to_string(inputs) + ", got " + std::to_string(outputs) +
                                         "; without projection=False a learned projection joins them");
  projects_ = projection_ == Projection::kAlways || inputs != outputs;
  if (projects_) {
    // Without bias: the block's last layer has one.
    Json dense = {{"kind", "dense"}, {"units", outputs}, {"bias", false}};
    learning_.write(dense);
    skip_ = std::make_unique<Dense<T>>(dense);
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
