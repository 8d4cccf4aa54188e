// lamina_fit: its options and data, as the core's fit takes them.
#include <cmath>
#include <limits>
#include <optional>

#include "base/json_reader.h"
#include "base/text.h"
#include "c_api/callback_observer.h"
#include "c_api/examples.h"
#include "c_api/fit_metrics.h"
#include "c_api/optimizers.h"
#include "c_api/options.h"
#include "c_api/sized.h"
#include "training/fit_model.h"

namespace lamina::c {
namespace {

constexpr lamina_early_stopping kNoStopping = LAMINA_EARLY_STOPPING_INIT;

lamina_fit_options default_options() {
  lamina_fit_options options{};
  options.struct_size = sizeof options;
  options.epochs = 10;
  options.batch_size = 32;
  options.accumulate = 1;
  options.shuffle = 1;
  options.seed = LAMINA_MODEL_SEED;
  options.target_loss = std::numeric_limits<double>::quiet_NaN();
  return options;
}

int64_t at_least_1(size_t count, const char* what) {
  if (count < 1) fail_value({"expected ", what, " of at least 1, got 0"});
  return count_of(count, what);
}

std::unique_ptr<Schedule> schedule_of(const lamina_description& schedule, const char* what) {
  const std::optional<Json> described = read_description(schedule, what);
  return described ? schedule_from_json(*described) : nullptr;
}

// Of factors, at most 1.
std::unique_ptr<Schedule> noise_schedule_of(const lamina_description& schedule) {
  std::unique_ptr<Schedule> factors = schedule_of(schedule, "noise_schedule");
  if (factors && factors->rate() > 1.0)
    fail_value({"expected noise_schedule as factors of the layers' rates, from 0 to 1, got a rate of ",
                shown(factors->rate())});
  return factors;
}

struct AverageOptions {
  WeightAverageOptions options;
  Per per = Per::kStep;
};

std::optional<AverageOptions> average_of(const lamina_description& average) {
  const std::optional<Json> described = read_description(average, "average");
  if (!described) return std::nullopt;
  const JsonReader spec(*described, "weight_average");
  if (spec.text("kind") != "weight_average")
    spec.fail({"unknown average '", spec.text("kind"), "'; expected 'weight_average'"});
  spec.allow_only({"kind", "decay", "warm_up", "start", "per"});
  AverageOptions own;
  own.options.decay = spec.number("decay", own.options.decay, 0.0, 1.0);
  own.options.warm_up = spec.boolean("warm_up", own.options.warm_up);
  own.options.start = spec.integer("start", own.options.start, 0);
  const std::string per = spec.has("per") ? spec.text("per") : "step";
  if (per != "step" && per != "epoch") spec.fail({"expected per 'step' or 'epoch', got '", per, "'"});
  own.per = per == "step" ? Per::kStep : Per::kEpoch;
  return own;
}

EarlyStoppingOptions stopping_of(const lamina_early_stopping& given) {
  const lamina_early_stopping own = sized_copy(given, kNoStopping, "early_stopping");
  EarlyStoppingOptions options;
  if (own.monitor != nullptr) options.monitor = text_of(own.monitor, "monitor");
  options.patience = at_least_1(own.patience, "patience");
  options.min_delta = own.min_delta;
  if (own.greater_is_better >= 0) options.mode = own.greater_is_better > 0 ? Mode::kMax : Mode::kMin;
  options.restore_best_weights = own.restore_best_weights != 0;
  options.keep_last = own.keep_last != 0;
  return options;
}

FitOptions core_options(const lamina_fit_options& given, const TrainableNetwork& network) {
  FitOptions options;
  options.epochs = at_least_1(given.epochs, "epochs");
  options.batches.batch_size = at_least_1(given.batch_size, "batch_size");
  options.batches.accumulate = at_least_1(given.accumulate, "accumulate");
  options.batches.shuffle = given.shuffle != 0;
  options.batches.seed = given.seed == LAMINA_MODEL_SEED ? network.seed() : given.seed;
  options.batches.epochs_before = network.epochs_trained;
  if (given.row_order != nullptr)
    options.batches.order = [call = given.row_order, user = given.row_order_user](int64_t epoch,
                                                                                  int64_t rows) {
      // What it leaves out is no row, and refused.
      std::vector<int64_t> order(static_cast<size_t>(rows), -1);
      if (const int code = call(static_cast<size_t>(epoch), order.data(), order.size(), user); code != 0)
        throw CallbackError(concat({"fit, epoch ", epoch + 1, ": row_order returned ", code}));
      return order;
    };
  if (!(given.validation_fraction >= 0.0 && given.validation_fraction < 1.0))
    fail_value(
        {"expected validation_fraction of at least 0 and below 1, got ", shown(given.validation_fraction)});
  options.validation_fraction = given.validation_fraction;
  options.balanced_classes = given.balanced_classes != 0;
  const size_t weights = static_cast<size_t>(count_of(given.class_weight_count, "class_weight_count"));
  if (weights > 0)
    check_given(given.class_weights, "class_weights", "an array of as many as class_weight_count says");
  if (weights > 0 && options.balanced_classes)
    fail_value({"class_weights and balanced_classes are both given; expected one of them"});
  for (size_t i = 0; i < weights; ++i)
    options.class_weights.push_back({given.class_weights[i].label, given.class_weights[i].weight});
  if (given.early_stopping != nullptr) options.early_stopping = stopping_of(*given.early_stopping);
  if (!std::isnan(given.target_loss)) options.target_loss = given.target_loss;
  if (!(given.time_limit >= 0.0))
    fail_value({"expected time_limit in seconds, or 0 for none, got ", shown(given.time_limit)});
  if (given.time_limit > 0.0) options.time_limit = given.time_limit;
  return options;
}

// Keeps account of the epochs that the network was trained for, however the fit ends.
template <class T>
class EpochCounter final : public Observer {
 public:
  explicit EpochCounter(TrainableNetwork& network) : network_(network), before_(network.epochs_trained) {}
  bool adds_figures() const override { return false; }
  void on_epoch_end(Fit& fit, int64_t, Figures&) override { count(fit); }
  void on_fit_end(Fit& fit) override { count(fit); }

