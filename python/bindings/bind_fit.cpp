// Binds the loop of a fit, early stopping, and what a fit does with its rows before it trains.
#include <pybind11/stl.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "callback_observer.h"
#include "custom_loss.h"
#include "examples.h"
#include "figures_dict.h"
#include "handles.h"
#include "instance.h"
#include "made_here.h"
#include "register.h"
#include "training/fit_model.h"

namespace lamina::python {
namespace {

// A model whose metrics and learning rates come from Python's Fit. Made and destroyed under the
// interpreter's lock; Fit holds what holds this.
template <class T>
class PythonLearner final : public ModelLearner<T> {
 public:
  using typename ModelLearner<T>::Part;

  PythonLearner(const FitParts<T>& parts, const FitData<T>& data, const BatchOptions& options, py::handle fit)
      : ModelLearner<T>(parts, data, options),
        fit_(fit),
        scores_(!fit.attr("_metric_modes")().cast<py::dict>().empty()) {}

  FigureModes figures() const override {
    FigureModes figures = ModelLearner<T>::figures();
    figures.pop_back();  // of the learning rate
    const py::gil_scoped_acquire lock;
    for (const py::handle& name : fit_.attr("optimizer").attr("figures"))
      figures.push_back({name.cast<std::string>(), std::nullopt});
    return figures;
  }
  void start(int64_t epochs) override {
    fetch_optimizer();
    if (this->parts().optimizer != nullptr) ModelLearner<T>::start(epochs);
  }
  bool train_epoch(const EpochHooks& hooks, Figures& record) override {
    fetch_optimizer();  // callbacks may have given it another state
    return ModelLearner<T>::train_epoch(hooks, record);
  }
  bool is_not_finite(const std::exception_ptr& error) const override {
    return is_not_finite_in_python(error);
  }
  // Loss and metrics of an iteration over all rows.
  Figures trained(double loss, py::object outputs) {
    this->count_epoch();
    outputs_ = std::move(outputs);
    Figures record{{"loss", loss}};
    if (this->has_penalties()) {
      const DataSet<T>& rows = this->data().train;
      const double factor =
          this->parts().loss->penalty_factor(total_weight(rows, {.rows = rows.inputs.rows}));
      record.push_back({"penalty", factor * this->parts().model->penalty()});
    }
    if (!scores_) return record;
    for (Figure& figure : score(Part::kTraining)) record.push_back(std::move(figure));
    return record;
  }

 protected:
  FigureModes metric_modes() const override {
    const py::gil_scoped_acquire lock;
    return modes_of(fit_.attr("_metric_modes")());
  }
  T* output_buffer(Part part) override {
    if (!scores_) return nullptr;
    const py::gil_scoped_acquire lock;
    const DataSet<T>& rows = part == Part::kTraining ? this->data().train : *this->data().validation;
    // New ones each time: metrics of the user's may keep them.
    DenseArray<T> outputs({rows.inputs.rows, this->parts().model->network().outputs()});
    T* values = outputs.mutable_data();
    outputs_ = std::move(outputs);
    return values;
  }
  Figures score(Part part) override {
    const py::gil_scoped_acquire lock;
    return figures_of(fit_.attr("_score")(part == Part::kValidation, outputs_));
  }
  StepValues step_values(int64_t steps) override {
    const py::gil_scoped_acquire lock;
    const py::tuple given = fit_.attr("_step_values")(steps, this->last_step());
    const double* found[3] = {};
    for (size_t i = 0; i < 3; ++i) {
      const py::object values = given[i];
      if (values.is_none()) continue;
      values_[i] = dense_array<double>(values, "fit");
      if (values_[i].ndim() != 1 || values_[i].shape(0) != steps)
        throw Error(Error::Kind::kValue, "fit: expected a schedule's value for each of " +
                                             std::to_string(steps) + " steps, got shape " +
                                             shape_text(values_[i]));
      found[i] = values_[i].data();
    }
    return {found[0], found[1], found[2]};
  }

 private:
  void fetch_optimizer() {
    const py::gil_scoped_acquire lock;
    handle_ = fit_.attr("_optimizer_handle")();
    Optimizer<T>* optimizer = nullptr;
    if (!handle_.is_none()) optimizer = &handle_.cast<const OptimizerHandle&>().of<T>("fit");
    this->set_optimizer(optimizer);
  }

