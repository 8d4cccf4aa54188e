// The formulas of the metrics, by what they read; each raises Error kValue as Metric::compute does.
#pragma once

#include "metrics/metric.h"

namespace lamina::metrics {

// Decisions
MetricResult accuracy(const MetricData& data, const MetricOptions& options);
MetricResult label_accuracy(const MetricData& data, const MetricOptions& options);
MetricResult balanced_accuracy(const MetricData& data, const MetricOptions& options);
MetricResult precision(const MetricData& data, const MetricOptions& options);
MetricResult recall(const MetricData& data, const MetricOptions& options);
MetricResult f1(const MetricData& data, const MetricOptions& options);
MetricResult matthews_correlation(const MetricData& data, const MetricOptions& options);
MetricResult confusion_matrix(const MetricData& data, const MetricOptions& options);

// Scores
MetricResult top_k_accuracy(const MetricData& data, const MetricOptions& options);
MetricResult roc_auc(const MetricData& data, const MetricOptions& options);
MetricResult average_precision(const MetricData& data, const MetricOptions& options);

// Probabilities
MetricResult log_loss(const MetricData& data, const MetricOptions& options);
MetricResult brier_score(const MetricData& data, const MetricOptions& options);
MetricResult expected_calibration_error(const MetricData& data, const MetricOptions& options);

// Values
MetricResult mean_squared_error(const MetricData& data, const MetricOptions& options);
MetricResult root_mean_squared_error(const MetricData& data, const MetricOptions& options);
MetricResult mean_absolute_error(const MetricData& data, const MetricOptions& options);
MetricResult mean_absolute_percentage_error(const MetricData& data, const MetricOptions& options);
MetricResult median_absolute_error(const MetricData& data, const MetricOptions& options);
MetricResult r2(const MetricData& data, const MetricOptions& options);
MetricResult pinball(const MetricData& data, const MetricOptions& options);

}  // namespace lamina::metrics