 private:
  void count(Fit& fit) {
    network_.epochs_trained = before_ + static_cast<ModelLearner<T>&>(fit.learner()).epochs_trained();
  }
  TrainableNetwork& network_;
  int64_t before_;
};

// Everything that a fit needs, checked before a weight changes.
template <class T>
class PreparedFit {
 public:
  PreparedFit(TrainableNetwork& network, Model<T>& model, const lamina_data* data,
              const lamina_fit_options& given)
      : model_(model),
        loss_(network, given.loss),
        options_(core_options(given, network)),
        schedule_(schedule_of(given.schedule, "schedule")),
        decay_schedule_(schedule_of(given.decay_schedule, "decay_schedule")),
        noise_schedule_(noise_schedule_of(given.noise_schedule)),
        scorer_(scorer_of(given.metrics, given.metric_count)),
        train_(data, network, model, loss_, "fit"),
        counter_(network) {
    if (given.validation != nullptr)
      validation_ = std::make_unique<Examples<T>>(given.validation, network, model, loss_, "fit, validation");
    if (loss_.spec() == nullptr) custom_ = loss_.template custom<T>();
    take_optimizer(given);
    if (const auto average = average_of(given.average)) {
      average_.emplace(model.make_average(average->options));
      average_per_ = average->per;
    }
    called_ = observers_of(given.observers, given.observer_count, state_);
  }

  History run() {
    FitParts<T> parts{&model_, loss_.spec(), used_ ? &used_->get() : &*own_optimizer_};
    if (custom_) parts.custom = &custom_;
    parts.schedule = schedule_.get();
    parts.decay_schedule = decay_schedule_.get();
    parts.noise_schedule = noise_schedule_.get();
    parts.average = average_ ? &*average_ : nullptr;
    parts.average_per = average_per_;
    parts.scorer = &scorer_;
    FitData<T> data{train_.data(), std::nullopt};
    if (validation_) data.validation = validation_->data();
    std::vector<Observer*> observers{&counter_};
    for (const auto& observer : called_) observers.push_back(observer.get());
    return fit_model<T>(parts, data, options_, observers);
  }

 private:
  void take_optimizer(const lamina_fit_options& given) {
    if (given.optimizer_state != nullptr && given.optimizer.kind != nullptr)
      fail_value({"optimizer and optimizer_state are both given; expected one of them"});
    if (given.optimizer_state != nullptr)
      used_.emplace(given.optimizer_state, model_);
    else
      own_optimizer_.reset(new Optimizer<T>(model_.make_optimizer(optimizer_spec(given.optimizer))));
  }

  Model<T>& model_;
  GivenLoss loss_;
  CustomLoss<T> custom_;
  FitOptions options_;
  std::unique_ptr<Schedule> schedule_, decay_schedule_, noise_schedule_;
  Scorer scorer_;
  Examples<T> train_;
  std::unique_ptr<Examples<T>> validation_;
  std::optional<UsedOptimizer<T>> used_;
  std::unique_ptr<Optimizer<T>> own_optimizer_;
  std::optional<WeightAverage<T>> average_;
  Per average_per_ = Per::kStep;
  EpochCounter<T> counter_;
  lamina_fit_state state_;
  std::vector<std::unique_ptr<Observer>> called_;
};

}  // namespace
}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

lamina_status lamina_fit_options_init(lamina_fit_options* options, size_t struct_size) {
  return guarded(__func__, [&] {
    check_given(options, "options", "a struct to fill");
    check_struct_size(struct_size, alignof(lamina_fit_options), "options");
    sized_store(default_options(), struct_size, options);
  });
}

lamina_status lamina_fit(lamina_model* model, const lamina_data* data, const lamina_fit_options* options,
                         lamina_history** history) {
  return guarded(__func__, [&] {
    TrainableNetwork& network = network_of(model);
    const lamina_fit_options own =
        options != nullptr ? sized_copy(*options, default_options(), "options") : default_options();
    auto made = std::make_unique<lamina_history>();
    network.visit([&]<class T>(Model<T>& trained) {
      PreparedFit<T> fit(network, trained, data, own);
      made->history = fit.run();
    });
    if (history != nullptr) *history = made.release();
  });
}
}
