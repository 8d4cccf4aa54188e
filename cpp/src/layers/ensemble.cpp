// The parts of an ensemble, and the mean over its members.
#include "layers/ensemble.h"

#include <string>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "layers/rows.h"

namespace lamina {

namespace {

[[noreturn]] void fail(TextParts what) { throw_error(Error::Kind::kValue, {"Ensemble: ", what}); }

// Takes the last layer, of which each member has its own.
template <class T>
DenseOptions take_head(std::vector<std::unique_ptr<Layer<T>>>& layers) {
  if (layers.empty()) fail({"expected at least one layer, got none"});
  if (layers.back()->kind() != LayerKind::kDense)
    fail({"expected a Dense layer, with its activation, as the last of its layers, got ",
          class_name(layers.back()->kind())});
  DenseOptions head = static_cast<const Dense<T>&>(*layers.back()).options();
  if (head.activation.name == "log_softmax" || head.activation.name == "log_sigmoid")
    fail({"expected '", head.activation.name.substr(4), "' as the last activation, got '",
          head.activation.name,
          "': its predictions are means over the members, of probabilities, not of logarithms"});
  layers.pop_back();
  return head;
}

}  // namespace

template <class T>
Ensemble<T>::Ensemble(std::vector<std::unique_ptr<Layer<T>>> layers, const EnsembleOptions& options)
    : options_((check_options(options), options)),
      layers_(std::move(layers)),
      expand_({.members = options.k,
               .expands = true,
               .learning = options.learning,
               .first_scales = options.first_scales,
               .chunks = options.chunks}),
      heads_(options.k, take_head(layers_)) {}

template <class T>
Json Ensemble<T>::spec() const {
  Json::Array layers;
  for (const auto& layer : layers_) layers.push_back(layer->spec());
  layers.push_back(heads_.spec());
  Json json = options_to_json(options_);
  json["layers"] = std::move(layers);
  return json;
}

template <class T>
std::unique_ptr<Layer<T>> Ensemble<T>::unbuilt_copy() const {
  std::vector<std::unique_ptr<Layer<T>>> layers;
  for (const auto& layer : layers_) layers.push_back(layer->unbuilt_copy());
  layers.push_back(std::make_unique<Dense<T>>(head()));
  return make_ensemble<T>(std::move(layers), options_);
}

template <class T>
std::vector<Layer<T>*> Ensemble<T>::adapt(const Dense<T>& dense, int64_t inputs, bool expanded) {
  std::vector<Layer<T>*> parts;
  const auto add = [&](std::unique_ptr<Layer<T>> part) {
    parts.push_back(part.get());
    adapted_.push_back(std::move(part));
  };
  MemberRowsOptions before{.members = options_.k, .learning = options_.learning};
  if (!expanded) add(std::make_unique<MemberRows<T>>(before));
  DenseOptions shared = dense.options();
  shared.activation = {};
  shared.bias = false;
  add(std::make_unique<Dense<T>>(shared));
  MemberRowsOptions after{.members = options_.k,
                          .scale_name = "output_scales",
                          .learning = options_.learning,
                          .activation = dense.options().activation};
  if (dense.options().bias) {
    LearningOptions learning = dense.options().learning;
    learning.rate_factor *= dense.options().bias_rate_factor;
    learning.decay_factor *= dense.options().bias_decay_factor;
    after.bias = {dense.options().bias_initializer, inputs, learning};
  }
  add(std::make_unique<MemberRows<T>>(after));
  return parts;
}

// The mean of k rows of `input`, one after another, to each of `output`.
template <class T>
void Ensemble<T>::forward(const RowPass<T>& pass) const noexcept {
  const int64_t k = options_.k, columns = padded_columns<T>(pass.output.columns);
  const T* from = pass.input.values + pass.first_row * k * pass.input.row_stride;
  T* to = pass.output_values();
  for (int64_t row = 0; row < pass.rows; ++row, to += pass.output.row_stride) {
    pass.kernels.column_sums(k, columns, from + row * k * pass.input.row_stride, pass.input.row_stride, to);
    pass.kernels.scale_values(columns, T(1) / static_cast<T>(k), to);
  }
}

template <class T>
void Ensemble<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  const int64_t k = options_.k, columns = padded_columns<T>(pass.output.columns);
  T* to = pass.input.delta + pass.first_row * k * pass.input.row_stride;
  for (int64_t row = 0; row < pass.rows * k; ++row, to += pass.input.row_stride) {
    copy_rows(1, pass.output.columns, pass.output_delta() + row / k * pass.output.row_stride,
              pass.output.row_stride, to, pass.input.row_stride);
    pass.kernels.scale_values(columns, T(1) / static_cast<T>(k), to);
  }
}

template class Ensemble<float>;
template class Ensemble<double>;

}  // namespace lamina
