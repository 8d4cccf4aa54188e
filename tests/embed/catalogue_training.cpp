// Every optimizer, schedule and metric, and the options of a fit: what each gives after a few epochs.
#include "catalogue.hpp"

namespace {

using namespace lamina;

// The sum of all weights, in double, in the order in which the network has them.
double sum_of_weights(const Sequential& net) {
  double sum = 0.0;
  for (const Parameter& parameter : net.parameters())
    for (const float value : net.parameter(parameter.name)) sum += static_cast<double>(value);
  return sum;
}

Sequential made_net() {
  return {kInputs, {Dense{8, "tanh"}, Dropout{0.2}, Dense{8, "tanh"}, Dense{2}}, {.seed = 5}};
}

// Two epochs of batches of 16; the weights and learning rates tell whether the options arrived.
void train(const char* part, const std::string& name, FitOptions options,
           const std::string& figure = "loss") {
  Sequential net = made_net();
  options.epochs = options.epochs.value_or(2);
  options.batch_size = 16;
  const std::vector<float> x = sawtooth(kRows * kInputs, 37), y = sawtooth(kRows * 2, 29);
  const History history = net.fit(x, y, options);
  say(part, name, sum_of_weights(net));
  say(part, name + "/" + figure, history[figure.c_str()].back());
}

}  // namespace

void say_optimizers() {
  const auto with = [](const std::string& name, const FitOptimizer& optimizer) {
    train("optimizer", name, {.optimizer = optimizer});
  };
  with("SGD", SGD{0.05, 0.9, true, true, 0.01, true, true, 0.5, 2, 3});
  with("Adam", Adam{0.01, 0.8, 0.99, 1e-6, true, true, 0.01, true, true, 0.5, 2, 3});
  with("AdamW", AdamW{.learning_rate = 0.01, .decay_biases = true});
  with("AdamW, amsgrad", AdamW{.learning_rate = 0.01, .amsgrad = true});
  with("Adamax", Adamax{0.01, 0.8, 0.99, 1e-6, 0.01, true, true, 0.5, 2, 3});
  with("NAdam", NAdam{0.01, 0.8, 0.99, 1e-6, 0.01, true, 0.01, true, true, 0.5, 2, 3});
  with("RAdam", RAdam{0.01, 0.8, 0.99, 1e-6, 0.01, true, true, 0.5, 2, 3});
  with("Lion", Lion{0.01, 0.8, 0.95, 0.01, false, true, 0.5, 2, 3});
  with("Adagrad", Adagrad{0.05, 0.1, 0.2, 1e-6, 0.01, true, true, 0.5, 2, 3});
  with("Adadelta", Adadelta{0.5, 0.8, 1e-5, 0.01, true, true, 0.5, 2, 3});
  with("RMSprop", RMSprop{0.01, 0.9, 1e-6, 0.5, true, 0.01, true, true, 0.5, 2, 3});
  with("Rprop", Rprop{0.01, 0.4, 1.3, 1e-5, 1, 0.01, true, true, 0.5, 2, 3});
  with("Muon", Muon{0.01, 0.9, false, 4, 0.1, 0.8, 0.99, 1e-6, true, true, 0.01, true, 0.5, 2, 3});
  with("by name", "rmsprop");
}

void say_schedules() {
  const auto with = [](const std::string& name, const Rate& rate) {
    train("schedule", name, {.epochs = 3, .optimizer = SGD{.learning_rate = rate}}, "learning_rate");
  };
  with("ConstantSchedule", ConstantSchedule{0.02});
  with("StepSchedule", StepSchedule{0.02, 3, 0.5});
  with("MultiStepSchedule", MultiStepSchedule{0.02, {2, 5}, 0.5});
  with("ExponentialSchedule", ExponentialSchedule{0.02, 0.9});
  with("PolynomialSchedule", PolynomialSchedule{0.02, 20, 2, 0.1});
  with("InverseScalingSchedule", InverseScalingSchedule{0.02, 0.7});
  with("CosineSchedule", CosineSchedule{0.02, 20, 0.1});
  with("CosineRestartsSchedule", CosineRestartsSchedule{0.02, 5, 2, 0.1});
  with("OneCycleSchedule", OneCycleSchedule{0.02, 20, 0.4, 0.1, 0.01});
  with("CosineLogSchedule", CosineLogSchedule{0.02, 20, 2});
  with("FlatCosineSchedule", FlatCosineSchedule{0.02, 20, 0.25});
  with("ReduceOnPlateau", ReduceOnPlateau{0.02, 0.5, 0, 10, 0, 0.001, "loss", "min"});
  with("WarmUp", WarmUp{CosineSchedule{.rate = 0.02}, 4, 0.1});
  with("WarmUp, of a rate, by epochs", WarmUp{0.02, 2, 0.1, "epoch"});
  train("schedule", "of weight decay",
        {.optimizer = SGD{.learning_rate = 0.02, .weight_decay = FlatCosineSchedule{0.1}}});
  train("schedule", "of dropout", {.dropout_schedule = FlatCosineSchedule{1.0}});
}

