// Fits a model in batches.
#include "training/fit_model.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "inference/sparse_rows.h"
#include "training/adapt.h"
#include "training/check_targets.h"
#include "training/epoch_order.h"
#include "training/hold_out.h"

namespace lamina {

namespace {

void check_at_least_1(int64_t value, const char* name) {
  if (value < 1) throw_error(Error::Kind::kValue, {"fit: expected ", name, " of at least 1, got ", value});
}

template <class T>
class ModelWeights final : public WeightCopy {
 public:
  explicit ModelWeights(const Model<T>& model) : flat_(model.network().flat_size()) {
    model.read(
        [&](const Network<T>&, const T* weights) { std::copy_n(weights, flat_.size(), flat_.data()); });
  }
  const T* flat() const noexcept { return flat_.data(); }

 private:
  AlignedBuffer<T> flat_;
};

template <class T>
void check_data(const FitParts<T>& parts, const DataSet<T>& data, const char* where) {
  const Network<T>& network = parts.model->network();
  check_shape(data.inputs, network.inputs(), 1, where);
  if (parts.loss != nullptr) return check_targets(data, *parts.loss, network.outputs(), where);
  if (data.sample_weights != nullptr)
    throw_error(Error::Kind::kValue,
                {where, ": expected no sample_weight with a custom loss; apply the weights in it"});
}

// Of rows whose elements are mostly 0 (one-hot categories), how many are not, where it pays to gather those
// alone: measured with 32 to 2,048 inputs, 32 to 512 units and batches of 32 and 256 rows.
template <class T>
double stored_per_row(const Network<T>& network, const ArraySource& rows, int64_t batch_size) {
  constexpr int64_t kFewestInputs = 64, kFewestUnits = 64, kSmallestBatch = 16;
  constexpr double kMostStored = sizeof(T) == 8 ? 1.0 / 7.0 : 1.0 / 8.0;
  if (rows.sparse != nullptr || !network.takes_sparse_rows() || batch_size < kSmallestBatch ||
      rows.columns < kFewestInputs || network.slot_columns()[1] < kFewestUnits)
    return 0.0;
  const double stored = nonzeros_of_rows(rows);
  return stored <= kMostStored * static_cast<double>(rows.columns) ? std::max(stored, 1.0) : 0.0;
}

}  // namespace

template <class T>
NumberView targets_of(const DataSet<T>& data) {
  if (data.targets.classes != nullptr) return {data.targets.classes, data.inputs.rows};
  NumberView view(data.targets.values, data.inputs.rows, data.targets.columns);
  view.row_stride = data.targets.row_stride;
  return view;
}

template <class T>
ModelLearner<T>::ModelLearner(const FitParts<T>& parts, const FitData<T>& data, const BatchOptions& options,
                              const double* metric_weights)
    : parts_(parts),
      data_(data),
      options_(options),
      metric_weights_(metric_weights != nullptr ? metric_weights : data.train.sample_weights) {
  check_at_least_1(options.batch_size, "batch_size");
  check_at_least_1(options.accumulate, "accumulate");
  if (data_.train.inputs.rows > 0)
    data_.train.inputs.stored_per_row =
        lamina::stored_per_row(parts.model->network(), data_.train.inputs, options.batch_size);
}

template <class T>
int64_t ModelLearner<T>::steps_per_epoch() const {
  return parts_.model->steps_per_epoch(data_.train.inputs.rows, options_.batch_size, options_.accumulate);
}

template <class T>
FigureModes ModelLearner<T>::metric_modes() const {
  return parts_.scorer != nullptr ? parts_.scorer->modes() : FigureModes();
}

template <class T>
FigureModes ModelLearner<T>::figures() const {
  FigureModes figures{{"loss", Mode::kMin}};
  const FigureModes metrics = metric_modes();
  figures.insert(figures.end(), metrics.begin(), metrics.end());
  const size_t own = figures.size();
  for (size_t i = 0; data_.validation && i < own; ++i)
    figures.push_back({concat({"val_", figures[i].name}), figures[i].mode});
  if (has_penalties()) figures.insert(figures.begin() + 1, {"penalty", std::nullopt});
  figures.push_back({"learning_rate", std::nullopt});
  return figures;
}

template <class T>
bool ModelLearner<T>::has_penalties() const noexcept {
  return lamina::has_penalties(parts_.model->network().parameters());
}

template <class T>
void ModelLearner<T>::start(int64_t epochs) {
  last_step_ = parts_.optimizer->steps() + epochs * steps_per_epoch();
  if (parts_.average == nullptr) return;
  // Predictions see the old average until the first epoch's end: it is followed before the weights change.
  parts_.model->follow_average(parts_.average);
  parts_.model->resume_training_weights(*parts_.average);
}

template <class T>
T* ModelLearner<T>::output_buffer(Part part) {
  if (parts_.scorer == nullptr || parts_.scorer->empty()) return nullptr;
  std::vector<T>& outputs = outputs_[part == Part::kValidation];
  const DataSet<T>& rows = part == Part::kTraining ? data_.train : *data_.validation;
  outputs.resize(static_cast<size_t>(rows.inputs.rows * parts_.model->network().outputs()));
  return outputs.data();
}

template <class T>
Figures ModelLearner<T>::score(Part part) {
  const bool training = part == Part::kTraining;
  const DataSet<T>& rows = training ? data_.train : *data_.validation;
  const NumberView outputs(outputs_[part == Part::kValidation].data(), rows.inputs.rows,
                           parts_.model->network().outputs());
  return parts_.scorer->score(targets_of(rows), outputs, training ? metric_weights_ : rows.sample_weights);
}

template <class T>
EpochRecord ModelLearner<T>::train_rows(const StepValues& values, T* outputs, const EpochHooks& hooks) {
  EpochRequest request;
  request.epoch = options_.epochs_before + epochs_trained_ + 1;
  request.batch_size = options_.batch_size;
  request.shuffle = options_.shuffle;
  std::vector<int64_t> order;
  if (options_.order) order = options_.order(epochs_trained_, data_.train.inputs.rows);
  if (options_.order && order.empty()) check_each_row_once(order, data_.train.inputs.rows, "fit");
  request.order = order;
  request.seed = options_.seed;
  request.values = values;
  request.accumulate = options_.accumulate;
  request.after_step = hooks.after_step;
  WeightAverage<T>* average = parts_.average_per == Per::kStep ? parts_.average : nullptr;
  if (parts_.custom != nullptr)
    return CustomSteps<T>(*parts_.model, *parts_.custom)
        .run_epoch(data_.train, request, *parts_.optimizer, average, outputs, hooks.poll);
  return parts_.model->run_epoch(data_.train, *parts_.loss, request, *parts_.optimizer, average, outputs,
                                 hooks.poll);
}

template <class T>
StepValues ModelLearner<T>::step_values(int64_t steps) {
  const auto values = [&](const Schedule* schedule, std::vector<double>& kept) -> const double* {
    if (schedule == nullptr) return nullptr;
    kept = schedule->rates({parts_.optimizer->steps(), steps, steps, last_step_});
    return kept.data();
  };
  return {values(parts_.schedule, rates_), values(parts_.decay_schedule, decays_),
          values(parts_.noise_schedule, noise_factors_)};
}

template <class T>
bool ModelLearner<T>::train_epoch(const EpochHooks& hooks, Figures& record) {
  const StepValues values = step_values(steps_per_epoch());
  T* outputs = output_buffer(Part::kTraining);
  const EpochRecord done = train_rows(values, outputs, hooks);
  if (done.cancelled) return false;
  if (parts_.average != nullptr && parts_.average_per == Per::kEpoch) {
    parts_.model->update_average(*parts_.average);
    parts_.model->end_epoch();  // publishes it
  }
  count_epoch();
  record.push_back({"loss", done.loss});
  if (has_penalties()) record.push_back({"penalty", done.penalty});
  if (outputs == nullptr) return true;
  const Figures metrics = score(Part::kTraining);
  record.insert(record.end(), metrics.begin(), metrics.end());
  return true;
}

template <class T>
double ModelLearner<T>::validation_loss(T* outputs, Poll poll) {
  if (parts_.custom != nullptr)
    return CustomSteps<T>(*parts_.model, *parts_.custom).evaluate(*data_.validation, outputs, poll);
  return parts_.model->evaluate(*data_.validation, *parts_.loss, outputs, poll).loss;
}

template <class T>
void ModelLearner<T>::complete(Figures& record, Poll poll) {
  if (data_.validation) {
    T* outputs = output_buffer(Part::kValidation);
    bool given_up = false;
    const double loss =
        validation_loss(outputs, [&](int64_t done) { return given_up = given_up || poll(done); });
    if (given_up) return;
    record.push_back({"val_loss", loss});
    if (outputs != nullptr)
      for (const Figure& figure : score(Part::kValidation))
        record.push_back({concat({"val_", figure.name}), figure.value});
  }
  if (parts_.optimizer == nullptr) return;
  record.push_back({"learning_rate", parts_.optimizer->learning_rate()});
  for (Schedule* schedule : {parts_.schedule, parts_.decay_schedule, parts_.noise_schedule})
    if (schedule != nullptr) schedule->note_epoch(record);
}

template <class T>
void ModelLearner<T>::finish(bool distrusted) {
  if (parts_.average == nullptr) return;
  if (distrusted) {
    parts_.average->set_updates(0);
    parts_.average->set_applied(false);
  } else {
    parts_.model->apply_average(*parts_.average);
  }
  parts_.model->follow_average(nullptr);
}

template <class T>
std::unique_ptr<WeightCopy> ModelLearner<T>::copy_weights() const {
  return std::make_unique<ModelWeights<T>>(*parts_.model);
}

template <class T>
void ModelLearner<T>::put_back(const WeightCopy& copy) {
  parts_.model->set_weights(static_cast<const ModelWeights<T>&>(copy).flat());
}

// The caller's data as the options have them: rows held back, and class weights.
template <class T>
class PreparedData {
 public:
  PreparedData(const FitParts<T>& parts, const FitData<T>& data, const FitOptions& options) : data_(data) {
    check_data(parts, data.train, "fit");
    if (data.validation) check_data(parts, *data.validation, "fit, validation_data");
    if (options.validation_fraction != 0.0) hold_back(parts.loss, options);
    if (!options.balanced_classes && options.class_weights.empty()) return;
    if (parts.loss == nullptr)
      throw_error(Error::Kind::kValue,
                  {"fit: expected no class_weight with a loss of your own; apply the weights in it"});
    std::optional<std::span<const ClassWeight>> table;
    if (!options.balanced_classes) table = options.class_weights;
    const DataSet<T>& rows = data_.train;
    weights_ = class_weighted(rows.targets, rows.inputs.rows, rows.sample_weights, *parts.loss,
                              parts.model->network().outputs(), table, "fit");
    metric_weights_ = rows.sample_weights;
    if (metric_weights_ == nullptr) {
      ones_.assign(weights_.size(), 1.0);
      metric_weights_ = ones_.data();
    }
    data_.train.sample_weights = weights_.data();
  }
  const FitData<T>& data() const noexcept { return data_; }
  // Those without class weights; null: the sample weights.
  const double* metric_weights() const noexcept { return metric_weights_; }