  py::handle fit_;
  bool scores_;
  py::object handle_ = py::none(), outputs_ = py::none();
  DenseArray<double> values_[3];  // what step_values got
};

// The order of rows that Python's Fit has for an epoch.
std::function<std::vector<int64_t>(int64_t, int64_t)> order_of(py::handle fit) {
  return [fit](int64_t epoch, int64_t) {
    const py::gil_scoped_acquire lock;
    const auto rows = dense_array<int64_t>(fit.attr("_order")(epoch), "fit");
    return std::vector<int64_t>(rows.data(), rows.data() + rows.size());
  };
}

// One call of fit, held by Python's Fit. What that gives to run() is held as long as it runs: no cycle is
// left.
class FitLoop {
 public:
  explicit FitLoop(py::handle fit) : fit_(fit) {}
  virtual ~FitLoop() = default;

  void run(const py::dict& callbacks, std::optional<double> target_loss, std::optional<double> time_limit,
           const py::dict& progress, const py::object& minimiser) {
    CallbackObserver first(fit_, callbacks, true), last(fit_, progress, false);
    std::optional<TargetLoss> target;
    std::optional<TimeLimit> limit;
    std::vector<Observer*> observers{&first};
    if (target_loss) observers.push_back(&target.emplace(*target_loss));
    if (time_limit) observers.push_back(&limit.emplace(*time_limit));
    observers.push_back(&last);
    Fit loop(learner(), fit_.attr("epochs").cast<int64_t>(), observers);
    running_ = &loop;
    try {
      run_unlocked(loop, minimiser);
    } catch (...) {
      running_ = nullptr;
      throw;
    }
    running_ = nullptr;
  }
  Fit& running() const {
    if (running_ == nullptr) throw Error(Error::Kind::kState, "fit: expected a fit that is running");
    return *running_;
  }
  virtual Learner& learner() = 0;
  virtual int64_t epochs_trained() const = 0;
  virtual bool end_iteration(double loss, const py::object& outputs, const py::dict& further) = 0;

 protected:
  virtual void run_unlocked(Fit& loop, const py::object& minimise) = 0;

 private:
  py::handle fit_;  // which holds this
  Fit* running_ = nullptr;
};

template <class T>
class FitLoopOf final : public FitLoop {
 public:
  FitLoopOf(py::handle fit, Model<T>& model, const LossSpec* loss, const py::object& train,
            const py::object& validation, const AverageHandle* average)
      : FitLoop(fit), train_(train, model.network().inputs(), "fit") {
    if (!validation.is_none()) validation_.emplace(validation, model.network().inputs(), "fit");
    FitData<T> data{train_.data, std::nullopt};
    if (validation_) data.validation = validation_->data;
    const py::object options = fit.attr("_options");
    FitParts<T> parts{&model, loss, nullptr};
    if (average != nullptr) {
      parts.average = &average->of<T>("fit");
      if (options.attr("average").attr("per").cast<std::string>() == "epoch") parts.average_per = Per::kEpoch;
    }
    BatchOptions batches;
    batches.batch_size = options.attr("batch_size").cast<int64_t>();
    batches.accumulate = options.attr("accumulate").cast<int64_t>();
    batches.shuffle = py::bool_(options.attr("shuffle")).cast<bool>();
    if (PyCallable_Check(options.attr("shuffle").ptr()) != 0) batches.order = order_of(fit);
    batches.seed = fit.attr("net").attr("seed").cast<uint64_t>();
    batches.epochs_before = fit.attr("net").attr("epochs_trained").cast<int64_t>();
    if (loss == nullptr) {
      custom_ = custom_loss<T>([fit](auto&&... given) { return fit.attr("_custom_value")(given...); });
      parts.custom = &custom_;
    }
    learner_.emplace(parts, data, batches, fit);
  }

  Learner& learner() override { return *learner_; }
  int64_t epochs_trained() const override { return learner_->epochs_trained(); }
  bool end_iteration(double loss, const py::object& outputs, const py::dict& further) override {
    Figures trained = learner_->trained(loss, outputs), extra = figures_of(further);
    Fit& loop = running();
    const py::gil_scoped_release release;
    return loop.end_iteration(std::move(trained), extra);
  }

