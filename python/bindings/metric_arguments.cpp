// Arrays and options of metrics, from Python.
#include "metric_arguments.h"

#include <algorithm>

#include "given_values.h"

namespace lamina::python {
namespace {

// Options as users give them, by the names that the metric has for them.
class OptionsReader {
 public:
  explicit OptionsReader(const Metric& metric)
      : where_(metric.name), of_area_(metric.reads == Reads::kScores) {}

  MetricOptions read(const py::dict& given) {
    for (const auto& [key, value] : given) read_one(key.cast<std::string>(), value);
    return std::move(options_);
  }

 private:
  void read_one(const std::string& option, py::handle value) {
    if (option == "average")
      read_average(value);
    else if (option == "k")
      options_.k = count("k", value);
    else if (option == "bins")
      options_.bins = count("bins", value);
    else if (option == "level")
      read_levels(value);
    else if (value.is_none())
      return;
    else if (option == "task")
      options_.task = named_value<Task>(
          value,
          {{"binary", Task::kBinary}, {"multiclass", Task::kMulticlass}, {"multilabel", Task::kMultilabel}},
          where_, "task binary, multiclass, multilabel or None");
    else if (option == "threshold")
      options_.threshold = threshold(value);
    else if (option == "normalize")
      options_.normalize = named_value<Normalize>(
          value, {{"true", Normalize::kTrue}, {"pred", Normalize::kPredicted}, {"all", Normalize::kAll}},
          where_, "normalize 'true', 'pred', 'all' or None");
    else
      throw Error(Error::Kind::kType, where_ + ": unknown option '" + option + "'");
  }
  void read_average(py::handle value) {
    const char* expected = of_area_ ? "average macro, micro, weighted or None"
                                    : "average auto, binary, macro, micro, weighted or None";
    options_.average = Average::kNone;
    if (value.is_none()) return;
    options_.average = named_value<Average>(value,
                                            {{"auto", Average::kAuto},
                                             {"binary", Average::kBinary},
                                             {"macro", Average::kMacro},
                                             {"micro", Average::kMicro},
                                             {"weighted", Average::kWeighted}},
                                            where_, expected);
  }
  double threshold(py::handle value) const {
    if (!is_number(value)) refuse(Error::Kind::kType, where_, "threshold as a number", value);
    return as_double(value);
  }
  int64_t count(const char* option, py::handle value) const {
    if (!is_whole(value))
      refuse(Error::Kind::kType, where_, std::string(option) + " as a whole number", value);
    return as_integer(value);
  }
  void read_levels(py::handle value) {
    const auto add = [&](py::handle level) {
      if (!is_number(level)) return false;
      options_.levels.push_back(as_double(level));
      return options_.levels.back() >= 0.0 && options_.levels.back() <= 1.0;
    };
    bool good = false;
    if (is_number(value)) {
      good = add(value);
    } else if (const py::object many = py::module_::import("numpy").attr("asarray")(value);
               many.attr("ndim").cast<int>() == 1) {
      good = py::len(many) > 0;
      for (const py::handle level : many) good = good && add(level);
    }
    if (!good) refuse(Error::Kind::kValue, where_, "level in [0, 1], or a sequence of such", value);
  }

  std::string where_;
  bool of_area_;
  MetricOptions options_;
};

}  // namespace

MetricOptions metric_options(const Metric& metric, const py::dict& given) {
  return OptionsReader(metric).read(given);
}

std::optional<std::string> mode_name(std::optional<Mode> mode) {
  if (!mode) return std::nullopt;
  return *mode == Mode::kMin ? "min" : "max";
}

NumberView number_view(const py::array& array) {
  const auto refused = [&](const char* what) {
    return Error(Error::Kind::kType, std::string("metrics: ") + what + shape_text(array));
  };
  if ((array.flags() & py::array::c_style) == 0) throw refused("expected an array without gaps, got ");
  const int64_t rows = array.ndim() > 0 ? array.shape(0) : 0;
  if (array.ndim() == 1 && py::isinstance<DenseArray<int32_t>>(array))
    return {static_cast<const int32_t*>(array.data()), rows};
  if (array.ndim() != 2) throw refused("expected an array [rows, columns], got ");
  if (py::isinstance<DenseArray<float>>(array))
    return {static_cast<const float*>(array.data()), rows, array.shape(1)};
  if (py::isinstance<DenseArray<double>>(array))
    return {static_cast<const double*>(array.data()), rows, array.shape(1)};
  throw refused("expected numbers of float32 or float64, or class indices of int32, got ");
}

const double* weight_pointer(const RowWeightArray& weights, int64_t rows, const char* where) {
  if (!weights) return nullptr;
  if (weights->ndim() != 1 || weights->shape(0) != rows)
    throw Error(Error::Kind::kValue, std::string(where) + ": expected " + std::to_string(rows) +
                                         " sample weights, got shape " + shape_text(*weights));
  return weights->data();
}

py::object result_value(const MetricResult& result) {
  if (!result.is_array()) return py::float_(result.number());
  py::array_t<double> array(std::vector<py::ssize_t>(result.shape.begin(), result.shape.end()));
  std::copy(result.values.begin(), result.values.end(), array.mutable_data());
  return array;
}

}  // namespace lamina::python
