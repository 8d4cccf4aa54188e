// Predictions of single rows with the lowest latency.
#pragma once

#include <lamina/cpp/model.hpp>

namespace lamina {
inline namespace v1 {

// An immutable copy of a network: predictions neither allocate nor lock, and any number of threads may share
// one.
class Predictor {
 public:
  explicit Predictor(const Model& net) : inputs_(net.inputs()), outputs_(net.outputs()) {
    lamina_predictor* predictor = nullptr;
    detail::check(lamina_predictor_create(net.handle(), &predictor));
    handle_.reset(predictor);
  }
  // x[rows, inputs] -> y[rows, outputs].
  void operator()(std::span<const float> x, std::span<float> y) const {
    detail::check(lamina_predictor_predict(handle_.get(), x.data(), rows(x.size(), y.size()), y.data()));
  }
  void operator()(std::span<const double> x, std::span<double> y) const {
    detail::check(
        lamina_predictor_predict_double(handle_.get(), x.data(), rows(x.size(), y.size()), y.data()));
  }
  [[nodiscard]] std::size_t inputs() const noexcept { return inputs_; }
  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_; }

 private:
  [[nodiscard]] std::size_t rows(std::size_t numbers, std::size_t results) const {
    if (numbers == inputs_ && results == outputs_) return 1;
    const std::size_t count = detail::rows_of(numbers, inputs_, "predict");
    if (results != count * outputs_)
      detail::refuse("predict: expected room for " + std::to_string(count * outputs_) + " outputs, got " +
                     std::to_string(results));
    return count;
  }

  std::size_t inputs_, outputs_;
  std::unique_ptr<lamina_predictor, detail::FreePredictor> handle_;
};

}  // namespace v1
}  // namespace lamina
