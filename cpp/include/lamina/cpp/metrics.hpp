// Figures beside the loss: a name such as "accuracy", one of these structs with Python's options, or a
// function.
#pragma once

#include <lamina/cpp/data.hpp>

#include <functional>

namespace lamina {
inline namespace v1 {

namespace metrics {

struct Accuracy {
  static constexpr detail::KindOf<detail::MetricRole> kind{"accuracy"};
  detail::Text task = {};
  detail::Number threshold = {};
  void describe(detail::Collector& to) const { to("task", task)("threshold", threshold); }
};

struct LabelAccuracy {
  static constexpr detail::KindOf<detail::MetricRole> kind{"label_accuracy"};
  detail::Text task = {};
  detail::Number threshold = {};
  void describe(detail::Collector& to) const { to("task", task)("threshold", threshold); }
};

struct BalancedAccuracy {
  static constexpr detail::KindOf<detail::MetricRole> kind{"balanced_accuracy"};
  detail::Text task = {};
  detail::Number threshold = {};
  void describe(detail::Collector& to) const { to("task", task)("threshold", threshold); }
};

struct Precision {
  static constexpr detail::KindOf<detail::MetricRole> kind{"precision"};
  detail::Text average = {};
  detail::Text task = {};
  detail::Number threshold = {};
  void describe(detail::Collector& to) const { to("average", average)("task", task)("threshold", threshold); }
};

struct Recall {
  static constexpr detail::KindOf<detail::MetricRole> kind{"recall"};
  detail::Text average = {};
  detail::Text task = {};
  detail::Number threshold = {};
  void describe(detail::Collector& to) const { to("average", average)("task", task)("threshold", threshold); }
};

struct F1 {
  static constexpr detail::KindOf<detail::MetricRole> kind{"f1"};
  detail::Text average = {};
  detail::Text task = {};
  detail::Number threshold = {};
  void describe(detail::Collector& to) const { to("average", average)("task", task)("threshold", threshold); }
};

struct MatthewsCorrelation {
  static constexpr detail::KindOf<detail::MetricRole> kind{"matthews_correlation"};
  detail::Text task = {};
  detail::Number threshold = {};
  void describe(detail::Collector& to) const { to("task", task)("threshold", threshold); }
};

struct TopKAccuracy {
  static constexpr detail::KindOf<detail::MetricRole> kind{"top_k_accuracy"};
  detail::Whole k = {};
  detail::Text task = {};
  void describe(detail::Collector& to) const { to("k", k)("task", task); }
};

struct ROCAUC {
  static constexpr detail::KindOf<detail::MetricRole> kind{"roc_auc"};
  detail::Text average = {};
  detail::Text task = {};
  void describe(detail::Collector& to) const { to("average", average)("task", task); }
};

struct AveragePrecision {
  static constexpr detail::KindOf<detail::MetricRole> kind{"average_precision"};
  detail::Text average = {};
  detail::Text task = {};
  void describe(detail::Collector& to) const { to("average", average)("task", task); }
};

struct LogLoss {
  static constexpr detail::KindOf<detail::MetricRole> kind{"log_loss"};
  detail::Text task = {};
  void describe(detail::Collector& to) const { to("task", task); }
};

struct BrierScore {
  static constexpr detail::KindOf<detail::MetricRole> kind{"brier_score"};
  detail::Text task = {};
  void describe(detail::Collector& to) const { to("task", task); }
};

struct ExpectedCalibrationError {
  static constexpr detail::KindOf<detail::MetricRole> kind{"expected_calibration_error"};
  detail::Whole bins = {};
  detail::Text task = {};
  void describe(detail::Collector& to) const { to("bins", bins)("task", task); }
};

struct MeanSquaredError {
  static constexpr detail::KindOf<detail::MetricRole> kind{"mean_squared_error"};
  void describe(detail::Collector&) const {}
};

struct RootMeanSquaredError {
  static constexpr detail::KindOf<detail::MetricRole> kind{"root_mean_squared_error"};
  void describe(detail::Collector&) const {}
};

struct MeanAbsoluteError {
  static constexpr detail::KindOf<detail::MetricRole> kind{"mean_absolute_error"};
  void describe(detail::Collector&) const {}
};

struct MeanAbsolutePercentageError {
  static constexpr detail::KindOf<detail::MetricRole> kind{"mean_absolute_percentage_error"};
  void describe(detail::Collector&) const {}
};

struct MedianAbsoluteError {
  static constexpr detail::KindOf<detail::MetricRole> kind{"median_absolute_error"};
  void describe(detail::Collector&) const {}
};

struct R2 {
  static constexpr detail::KindOf<detail::MetricRole> kind{"r2"};
  void describe(detail::Collector&) const {}
};

struct Pinball {
  static constexpr detail::KindOf<detail::MetricRole> kind{"pinball"};
  std::optional<detail::Numbers> level = {};
  void describe(detail::Collector& to) const { to("level", level); }
};

}  // namespace metrics

// One figure of an epoch. A function of the program's gets targets and outputs [rows, columns], and with a
// third argument the rows' weights, of which there may be none.
class Metric {
 public:
  using Function =
      std::function<double(Rows<double> targets, Rows<double> outputs, std::span<const double> weights)>;

  template <detail::TextLike T>
  Metric(const T& name) : metric_(name) {}  // NOLINT
  template <detail::Describes<detail::MetricRole> T>
  Metric(const T& options) : metric_(options) {}  // NOLINT
  // `mode` "min" or "max" is better, for EarlyStopping and ReduceOnPlateau; "": not known.
  template <class F>
    requires std::is_invocable_r_v<double, F&, Rows<double>, Rows<double>>
  Metric(const std::string& name, F function, const std::string& mode = "")
      : Metric(name, mode,
               [function = std::move(function)](Rows<double> targets, Rows<double> outputs,
                                                std::span<const double>) mutable {
                 return static_cast<double>(function(targets, outputs));
               }) {}
  template <class F>
    requires std::is_invocable_r_v<double, F&, Rows<double>, Rows<double>, std::span<const double>>
  Metric(const std::string& name, F function, const std::string& mode = "")
      : Metric(name, mode, Function(std::move(function))) {}

  [[nodiscard]] const detail::Description& description() const noexcept { return metric_.description(); }
  [[nodiscard]] const Function& function() const noexcept { return function_; }
  // As lamina_metric has it.
  [[nodiscard]] int greater_is_better() const noexcept { return greater_is_better_; }

 private:
  Metric(const std::string& name, const std::string& mode, Function function)
      : metric_(name), function_(std::move(function)) {
    if (mode != "" && mode != "min" && mode != "max")
      detail::refuse("metric " + name + ": expected mode 'min' or 'max', got '" + mode + "'");
    greater_is_better_ = mode == "" ? -1 : mode == "max" ? 1 : 0;
  }

  detail::Described<detail::MetricRole> metric_;
  Function function_ = {};
  int greater_is_better_ = -1;
};

}  // namespace v1
}  // namespace lamina