 protected:
  void run_unlocked(Fit& loop, const py::object& minimise) override {
    const auto call = [&]() -> std::string {
      const py::gil_scoped_acquire lock;
      return minimise().cast<std::string>();
    };
    const Unlocked unlocked(train_, validation_);
    minimise.is_none() ? loop.run() : loop.run(call);
  }

 private:
  ExampleArrays<T> train_;
  std::optional<ExampleArrays<T>> validation_;
  CustomLoss<T> custom_;
  std::optional<PythonLearner<T>> learner_;
};

Instance<FitLoop> make_fit(py::handle fit, const NetworkHandle& network, const LossSpec* loss,
                           const py::object& train, const py::object& validation,
                           const AverageHandle* average) {
  return network.visit([&]<class T>(Model<T>& model) {
    std::unique_ptr<FitLoop> loop =
        std::make_unique<FitLoopOf<T>>(fit, model, loss, train, validation, average);
    return Instance(std::move(loop));
  });
}

void bind_loop(py::module_& module) {
  made_here<FitLoop>(module, "FitLoop")
      .def("run", &FitLoop::run, py::arg("callbacks"), py::arg("target_loss"), py::arg("time_limit"),
           py::arg("progress"), py::arg("minimiser"))
      .def("figures", [](FitLoop& self) { return dict_of(self.learner().figures()); })
      .def("steps_per_epoch", [](FitLoop& self) { return self.learner().steps_per_epoch(); })
      .def_property_readonly("epochs_trained", &FitLoop::epochs_trained)
      // While it runs:
      .def("stop", [](FitLoop& self, const std::string& reason) { self.running().stop(reason); })
      .def_property_readonly("stop_reason", [](FitLoop& self) { return self.running().stop_reason(); })
      .def_property_readonly("seconds",
                             [](FitLoop& self) { return self.running().history().epochs.back().seconds; })
      .def_property_readonly("step_penalty", [](FitLoop& self) { return self.running().step_penalty(); })
      .def("end_iteration", &FitLoop::end_iteration, py::arg("loss"), py::arg("outputs"), py::arg("further"));
  module.def("make_fit", &make_fit, py::arg("fit"), py::arg("network"), py::arg("loss").none(true),
             py::arg("train"), py::arg("validation"), py::arg("average").none(true));
}

void bind_early_stopping(py::module_& module) {
  made_here<EarlyStopping>(module, "EarlyStoppingRule")
      .def_property_readonly("best", &EarlyStopping::best)
      .def_property_readonly("best_epoch", &EarlyStopping::best_epoch)
      .def(
          "check",
          [](EarlyStopping& self, const py::dict& figures, bool complete) {
            self.check(modes_of(figures), complete);
          },
          py::arg("figures"), py::arg("complete"))
      .def("on_fit_begin", [](EarlyStopping& self, FitLoop& loop) { self.on_fit_begin(loop.running()); })
      .def("on_epoch_end",
           [](EarlyStopping& self, FitLoop& loop, int64_t epoch, const py::dict& record) {
             Figures figures = figures_of(record);
             const py::gil_scoped_release release;
             self.on_epoch_end(loop.running(), epoch, figures);
           })
      // The epoch whose weights it has put back, or None.
      .def("on_fit_end", [](EarlyStopping& self, FitLoop& loop) {
        const py::gil_scoped_release release;
        self.on_fit_end(loop.running());
        return loop.running().history().best_epoch;
      });
  module.def(
      "make_early_stopping",
      [](const std::string& monitor, int64_t patience, double min_delta, const py::object& mode,
         bool restore_best_weights, bool keep_last) {
        return Instance(std::make_unique<EarlyStopping>(EarlyStoppingOptions{
            monitor, patience, min_delta, mode_of(mode), restore_best_weights, keep_last}));
      },
      py::arg("monitor"), py::arg("patience"), py::arg("min_delta"), py::arg("mode"),
      py::arg("restore_best_weights"), py::arg("keep_last"));
}

}  // namespace

void register_fit(py::module_& module) {
  bind_loop(module);
  bind_early_stopping(module);
}

}  // namespace lamina::python
