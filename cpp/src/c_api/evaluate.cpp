// The loss and metrics of rows, without training.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "c_api/examples.h"
#include "c_api/fit_metrics.h"
#include "c_api/sized.h"
#include "training/fit_model.h"

struct lamina_evaluation {
  std::vector<std::pair<std::string, lamina::MetricResult>> figures;
};

namespace lamina::c {
namespace {

constexpr auto never = [](int64_t) { return false; };
constexpr lamina_evaluate_options kDefaults = LAMINA_EVALUATE_OPTIONS_INIT;
constexpr lamina_figure kNoFigure = LAMINA_FIGURE_INIT;

// `outputs` [rows, network outputs], or null.
template <class T>
double loss_of(Model<T>& model, const GivenLoss& loss, const DataSet<T>& data, T* outputs) {
  if (loss.spec() != nullptr) return model.evaluate(data, *loss.spec(), outputs, never).loss;
  const CustomLoss<T> custom = loss.custom<T>();
  return CustomSteps<T>(model, custom).evaluate(data, outputs, never);
}

std::unique_ptr<lamina_evaluation> evaluated(const TrainableNetwork& network, const lamina_data* given,
                                             const lamina_evaluate_options& options) {
  auto made = std::make_unique<lamina_evaluation>();
  Scorer scorer = scorer_of(options.metrics, options.metric_count);
  network.visit([&]<class T>(Model<T>& own) {
    const GivenLoss loss(network, options.loss);
    const Examples<T> examples(given, network, own, loss, "evaluate");
    const DataSet<T>& data = examples.data();
    const int64_t rows = data.inputs.rows, columns = own.network().outputs();
    const NumberView targets = targets_of(data);
    scorer.prepare(output_kind(loss.spec(), own.network().output_activation().name, columns), {&targets, 1},
                   true);
    std::vector<T> outputs(scorer.empty() ? 0 : static_cast<size_t>(rows * columns));
    const double value = loss_of(own, loss, data, scorer.empty() ? nullptr : outputs.data());
    made->figures.push_back({"loss", {{value}, {}, ""}});
    const NumberView found(outputs.data(), rows, columns);
    for (const ScoredMetric& metric : scorer.metrics())
      made->figures.emplace_back(metric.name, scorer.result(metric, targets, found, data.sample_weights));
  });
  return made;
}

const lamina_evaluation& given_evaluation(const lamina_evaluation* evaluation) {
  check_given(evaluation, "evaluation", "one that lamina_evaluate_with gave");
  return *evaluation;
}

}  // namespace
}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

lamina_status lamina_evaluate(const lamina_model* model, const lamina_data* data, lamina_description loss,
                              double* value) {
  return guarded(__func__, [&] {
    const TrainableNetwork& network = network_of(model);
    check_given(value, "value", "where the loss is to go");
    lamina_evaluate_options options = kDefaults;
    options.loss = loss;
    *value = evaluated(network, data, options)->figures.front().second.number();
  });
}

lamina_status lamina_evaluate_with(const lamina_model* model, const lamina_data* data,
                                   const lamina_evaluate_options* options, lamina_evaluation** evaluation) {
  return guarded(__func__, [&] {
    const TrainableNetwork& network = network_of(model);
    check_given(evaluation, "evaluation", "where the figures are to go");
    const lamina_evaluate_options own =
        options != nullptr ? sized_copy(*options, kDefaults, "options") : kDefaults;
    *evaluation = evaluated(network, data, own).release();
  });
}

void lamina_evaluation_free(lamina_evaluation* evaluation) { delete evaluation; }

size_t lamina_evaluation_figures(const lamina_evaluation* evaluation) {
  return guarded_value(__func__, size_t{0}, [&] { return given_evaluation(evaluation).figures.size(); });
}

lamina_status lamina_evaluation_figure(const lamina_evaluation* evaluation, size_t index,
                                       lamina_figure* figure) {
  return guarded(__func__, [&] {
    const auto& figures = given_evaluation(evaluation).figures;
    check_given(figure, "figure", "a struct to fill");
    const size_t size = figure->struct_size;
    check_struct_size(size, alignof(lamina_figure), "figure");
    if (index >= figures.size()) fail_value({"index is ", index, "; expected one below ", figures.size()});
    const auto& [name, result] = figures[index];
    lamina_figure found = kNoFigure;
    found.name = name.c_str();
    found.values = result.values.data();
    found.elements = result.values.size();
    found.dimensions = result.shape.size();
    std::copy(result.shape.begin(), result.shape.end(), found.shape);
    sized_store(found, size, figure);
  });
}

double lamina_evaluation_value(const lamina_evaluation* evaluation, const char* name) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  return guarded_value(__func__, kNone, [&] {
    check_given(name, "name", "the name of a figure");
    for (const auto& [known, result] : given_evaluation(evaluation).figures)
      if (known == name && !result.is_array()) return result.number();
    return kNone;
  });
}
}