 private:
  void hold_back(const LossSpec* loss, const FitOptions& options) {
    if (data_.validation)
      throw_error(Error::Kind::kValue, {"fit: expected validation data or validation_fraction, got both"});
    const int64_t rows = data_.train.inputs.rows;
    std::vector<int64_t> classes;
    if (loss != nullptr) classes = classes_of_rows(data_.train.targets, rows, *loss);
    const HoldOut parts = hold_out(rows, options.validation_fraction, options.batches.seed, classes,
                                   "fit: validation_fraction");
    held_.emplace(data_.train, parts.held);
    train_.emplace(data_.train, parts.train);
    check_some_weight(held_->data, "held back", options.validation_fraction);
    check_some_weight(train_->data, "left for training", options.validation_fraction);
    data_ = {train_->data, held_->data};
  }

  static void check_some_weight(const DataSet<T>& part, const char* name, double fraction) {
    const double* weights = part.sample_weights;
    const int64_t rows = part.inputs.rows;
    if (weights == nullptr || std::any_of(weights, weights + rows, [](double w) { return w > 0.0; })) return;
    throw_error(
        Error::Kind::kValue,
        {"fit: validation_fraction ", shown(fraction), ": expected a sample weight above 0 among the ", rows,
         " rows ", name, ", got only zeros; leave rows of weight 0 out, or give validation data"});
  }

