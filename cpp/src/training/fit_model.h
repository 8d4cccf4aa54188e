// Fits a model in batches: what a program calls, and the learner that stands behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "metrics/scorer.h"
#include "training/class_weights.h"
#include "training/custom_loss.h"
#include "training/fit.h"
#include "training/model.h"
#include "training/schedules.h"
#include "training/stopping.h"

namespace lamina {

struct BatchOptions {
  int64_t batch_size = 32;  // rows; the last batch may be shorter
  int64_t accumulate = 1;   // batches whose mean gradient makes one update
  bool shuffle = true;      // a new order of rows each epoch
  // Of an epoch of this fit, from 0: numbers of the rows that are trained on, each once; empty: as above.
  std::function<std::vector<int64_t>(int64_t epoch, int64_t rows)> order = {};
  uint64_t seed = 0;          // of shuffling and dropout
  int64_t epochs_before = 0;  // epochs of earlier fits, whose orders are not drawn again
};

// Arrays of the caller, who keeps them while the fit runs.
template <class T>
struct FitData {
  DataSet<T> train;
  std::optional<DataSet<T>> validation;
};

// The targets as metrics read them.
template <class T>
NumberView targets_of(const DataSet<T>& data);

// What is trained, and by what.
template <class T>
struct FitParts {
  Model<T>* model;
  const LossSpec* loss;  // null: `custom`
  Optimizer<T>* optimizer;
  Schedule* schedule = nullptr;         // null: the optimizer's learning rate
  WeightAverage<T>* average = nullptr;  // null: none
  Per average_per = Per::kStep;
  Scorer* scorer = nullptr;            // null: no metrics
  Schedule* decay_schedule = nullptr;  // null: the optimizer's weight decay
  // Of factors, at most 1, by which the rates of dropouts and the deviations of noise are multiplied;
  // null: 1.
  Schedule* noise_schedule = nullptr;
  const CustomLoss<T>* custom = nullptr;
};

struct FitOptions {
  int64_t epochs = 10;
  BatchOptions batches;
  // Share of the rows held back for validation where the data have no rows for it: by the seed, of each class
  // the same. 0: none.
  double validation_fraction = 0.0;
  std::vector<ClassWeight> class_weights;  // multiplied into the weights of the rows that are trained on
  bool balanced_classes = false;           // such weights that each class has the same sum; without a table
  std::optional<EarlyStoppingOptions> early_stopping;
  std::optional<double> target_loss;
  std::optional<double> time_limit;  // s
};

// Trains a model from data that it checks first, and takes figures of a first Normalization and a last
// TargetScaling from, where they have none yet. The same seed, data and options give the same weights to the
// last bit, for any number of threads (on one instruction set). Observers are asked before the options' own.
// Raises kValue for data and options that do not fit, kState where the model is in another fit, kNotFinite
// where a loss, a weight or a running mean became NaN or infinite; the weights are then those of the last
// step whose loss was finite, or with early stopping those of the best epoch.
template <class T>
History fit_model(const FitParts<T>& parts, const FitData<T>& data, const FitOptions& options,
                  std::span<Observer* const> observers = {});

// Subclasses take over parts of the work that run outside of the core.
template <class T>
class ModelLearner : public Learner {
 public:
  // `metric_weights` [train rows]: of metrics on the rows of training, where their sample weights have class
  // weights in them; null: the sample weights.
  ModelLearner(const FitParts<T>& parts, const FitData<T>& data, const BatchOptions& options,
               const double* metric_weights = nullptr);

  // Epochs in which all rows were trained on, of this fit.
  int64_t epochs_trained() const noexcept { return epochs_trained_; }

  int64_t steps_per_epoch() const override;
  FigureModes figures() const override;
  void begin() override { parts_.model->begin_fit(); }
  void end() noexcept override { parts_.model->end_fit(); }
  void start(int64_t epochs) override;
  bool train_epoch(const EpochHooks& hooks, Figures& record) override;
  void complete(Figures& record, Poll poll) override;
  void finish(bool distrusted) override;
  std::unique_ptr<WeightCopy> copy_weights() const override;
  void put_back(const WeightCopy& copy) override;

 protected:
  enum class Part { kTraining, kValidation };

  // The metrics, and where they find the outputs [rows, outputs] of a part; null: there are none.
  virtual FigureModes metric_modes() const;
  virtual T* output_buffer(Part part);
  virtual Figures score(Part part);
  bool has_penalties() const noexcept;
  // All rows once, with their outputs where these are asked for.
  virtual EpochRecord train_rows(const StepValues& values, T* outputs, const EpochHooks& hooks);
  virtual double validation_loss(T* outputs, Poll poll);
  // Those of the next steps, by the schedules.
  virtual StepValues step_values(int64_t steps);

  const FitParts<T>& parts() const noexcept { return parts_; }
  void set_optimizer(Optimizer<T>* optimizer) noexcept { parts_.optimizer = optimizer; }
  const FitData<T>& data() const noexcept { return data_; }
  int64_t last_step() const noexcept { return last_step_; }
  void count_epoch() noexcept { ++epochs_trained_; }

 private:
  FitParts<T> parts_;
  FitData<T> data_;
  BatchOptions options_;
  const double* metric_weights_;
  int64_t last_step_ = 0;  // of the optimizer, when the fit ends
  int64_t epochs_trained_ = 0;
  std::vector<double> rates_, decays_, noise_factors_;
  std::vector<T> outputs_[2];  // of training and validation
};

}  // namespace lamina
