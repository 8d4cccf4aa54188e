// Losses that are functions, sparse rows, orders of rows and metrics of an evaluation: what each gives.
#include "catalogue.hpp"

namespace {

using namespace lamina;

template <class T>
std::vector<T> of_type(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

// The mean of squares, summed in double.
template <class T>
double squared_error(const LossBatch<T>& batch) {
  const std::span<const T> outputs = batch.outputs.values(), y = batch.y.values();
  double sum = 0.0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const T difference = outputs[i] - y[i];
    sum += static_cast<double>(difference) * static_cast<double>(difference);
    if (!batch.gradient.empty()) batch.gradient[i] = T(2) * difference / static_cast<T>(outputs.size());
  }
  return sum / static_cast<double>(outputs.size());
}

template <class T>
double sum_of(const Sequential& net) {
  double sum = 0.0;
  for (const Parameter& parameter : net.parameters())
    for (const T value : net.parameter<T>(parameter.name)) sum += static_cast<double>(value);
  return sum;
}

template <class T>
void say_type(const std::string& type) {
  const std::vector<T> x = of_type<T>(sawtooth(kRows * kInputs, 37)), y = of_type<T>(sawtooth(kRows * 2, 29));
  const std::vector<Layer> layers{Dense{8, "tanh"}, Dropout{0.2}, Dense{2}};
  const SequentialOptions made{.seed = 5, .dtype = detail::type_of<T>};
  const auto loss = [](const LossBatch<T>& batch) { return squared_error(batch); };

  Sequential own(kInputs, layers, made);
  const History history = own.fit(x, y, {.epochs = 2, .batch_size = 16, .loss = loss});
  say("data", "own loss/" + type, sum_of<T>(own));
  say("data", "own loss/loss/" + type, history["loss"].back());
  Optimizer optimizer(own, "sgd");
  say("data", "own loss/step/" + type, own.train_step(x, y, optimizer, {.loss = loss}));
  say("data", "own loss/evaluate/" + type, own.evaluate(x, y, {.loss = loss}));

  Sequential ordered(kInputs, layers, made);
  ordered.fit(
      x, y,
      {.epochs = 2, .batch_size = 16, .row_order = [](std::size_t epoch, std::span<std::int64_t> order) {
         for (std::size_t i = 0; i < order.size(); ++i)
           order[i] = static_cast<std::int64_t>((i * 7 + epoch) % order.size());
       }});
  say("data", "row order/" + type, sum_of<T>(ordered));

  // Every third number is stored.
  std::vector<T> values;
  std::vector<std::int64_t> indices, starts{0};
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i % 3 == 0) {
      values.push_back(x[i]);
      indices.push_back(static_cast<std::int64_t>(i % kInputs));
    }
    if ((i + 1) % kInputs == 0) starts.push_back(static_cast<std::int64_t>(values.size()));
  }
  const SparseRows rows(values, indices, starts);
  Sequential sparse(kInputs, layers, made);
  sparse.fit(rows, y, {.epochs = 2, .batch_size = 16, .validation_data = {{rows, y}}});
  say("data", "sparse/" + type, sum_of<T>(sparse));
  say("data", "sparse/predict/" + type, static_cast<double>(sparse.predict(rows)[7][1]));

  std::vector<int> classes;
  for (std::size_t i = 0; i < kRows; ++i) classes.push_back(static_cast<int>(i * i % 3));
  const Sequential judge(kInputs, {Dense{3, "softmax"}}, made);
  const Evaluation found = judge.evaluate_with(
      x, classes,
      {.metrics = {"accuracy",
                   metrics::F1{.average = "macro"},
                   "confusion_matrix",
                   {"rows", [](Rows<double> targets, Rows<double>) { return double(targets.rows()); }}}});
  for (const char* name : {"loss", "accuracy", "f1", "rows"})
    say("data", std::string(name) + "/" + type, found[name]);
  for (std::size_t i = 0; i < 9; ++i)
    say("data", "confusion " + std::to_string(i) + "/" + type, found.values("confusion_matrix")[i]);
}

}  // namespace

void say_data() {
  say_type<float>("float32");
  say_type<double>("float64");
}
