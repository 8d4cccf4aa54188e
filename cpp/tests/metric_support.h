// Cases that the tests of metrics share: targets, outputs and weights by hand or at random.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/philox.h"
#include "metrics/metric.h"

namespace lamina::test {

using Rows = std::vector<std::vector<double>>;

// Targets, outputs and weights that live as long as the views of them.
struct Case {
  std::vector<double> targets, outputs, weights;
  std::vector<int32_t> classes;
  int64_t target_columns = 1, output_columns = 1;

  Case& rows(const Rows& values) {
    output_columns = static_cast<int64_t>(values[0].size());
    outputs.clear();
    for (const auto& row : values) outputs.insert(outputs.end(), row.begin(), row.end());
    return *this;
  }
  Case& target_rows(const Rows& values) {
    target_columns = static_cast<int64_t>(values[0].size());
    for (const auto& row : values) targets.insert(targets.end(), row.begin(), row.end());
    return *this;
  }

  MetricResult result(const char* name, const MetricOptions& options = {}) const {
    MetricData data;
    const int64_t rows = static_cast<int64_t>(outputs.size()) / output_columns;
    data.outputs = {outputs.data(), rows, output_columns};
    data.targets = classes.empty()
                       ? NumberView(targets.data(), static_cast<int64_t>(targets.size()) / target_columns,
                                    target_columns)
                       : NumberView(classes.data(), static_cast<int64_t>(classes.size()));
    if (!weights.empty()) data.weights = weights.data();
    return metric_named(name).compute(data, options);
  }
  double operator()(const char* name, const MetricOptions& options = {}) const {
    return result(name, options).number();
  }
  std::string error(const char* name, const MetricOptions& options = {}) const {
    try {
      result(name, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

inline Case binary(std::vector<double> targets, std::vector<double> outputs,
                   std::vector<double> weights = {}) {
  Case made;
  made.targets = std::move(targets);
  made.outputs = std::move(outputs);
  made.weights = std::move(weights);
  return made;
}

// Four rows: one right of each class, one wrong of each; weights 1, 2, 3, 4.

// Rows of classes 0, 1, 2, 2 chosen as 0, 2, 2, 1.
inline Case three_classes() {
  Case made;
  made.classes = {0, 1, 2, 2};
  made.rows({{0.7, 0.2, 0.1}, {0.1, 0.3, 0.6}, {0.2, 0.2, 0.6}, {0.1, 0.5, 0.4}});
  return made;
}

// Rows of two classes with tied scores and weights, some of them 0.
inline Case random_rows(std::size_t rows, uint32_t seed, uint32_t levels) {
  Case made;
  for (std::size_t i = 0; i < rows; ++i) {
    const PhiloxBlock block = philox(philox_key(seed), {{static_cast<uint32_t>(i), 0, 0, 0}});
    const auto& word = block.word;
    made.targets.push_back(i < 2 ? static_cast<double>(i) : word[0] % 2);
    made.outputs.push_back((static_cast<double>(word[1] % levels) - levels / 2.0) / levels);
    made.weights.push_back(i < 2 ? 1.0 : word[2] % 4);
  }
  return made;
}

}  // namespace lamina::test
