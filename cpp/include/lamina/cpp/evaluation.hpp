// The loss and metrics of rows, without training.
#pragma once

#include <lamina/cpp/observers.hpp>

namespace lamina {
inline namespace v1 {

struct EvaluateOptions {
  std::vector<Metric> metrics = {};
  std::optional<Loss> loss = {};  // by default one that fits the last activation
  std::optional<std::span<const double>> sample_weight = {};
};

// The figures of an evaluation by their names: "loss", and each metric.
class Evaluation {
 public:
  explicit Evaluation(lamina_evaluation* evaluation) : evaluation_(evaluation, lamina_evaluation_free) {}
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (std::size_t index = 0; index < lamina_evaluation_figures(evaluation_.get()); ++index)
      all.emplace_back(figure(index).name);
    return all;
  }
  [[nodiscard]] double loss() const { return (*this)["loss"]; }
  // A figure that is one number.
  [[nodiscard]] double operator[](const std::string& name) const {
    const lamina_figure found = named(name);
    if (found.dimensions > 0)
      detail::refuse("evaluation: expected the name of one number, got '" + name +
                     "', which is an array; ask values(\"" + name + "\")");
    return *found.values;
  }
  // All numbers of one that may be an array, row after row: "confusion_matrix" is [classes, classes].
  [[nodiscard]] std::span<const double> values(const std::string& name) const {
    const lamina_figure found = named(name);
    return {found.values, found.elements};
  }

 private:
  [[nodiscard]] lamina_figure figure(std::size_t index) const {
    lamina_figure found = LAMINA_FIGURE_INIT;
    detail::check(lamina_evaluation_figure(evaluation_.get(), index, &found));
    return found;
  }
  [[nodiscard]] lamina_figure named(const std::string& name) const {
    const std::vector<std::string> all = names();
    const auto place = std::ranges::find(all, name);
    if (place != all.end()) return figure(static_cast<std::size_t>(place - all.begin()));
    std::string known;
    for (const std::string& each : all) known += (known.empty() ? "" : ", ") + each;
    detail::refuse("evaluation: unknown figure '" + name + "'; there are " + known);
  }

  std::shared_ptr<lamina_evaluation> evaluation_;
};

}  // namespace v1
}  // namespace lamina