void say_metrics() {
  const std::vector<float> x = sawtooth(kRows * kInputs, 37), y = sawtooth(kRows * 2, 29);
  std::vector<std::uint8_t> classes;
  for (std::size_t i = 0; i < kRows; ++i) classes.push_back(static_cast<std::uint8_t>(i * i % 3));
  const auto fit = [&](const char* activation, const Targets& targets, std::size_t outputs, const Loss& loss,
                       const std::vector<Metric>& wanted) {
    Sequential net(kInputs, {Dense{outputs, activation}}, {.seed = 5});
    const History history = net.fit(x, targets, {.epochs = 1, .loss = loss, .metrics = wanted});
    for (const Metric& metric : wanted) {
      const std::string& name = metric.description().kind;
      say("metric", name, history[name.c_str()].back());
    }
  };
  using namespace metrics;
  fit("softmax", classes, 3, "cross_entropy",
      {Accuracy{.task = "multiclass"}, BalancedAccuracy{}, Precision{.average = "macro"},
       Recall{.average = "micro"}, F1{.average = "weighted"}, MatthewsCorrelation{}, TopKAccuracy{.k = 1},
       ROCAUC{.average = "weighted"}, AveragePrecision{.average = "micro"}, LogLoss{}, BrierScore{},
       ExpectedCalibrationError{.bins = 5}});
  fit("identity", y, 2, "mean_squared_error",
      {metrics::MeanSquaredError{}, RootMeanSquaredError{}, metrics::MeanAbsoluteError{},
       MeanAbsolutePercentageError{}, MedianAbsoluteError{}, R2{}});
  fit("identity", y, 2, Quantile{.level = 0.3}, {Pinball{.level = 0.3}});
  std::vector<float> labels;
  for (const float value : y) labels.push_back(value > 0 ? 1.0F : 0.0F);
  fit("sigmoid", labels, 2, "binary_cross_entropy", {LabelAccuracy{.threshold = 0.6}});
}

void say_fits() {
  const std::vector<float> x = sawtooth(20 * kInputs, 41), y = sawtooth(20 * 2, 43);
  const std::vector<double> weights(kRows, 2.0), held_weights(20, 3.0);
  train("fit", "average",
        {.average = WeightAverage{.decay = 0.9, .start = 1, .per = "epoch", .warm_up = false}});
  train("fit", "validation_data", {.validation_data = {{x, y, held_weights}}}, "val_loss");
  train("fit", "validation_fraction", {.validation_fraction = 0.25}, "val_loss");
  train("fit", "sample_weight", {.loss = MeanSquaredError{.reduction = "sum"}, .sample_weight = weights});
  train("fit", "accumulate", {.accumulate = 2, .shuffle = false});
  train("fit", "early_stopping",
        {.epochs = 30,
         .optimizer = SGD{.learning_rate = 0.5},
         .early_stopping = EarlyStopping{"loss", 1, 0.01, "min", true, true}});
  train("fit", "target_loss", {.epochs = 30, .target_loss = 0.4});
  const std::vector<int> classes{0, 1, 2, 0, 0, 0, 1, 0, 0, 0};
  for (const auto& [name, class_weight] :
       {std::pair<const char*, ClassWeights>{"class_weight", {{0, 1.0}, {1, 5.0}}},
        {"balanced", "balanced"}}) {
    Sequential net(kInputs, {Normalization{}, Dense{3, "softmax"}}, {.seed = 5});
    const std::vector<float> rows = sawtooth(10 * kInputs, 37);
    net.fit(rows, classes, {.epochs = 2, .batch_size = 5, .class_weight = class_weight});
    say("fit", name, sum_of_weights(net));
  }
}

int main() {
  try {
    say_layers();
    say_losses();
    say_optimizers();
    say_schedules();
    say_metrics();
    say_fits();
    say_data();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
