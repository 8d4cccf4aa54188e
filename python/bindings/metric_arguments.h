// Arrays and options of metrics, from Python, and what they give, for it.
#pragma once

#include <optional>
#include <string>

#include "array_view.h"
#include "metrics/metric.h"

namespace lamina::python {

using RowWeightArray = std::optional<DenseArray<double>>;

// Options as users give them, by the names that the metric has for them; raises kValue or kType.
MetricOptions metric_options(const Metric& metric, const py::dict& given);

// "min" or "max".
std::optional<std::string> mode_name(std::optional<Mode> mode);

// Class indices [rows] of int32, or numbers [rows, columns] of float32 or float64, without gaps.
NumberView number_view(const py::array& array);

// Null where there are no weights; raises kValue unless there is one for each row.
const double* weight_pointer(const RowWeightArray& weights, int64_t rows, const char* where);

// A float or an array.
py::object result_value(const MetricResult& result);

}  // namespace lamina::python
