// Who follows a fit, and what is left of it: observers, history.
#pragma once

#include <lamina/cpp/loss.hpp>
#include <lamina/cpp/metrics.hpp>

namespace lamina {
inline namespace v1 {

// The fit in hand, for the length of a call of an observer.
class RunningFit {
 public:
  explicit RunningFit(lamina_fit_state* state) noexcept : state_(state) {}
  // A figure of the epoch: "loss", "val_loss", "learning_rate", metrics; NaN where there is none of that
  // name.
  [[nodiscard]] double operator[](const char* name) const noexcept { return lamina_fit_figure(state_, name); }
  // Ends training after the epoch in hand.
  void stop(const std::string& reason) const noexcept { lamina_fit_stop(state_, reason.c_str()); }

 private:
  lamina_fit_state* state_;
};

// An epoch, which counts from 0; its figures are there once it has ended.
class Epoch : public RunningFit {
 public:
  Epoch(lamina_fit_state* state, std::size_t number) noexcept : RunningFit(state), index(number) {}
  const std::size_t index;
  [[nodiscard]] double loss() const noexcept { return (*this)["loss"]; }
  [[nodiscard]] double val_loss() const noexcept { return (*this)["val_loss"]; }
};

// An update, which counts from 0 in its epoch, and the mean loss of its rows before it.
class Step : public RunningFit {
 public:
  Step(lamina_fit_state* state, std::size_t in_epoch, std::size_t number, double of_rows) noexcept
      : RunningFit(state), epoch(in_epoch), index(number), loss(of_rows) {}
  const std::size_t epoch, index;
  const double loss;
};

// What an observer is asked; any of them may be empty. They run on the thread that called `fit`, may predict
// with the network but not change it, and an exception of theirs ends the fit and reaches its caller.
struct Callbacks {
  std::function<void(const RunningFit&)> on_fit_begin = {};
  std::function<void(const Epoch&)> on_epoch_begin = {};
  std::function<void(const Step&)> on_step_end = {};
  std::function<void(const Epoch&)> on_epoch_end = {};
  std::function<void(const RunningFit&)> on_fit_end = {};
  std::function<bool()> on_poll = {};  // about every 20 ms; true breaks the epoch in hand off
};

// Callbacks, or a function of the epoch that ended.
class Observer {
 public:
  Observer(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}  // NOLINT
  template <class F>
    requires(std::invocable<F&, const Epoch&> && !std::same_as<std::remove_cvref_t<F>, Observer>)
  Observer(F function) : callbacks_{.on_epoch_end = std::move(function)} {}  // NOLINT
  [[nodiscard]] const Callbacks& callbacks() const noexcept { return callbacks_; }

 private:
  Callbacks callbacks_;
};

// What `fit` recorded, epoch by epoch.
class History {
 public:
  explicit History(lamina_history* history) : history_(history, lamina_history_free) {}
  // Epochs that ended.
  [[nodiscard]] std::size_t epochs() const noexcept { return lamina_history_epochs(history_.get()); }
  // The names of the figures: "loss", metrics, "val_loss", "learning_rate", ...
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    while (const char* name = lamina_history_figure_name(history_.get(), all.size())) all.emplace_back(name);
    return all;
  }
  // A figure of each epoch.
  [[nodiscard]] std::vector<double> operator[](const std::string& name) const {
    if (const std::vector<std::string> all = names();
        epochs() > 0 && std::ranges::find(all, name) == all.end()) {
      std::string known;
      for (const std::string& each : all) known += (known.empty() ? "" : ", ") + each;
      detail::refuse("history: unknown figure '" + name + "'; there are " + known);
    }
    std::vector<double> values(epochs());
    for (std::size_t epoch = 0; epoch < values.size(); ++epoch)
      values[epoch] = lamina_history_figure(history_.get(), epoch, name.c_str());
    return values;
  }
  [[nodiscard]] double seconds(std::size_t epoch) const noexcept {
    return lamina_history_seconds(history_.get(), epoch);
  }
  // Why training ended before its last epoch; "" where it did not.
  [[nodiscard]] std::string stop_reason() const { return lamina_history_stop_reason(history_.get()); }
  // Whose weights early stopping put back.
  [[nodiscard]] std::optional<std::size_t> best_epoch() const noexcept {
    const std::int64_t epoch = lamina_history_best_epoch(history_.get());
    return epoch < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(epoch));
  }

