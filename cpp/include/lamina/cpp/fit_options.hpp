// The options of `fit`, with Python's names and defaults.
#pragma once

#include <lamina/cpp/model.hpp>
#include <lamina/cpp/observers.hpp>
#include <lamina/cpp/optimizers.hpp>

#include <map>

namespace lamina {
inline namespace v1 {

class Sequential;

// An optimizer that keeps its state (momenta, steps) for one network, across fits and single steps.
class Optimizer {
 public:
  template <class T>
    requires(detail::Describes<T, detail::OptimizerRole>)
  Optimizer(const Sequential& net, const T& options) : Optimizer(net, detail::optimizer_of(options)) {}
  Optimizer(const Sequential& net, const std::string& name)
      : Optimizer(net, detail::OptimizerDescription{{detail::checked_text(name), {}}, {}, {}}) {}

  [[nodiscard]] double learning_rate() const noexcept {
    return lamina_optimizer_learning_rate(handle_.get());
  }
  // Of the next steps; it ends a schedule.
  void set_learning_rate(double rate) {
    detail::check(lamina_optimizer_set_learning_rate(handle_.get(), rate));
    made_.schedule = {};
  }
  // Updates the network with the gradients of its last `backward` or `value_and_gradient`.
  void step(Sequential& net);

  [[nodiscard]] lamina_optimizer* handle() const noexcept { return handle_.get(); }
  [[nodiscard]] const detail::OptimizerDescription& description() const noexcept { return made_; }
  // Raises where the rate follows a schedule, which `fit` alone knows the steps of.
  void expect_constant(const char* where) const {
    if (!made_.schedule.kind.empty() || !made_.decay_schedule.kind.empty())
      detail::refuse(
          std::string(where) +
          ": expected an optimizer of constant rates, got one with a schedule; give the schedule to "
          "fit, or set_learning_rate before each step");
  }

 private:
  Optimizer(const Sequential& net, detail::OptimizerDescription description);

  detail::OptimizerDescription made_;
  std::unique_ptr<lamina_optimizer, detail::FreeOptimizer> handle_;
};

// What `fit` optimizes by: a name, a struct such as Adam, or an Optimizer, whose state it goes on from.
class FitOptimizer {
 public:
  template <detail::TextLike T>
  FitOptimizer(const T& name) : made_{{detail::checked_text(std::string(name)), {}}, {}, {}} {}  // NOLINT
  template <class T>
    requires(detail::Describes<T, detail::OptimizerRole>)
  FitOptimizer(const T& options) : made_(detail::optimizer_of(options)) {}  // NOLINT
  FitOptimizer(Optimizer& optimizer)
      : made_(optimizer.description()), state_(optimizer.handle()) {}  // NOLINT
  [[nodiscard]] const detail::OptimizerDescription& description() const noexcept { return made_; }
  [[nodiscard]] lamina_optimizer* state() const noexcept { return state_; }

 private:
  detail::OptimizerDescription made_;
  lamina_optimizer* state_ = nullptr;
};

// An average of the weights along training, which validation and the final network use.
struct WeightAverage {
  static constexpr detail::KindOf<detail::AverageRole> kind{"weight_average"};
  detail::Number decay = {};
  detail::Whole start = {};
  detail::Text per = {};  // "step" or "epoch"
  detail::Flag warm_up = {};
  void describe(detail::Collector& to) const {
    to("decay", decay)("start", start)("per", per)("warm_up", warm_up);
  }
};

// Stops when a figure has not improved for `patience` epochs, and puts back the best weights.
struct EarlyStopping {
  detail::Text monitor = {};  // "val_loss" where there is one, else "loss"
  std::optional<std::size_t> patience = {};
  detail::Number min_delta = {};
  std::string mode = "auto";  // or "min" or "max" is better
  detail::Flag restore_best_weights = {}, keep_last = {};
};

// A weight for each class, 1 where left out: {{0, 1.0}, {1, 5.0}}; or "balanced".
class ClassWeights {
 public:
  ClassWeights(std::initializer_list<std::pair<const int, double>> weights) : weights_(weights) {}
  ClassWeights(std::map<int, double> weights) : weights_(std::move(weights)) {}  // NOLINT
  ClassWeights(const char* name) : balanced_(name == std::string("balanced")) {  // NOLINT
    if (!balanced_)
      detail::refuse(std::string("class_weight: expected weights of classes or 'balanced', got '") + name +
                     "'");
  }
  [[nodiscard]] const std::map<int, double>& weights() const noexcept { return weights_; }
  [[nodiscard]] bool is_balanced() const noexcept { return balanced_; }

 private:
  std::map<int, double> weights_ = {};
  bool balanced_ = false;
};

struct FitOptions {
  std::optional<std::size_t> epochs = {}, batch_size = {};
  std::optional<Loss> loss = {};  // by default one that fits the last activation
  std::optional<FitOptimizer> optimizer = {};
  std::optional<Examples> validation_data = {};
  double validation_fraction = 0.0;  // of the rows, held back in place of validation_data
  std::vector<Metric> metrics = {};
  std::optional<std::span<const double>> sample_weight = {};
  std::optional<ClassWeights> class_weight = {};
  std::optional<EarlyStopping> early_stopping = {};
  std::optional<WeightAverage> average = {};
  std::optional<Schedule> dropout_schedule = {};
  std::optional<std::size_t> accumulate = {};
  detail::Flag shuffle = {};
  detail::Number target_loss = {};  // stop when the training loss falls to this
  detail::Number time_limit = {};   // seconds
  std::vector<Observer> observers = {};
  // In place of a shuffle: sets the numbers of an epoch's rows, each once; epochs count from 0.
  std::function<void(std::size_t epoch, std::span<std::int64_t> order)> row_order = {};
};

namespace detail {

inline int mode_of(const std::string& mode, const char* where) {
  if (mode == "auto") return -1;
  if (mode != "min" && mode != "max")
    refuse(std::string(where) + ": expected mode 'auto', 'min' or 'max', got '" + mode + "'");
  return mode == "max" ? 1 : 0;
}

// FitOptions as lamina.h has them, with what their pointers point to.
class FitArguments {
 public:
  FitArguments(const FitOptions& options, std::size_t inputs)
      : calls_(options.observers),
        observer_(calls_.observer()),
        loss_(options.loss, calls_),
        row_order_(options.row_order) {
    check(lamina_fit_options_init(&made_, sizeof made_));
    set_method(options);
    set_data(options, inputs);
    set_stopping(options);
    for (const Metric& metric : options.metrics) metrics_.push_back(calls_.metric(metric, arguments_));
    made_.metrics = metrics_.data();
    made_.metric_count = metrics_.size();
    made_.observers = &observer_;
    made_.observer_count = 1;
  }
  FitArguments(const FitArguments&) = delete;
  FitArguments& operator=(const FitArguments&) = delete;

  [[nodiscard]] const lamina_fit_options* get() const noexcept { return &made_; }
  void rethrow() const { calls_.rethrow(); }

 private:
  void set_method(const FitOptions& options) {
    made_.loss = loss_.get();
    if (options.optimizer) {
      const OptimizerDescription& optimizer = options.optimizer->description();
      made_.optimizer_state = options.optimizer->state();
      if (made_.optimizer_state == nullptr) made_.optimizer = arguments_.of(optimizer.description);
      made_.schedule = arguments_.of(optimizer.schedule);
      made_.decay_schedule = arguments_.of(optimizer.decay_schedule);
    }
    if (options.dropout_schedule)
      made_.noise_schedule = arguments_.of(options.dropout_schedule->description());
    if (options.epochs) made_.epochs = *options.epochs;
    if (options.batch_size) made_.batch_size = *options.batch_size;
    if (options.accumulate) made_.accumulate = *options.accumulate;
    if (options.shuffle) made_.shuffle = *options.shuffle ? 1 : 0;
    made_.row_order_user = this;
    if (row_order_)
      made_.row_order = [](std::size_t epoch, std::int64_t* order, std::size_t rows, void* user) {
        auto& own = *static_cast<FitArguments*>(user);
        return own.calls_.attempt([&] { own.row_order_(epoch, {order, rows}); }) ? 0 : 1;
      };
    if (options.average) average_ = description_of(*options.average);
    made_.average = arguments_.of(average_);
  }
  void set_data(const FitOptions& options, std::size_t inputs) {
    if (options.validation_data) {
      const Examples& held = *options.validation_data;
      validation_ = data_of(held.x, held.y, held.weights, inputs, "fit: validation_data");
      made_.validation = &validation_;
    }
    made_.validation_fraction = options.validation_fraction;
    if (!options.class_weight) return;
    for (const auto& [label, weight] : options.class_weight->weights())
      class_weights_.push_back({static_cast<double>(label), weight});
    made_.class_weights = class_weights_.data();
    made_.class_weight_count = class_weights_.size();
    made_.balanced_classes = options.class_weight->is_balanced() ? 1 : 0;
  }
  void set_stopping(const FitOptions& options) {
    if (options.target_loss) made_.target_loss = *options.target_loss;
    if (options.time_limit) made_.time_limit = *options.time_limit;
    if (!options.early_stopping) return;
    const EarlyStopping& given = *options.early_stopping;
    if (given.monitor) stopping_.monitor = given.monitor->c_str();
    if (given.patience) stopping_.patience = *given.patience;
    if (given.min_delta) stopping_.min_delta = *given.min_delta;
    if (given.restore_best_weights) stopping_.restore_best_weights = *given.restore_best_weights ? 1 : 0;
    if (given.keep_last) stopping_.keep_last = *given.keep_last ? 1 : 0;
    stopping_.greater_is_better = mode_of(given.mode, "EarlyStopping");
    made_.early_stopping = &stopping_;
  }

  lamina_fit_options made_ = {};
  CArguments arguments_;
  Description average_;
  Calls calls_;
  lamina_observer observer_;
  LossArgument loss_;
  const std::function<void(std::size_t, std::span<std::int64_t>)>& row_order_;
  lamina_data validation_ = LAMINA_DATA_INIT;
  lamina_early_stopping stopping_ = LAMINA_EARLY_STOPPING_INIT;
  std::vector<lamina_metric> metrics_;
  std::vector<lamina_class_weight> class_weights_;
};

}  // namespace detail
}  // namespace v1
}  // namespace lamina