  FitData<T> data_;
  std::optional<TakenRows<T>> train_, held_;
  std::vector<double> weights_, ones_;
  const double* metric_weights_ = nullptr;
};

template <class T>
History fit_model(const FitParts<T>& parts, const FitData<T>& given, const FitOptions& options,
                  std::span<Observer* const> observers) {
  const PreparedData<T> prepared(parts, given, options);
  const FitData<T>& data = prepared.data();
  ModelLearner<T> learner(parts, data, options.batches, prepared.metric_weights());
  std::vector<Observer*> followers(observers.begin(), observers.end());
  std::vector<std::unique_ptr<Observer>> own;
  if (options.early_stopping) own.push_back(std::make_unique<EarlyStopping>(*options.early_stopping));
  if (options.target_loss) own.push_back(std::make_unique<TargetLoss>(*options.target_loss));
  if (options.time_limit) own.push_back(std::make_unique<TimeLimit>(*options.time_limit));
  for (const auto& observer : own) followers.push_back(observer.get());
  if (parts.scorer != nullptr) {
    const Network<T>& network = parts.model->network();
    std::vector<NumberView> targets{targets_of(data.train)};
    if (data.validation) targets.push_back(targets_of(*data.validation));
    parts.scorer->prepare(output_kind(parts.loss, network.output_activation().name, network.outputs()),
                          targets);
  }
  Fit fit(learner, options.epochs, followers);
  fit.check(std::none_of(observers.begin(), observers.end(),
                         [](const Observer* observer) { return observer->adds_figures(); }));
  for (Schedule* schedule : {parts.schedule, parts.decay_schedule, parts.noise_schedule})
    if (schedule != nullptr) schedule->watch(learner.figures());
  adapt_ends(*parts.model, data.train, parts.loss);
  fit.run();
  return fit.history();
}

template NumberView targets_of(const DataSet<float>&);
template NumberView targets_of(const DataSet<double>&);
template class ModelLearner<float>;
template class ModelLearner<double>;
template History fit_model<float>(const FitParts<float>&, const FitData<float>&, const FitOptions&,
                                  std::span<Observer* const>);
template History fit_model<double>(const FitParts<double>&, const FitData<double>&, const FitOptions&,
                                   std::span<Observer* const>);

}  // namespace lamina