 private:
  std::shared_ptr<lamina_history> history_;
};

namespace detail {

// Observers and metrics of the program's as lamina.h calls them.
class Calls : public Attempts {
 public:
  explicit Calls(const std::vector<Observer>& observers) : observers_(observers) {}
  lamina_observer observer() {
    lamina_observer made = LAMINA_OBSERVER_INIT;
    made.user = this;
    made.on_fit_begin = [](lamina_fit_state* fit, void* user) {
      return ask(user, &Callbacks::on_fit_begin, RunningFit(fit));
    };
    made.on_epoch_begin = [](lamina_fit_state* fit, std::size_t epoch, void* user) {
      return ask(user, &Callbacks::on_epoch_begin, Epoch(fit, epoch));
    };
    made.on_epoch_end = [](lamina_fit_state* fit, std::size_t epoch, void* user) {
      return ask(user, &Callbacks::on_epoch_end, Epoch(fit, epoch));
    };
    made.on_fit_end = [](lamina_fit_state* fit, void* user) {
      return ask(user, &Callbacks::on_fit_end, RunningFit(fit));
    };
    made.on_poll = [](lamina_fit_state*, void* user) { return static_cast<Calls*>(user)->poll(); };
    // Asked for alone where someone listens: the library times steps otherwise undisturbed.
    if (std::ranges::any_of(observers_, [](const Observer& o) { return !!o.callbacks().on_step_end; }))
      made.on_step_end = [](lamina_fit_state* fit, std::size_t epoch, std::size_t step, double loss,
                            void* user) {
        return ask(user, &Callbacks::on_step_end, Step(fit, epoch, step, loss));
      };
    return made;
  }

  lamina_metric metric(const Metric& of, CArguments& arguments) {
    lamina_metric made{arguments.of(of.description()), nullptr, nullptr, of.greater_is_better()};
    if (!of.function()) return made;
    made.user = &metrics_.emplace_back(*this, of.function());
    made.function = [](const double* targets, std::size_t target_columns, const double* outputs,
                       std::size_t output_columns, std::size_t rows, const double* weights, void* user) {
      const MetricCall& call = *static_cast<const MetricCall*>(user);
      double value = std::numeric_limits<double>::quiet_NaN();
      call.calls.attempt([&] {
        value = call.function(Rows<double>(targets, rows, target_columns),
                              Rows<double>(outputs, rows, output_columns),
                              std::span<const double>(weights, weights == nullptr ? 0 : rows));
      });
      return value;
    };
    return made;
  }

 private:
  struct MetricCall {
    MetricCall(Calls& of, const Metric::Function& wrapped) : calls(of), function(wrapped) {}
    Calls& calls;
    const Metric::Function& function;
  };

  template <class Which, class Event>
  static int ask(void* user, Which which, const Event& event) noexcept {
    return static_cast<Calls*>(user)->tell(which, event);
  }
  template <class Which, class Event>
  int tell(Which which, const Event& event) noexcept {
    for (const Observer& observer : observers_)
      if (const auto& function = observer.callbacks().*which) attempt([&] { function(event); });
    return failed() ? 1 : 0;
  }
  int poll() noexcept {
    bool over = false;
    for (const Observer& observer : observers_)
      if (const auto& function = observer.callbacks().on_poll) attempt([&] { over = function() || over; });
    return failed() || over ? 1 : 0;
  }

  const std::vector<Observer>& observers_;
  std::deque<MetricCall> metrics_;
};

}  // namespace detail
}  // namespace v1
}  // namespace lamina
