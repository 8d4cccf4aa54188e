// A network: built from layers, trained, asked, saved.
#pragma once

#include <lamina/cpp/evaluation.hpp>
#include <lamina/cpp/fit_options.hpp>
#include <lamina/cpp/layers.hpp>
#include <lamina/cpp/predictor.hpp>

namespace lamina {
inline namespace v1 {

struct SequentialOptions {
  std::uint64_t seed = 0;  // of the first weights, shuffling and dropout
  lamina_type dtype = LAMINA_FLOAT32;
  bool scale_targets = false;  // scale the targets to mean 0 and variance 1 while training
};

struct LossOptions {
  std::optional<Loss> loss = {};  // by default one that fits the last activation
  std::optional<std::span<const double>> sample_weight = {};
};

struct GradientOptions {
  std::optional<Loss> loss = {};
  std::optional<std::span<const double>> sample_weight = {};
  bool accumulate = false;  // the mean over this batch and those of the calls before
};

struct ForwardOptions {
  bool training = false;   // dropout, and batch statistics
  std::uint64_t step = 0;  // of the random numbers
};

struct Parameter {
  std::string name;  // "layers.0.weight"
  std::vector<std::size_t> shape;
  bool trainable;
};

// A network of layers, each feeding the next; [rows, inputs] -> [rows, outputs].
class Sequential : public Model {
 public:
  // The same seed gives the same first weights as lamina.Sequential(..., seed=seed) in Python.
  Sequential(std::size_t inputs, const std::vector<Layer>& layers, const SequentialOptions& options = {})
      : Model(build(inputs, layers, options)) {}

  static Sequential load(const std::filesystem::path& path, const LoadOptions& options = {}) {
    return Sequential(read(path, options, false));
  }
  // From the bytes of a file, which are not needed afterwards.
  static Sequential from_bytes(std::span<const std::byte> bytes) { return Sequential(parse(bytes, false)); }

  // Outputs for rows x, with the bits of Python's Sequential.predict.
  template <detail::RealRange R>
  [[nodiscard]] Matrix<detail::element_of<R>> predict(const R& x) const {
    return outputs_for(std::span(std::ranges::data(x), std::ranges::size(x)));
  }
  [[nodiscard]] Matrix<float> predict(std::initializer_list<float> x) const {
    return outputs_for(std::span(x.begin(), x.size()));
  }
  template <class T>
  [[nodiscard]] Matrix<T> predict(const SparseRows<T>& x) const {
    Matrix<T> results(x.rows(), outputs());
    detail::check(lamina_predict_sparse(handle(), &x.stored(), x.rows(), detail::type_of<T>, results.data()));
    return results;
  }
  [[nodiscard]] Predictor compile_predictor() const { return Predictor(*this); }

  // Trains; the same seed, data and options give the weights that Python's Sequential.fit gives, to the bit.
  History fit(const Inputs& x, const Targets& y, const FitOptions& options = {}) {
    const lamina_data data = detail::data_of(x, y, options.sample_weight, inputs(), "fit");
    const detail::FitArguments arguments(options, inputs());
    lamina_history* history = nullptr;
    const lamina_status status = lamina_fit(handle(), &data, arguments.get(), &history);
    History made(history);
    arguments.rethrow();
    detail::check(status);
    return made;
  }

  // Mean loss over all rows.
  [[nodiscard]] double evaluate(const Inputs& x, const Targets& y, const LossOptions& options = {}) const {
    double value = 0.0;
    with_data(x, y, options, "evaluate", [&](const lamina_data* data, lamina_description loss) {
      return lamina_evaluate(handle(), data, loss, &value);
    });
    return value;
  }

  // The loss and metrics, those that give arrays among them; as Python's evaluate.
  [[nodiscard]] Evaluation evaluate_with(const Inputs& x, const Targets& y,
                                         const EvaluateOptions& options) const {
    const lamina_data data = detail::data_of(x, y, options.sample_weight, inputs(), "evaluate_with");
    const std::vector<Observer> nobody;
    detail::Calls calls(nobody);
    const detail::LossArgument loss(options.loss, calls);
    detail::CArguments arguments;
    std::vector<lamina_metric> metrics;
    for (const Metric& metric : options.metrics) metrics.push_back(calls.metric(metric, arguments));
    lamina_evaluate_options given = LAMINA_EVALUATE_OPTIONS_INIT;
    given.loss = loss.get();
    given.metrics = metrics.data();
    given.metric_count = metrics.size();
    lamina_evaluation* evaluation = nullptr;
    const lamina_status status = lamina_evaluate_with(handle(), &data, &given, &evaluation);
    Evaluation made(evaluation);
    calls.rethrow();
    detail::check(status);
    return made;
  }

  // One update on all rows as one batch; returns the loss before it.
  double train_step(const Inputs& x, const Targets& y, Optimizer& optimizer,
                    const LossOptions& options = {}) {
    optimizer.expect_constant("train_step");
    double value = 0.0;
    with_data(x, y, options, "train_step", [&](const lamina_data* data, lamina_description loss) {
      return lamina_train_step(handle(), data, loss, optimizer.handle(), LAMINA_MODEL_SEED, &value);
    });
    return value;
  }

  // The loss of all rows as one batch, in training mode; `gradient` gives its gradients.
  double value_and_gradient(const Inputs& x, const Targets& y, const GradientOptions& options = {}) {
    double value = 0.0;
    const LossOptions of{options.loss, options.sample_weight};
    with_data(x, y, of, "value_and_gradient", [&](const lamina_data* data, lamina_description loss) {
      return lamina_value_and_gradient(handle(), data, loss, LAMINA_MODEL_SEED, options.accumulate ? 1 : 0,
                                       &value);
    });
    return value;
  }

  // For losses of the program's: forward, the gradient with respect to its outputs, backward, optimizer.step.
  // T is the network's type. In training an Ensemble gives the outputs of each member: [rows, members *
  // outputs].
  template <detail::Real T = float>
  Matrix<T> forward(const Inputs& x, const ForwardOptions& options = {}) {
    expect<T>("forward");
    const std::size_t rows = x.dense_rows(inputs(), "forward");
    width_ = outputs() * (options.training ? lamina_members(handle()) : 1);
    Matrix<T> outputs(rows, width_);
    detail::check(lamina_forward(handle(), x.values(), x.type(), rows, options.training ? 1 : 0,
                                 LAMINA_MODEL_SEED, options.step, outputs.data()));
    return outputs;
  }
  // Of the last `forward`; returns the gradient with respect to its inputs.
  template <detail::RealRange R>
  Matrix<detail::element_of<R>> backward(const R& output_gradient, bool accumulate = false) {
    using T = detail::element_of<R>;
    expect<T>("backward");
    const std::size_t rows =
        detail::rows_of(std::ranges::size(output_gradient), width_ > 0 ? width_ : outputs(), "backward");
    Matrix<T> gradient(rows, inputs());
    detail::check(lamina_backward(handle(), std::ranges::data(output_gradient), rows, accumulate ? 1 : 0,
                                  gradient.data()));
    return gradient;
  }
  // Derivatives of the outputs with respect to the inputs: a row of [outputs, inputs] for each of x.
  template <detail::Real T = float>
  [[nodiscard]] Matrix<T> jacobian(const Inputs& x) {
    expect<T>("jacobian");
    const std::size_t rows = x.dense_rows(inputs(), "jacobian");
    Matrix<T> derivatives(rows, outputs() * inputs());
    detail::check(lamina_jacobian(handle(), x.values(), x.type(), rows, derivatives.data()));
    return derivatives;
  }

  [[nodiscard]] std::vector<Parameter> parameters() const {
    std::vector<Parameter> all;
    for (std::size_t index = 0; index < lamina_parameters(handle()); ++index) {
      const lamina_parameter info = info_of(index);
      all.push_back({info.name, {info.shape, info.shape + info.dimensions}, info.trainable != 0});
    }
    return all;
  }
  // The values of "layers.0.weight" [outputs, inputs], say. T is the network's type.
  template <detail::Real T = float>
  [[nodiscard]] std::vector<T> parameter(std::string_view name) const {
    return values_of<T>(name, "parameter", lamina_get_parameter);
  }
  template <detail::RealRange R>
  void set_parameter(std::string_view name, const R& values) {
    expect<detail::element_of<R>>("set_parameter");
    const std::size_t index = index_of(name), elements = info_of(index).elements;
    if (std::ranges::size(values) != elements)
      detail::refuse("set_parameter: expected " + std::to_string(elements) + " numbers for " +
                     std::string(name) + ", got " + std::to_string(std::ranges::size(values)));
    detail::check(lamina_set_parameter(handle(), index, std::ranges::data(values)));
  }
  // The gradient of the last `backward` or `value_and_gradient`.
  template <detail::Real T = float>
  [[nodiscard]] std::vector<T> gradient(std::string_view name) const {
    return values_of<T>(name, "gradient", lamina_get_gradient);
  }

 private:
  explicit Sequential(detail::ModelHandle handle) noexcept : Model(std::move(handle)) {}

  static detail::ModelHandle build(std::size_t inputs, const std::vector<Layer>& layers,
                                   const SequentialOptions& options) {
    lamina_network* made = nullptr;
    detail::check(lamina_network_create(inputs, &made));
    const std::unique_ptr<lamina_network, detail::FreeNetwork> network(made);
    for (const Layer& layer : layers) add(network.get(), layer);
    const bool scaled = !layers.empty() && layers.back().description().kind == TargetScaling::kind.name;
    if (options.scale_targets && !scaled) add(network.get(), TargetScaling{});
    lamina_model* model = nullptr;
    detail::check(lamina_model_create(network.get(), options.dtype, options.seed, &model));
    return detail::ModelHandle(model);
  }
  static void add(lamina_network* network, const Layer& layer) {
    detail::CArguments arguments;
    const lamina_description given = arguments.of(layer.description());
    if (!layer.is_block())
      return detail::check(lamina_network_add(network, given.kind, given.options, given.count));
    detail::check(lamina_network_begin(network, given.kind, given.options, given.count));
    for (const Layer& inner : layer.within()) add(network, inner);
    detail::check(lamina_network_end(network));
  }

  template <class T>
  [[nodiscard]] Matrix<T> outputs_for(std::span<const T> x) const {
    Matrix<T> results(detail::rows_of(x.size(), inputs(), "predict"), outputs());
    if constexpr (std::same_as<T, float>)
      detail::check(lamina_predict(handle(), x.data(), results.rows(), results.data()));
    else
      detail::check(lamina_predict_double(handle(), x.data(), results.rows(), results.data()));
    return results;
  }
  template <class Call>
  void with_data(const Inputs& x, const Targets& y, const LossOptions& options, const char* where,
                 Call call) const {
    const lamina_data data = detail::data_of(x, y, options.sample_weight, inputs(), where);
    detail::Attempts attempts;
    const detail::LossArgument loss(options.loss, attempts);
    const lamina_status status = call(&data, loss.get());
    attempts.rethrow();
    detail::check(status);
  }
  template <class T>
  void expect(const char* where) const {
    if (dtype() != detail::type_of<T>)
      throw Error(
          LAMINA_ERROR_TYPE,
          std::string(where) + (dtype() == LAMINA_FLOAT64 ? ": the network is of double; expected <double>"
                                                          : ": the network is of float; expected <float>"));
  }
  [[nodiscard]] lamina_parameter info_of(std::size_t index) const {
    lamina_parameter info = LAMINA_PARAMETER_INIT;
    detail::check(lamina_parameter_info(handle(), index, &info));
    return info;
  }
  [[nodiscard]] std::size_t index_of(std::string_view name) const {
    const std::size_t count = lamina_parameters(handle());
    std::string names;
    for (std::size_t index = 0; index < count; ++index) {
      const lamina_parameter info = info_of(index);
      if (info.name == name) return index;
      names += (names.empty() ? "" : ", ") + std::string(info.name);
    }
    detail::refuse("unknown parameter '" + std::string(name) + "'; there are " + names);
  }
  template <class T, class Get>
  [[nodiscard]] std::vector<T> values_of(std::string_view name, const char* where, Get get) const {
    expect<T>(where);
    const std::size_t index = index_of(name);
    std::vector<T> values(info_of(index).elements);
    detail::check(get(handle(), index, values.data()));
    return values;
  }

  std::size_t width_ = 0;  // of the rows that the last forward gave
};

inline Optimizer::Optimizer(const Sequential& net, detail::OptimizerDescription description)
    : made_(std::move(description)) {
  detail::CArguments arguments;
  const lamina_description given = arguments.of(made_.description);
  lamina_optimizer* optimizer = nullptr;
  detail::check(lamina_optimizer_create(net.handle(), given.kind, given.options, given.count, &optimizer));
  handle_.reset(optimizer);
}

inline void Optimizer::step(Sequential& net) {
  expect_constant("step");
  detail::check(lamina_apply_gradients(net.handle(), handle()));
}

}  // namespace v1
}  // namespace lamina
