// Binds the row-by-row training of a linear unit.
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "array_view.h"
#include "poll.h"
#include "register.h"
#include "training/linear_unit.h"

namespace lamina::python {
namespace {

constexpr const char* kUnitName = "Perceptron";

[[noreturn]] void refuse_unit(const std::string& problem) {
  throw Error(Error::Kind::kValue, std::string(kUnitName) + ": expected " + problem);
}

void expect_size(const py::array& array, int64_t size, const char* name) {
  if (array.ndim() != 1 || array.shape(0) != size)
    refuse_unit(std::string(name) + " of shape [" + std::to_string(size) + "], got " + shape_text(array));
}

// What a unit learns from, and the arrays that it lies in.
template <class T>
struct UnitArrays {
  DenseArray<T> values, signs, weights;
  std::optional<DenseArray<int32_t>> columns, starts;
  DenseArray<uint8_t> held_back;

  UnitRows<T> checked(int64_t rows, int64_t width) const {
    if (rows < 1 || width < 1 || rows > INT32_MAX) refuse_unit("1 to 2^31 - 1 rows of at least one feature");
    expect_size(signs, rows, "y");
    expect_size(weights, rows, "sample_weight");
    expect_size(held_back, rows, "a mask of rows");
    UnitRows<T> data{rows,    width,        values.data(),  nullptr,
                     nullptr, signs.data(), weights.data(), held_back.data()};
    if (!columns) {
      expect_size(values, rows * width, "values");
      return data;
    }
    expect_size(*starts, rows + 1, "indptr");
    const int64_t stored = values.size();
    expect_size(*columns, stored, "indices");
    data.columns_of = columns->data();
    data.starts = starts->data();
    if (data.starts[0] != 0 || data.starts[rows] != stored) refuse_unit("an indptr from 0 to all values");
    for (int64_t i = 0; i < rows; ++i)
      if (data.starts[i] > data.starts[i + 1]) refuse_unit("an indptr that does not fall");
    for (int64_t i = 0; i < stored; ++i)
      if (data.columns_of[i] < 0 || data.columns_of[i] >= width)
        refuse_unit("indices of columns below " + std::to_string(width));
    return data;
  }
};

UnitOptions unit_options(const py::dict& given) {
  const auto number = [&](const char* name) { return given[name].cast<double>(); };
  const auto whole = [&](const char* name) { return given[name].cast<int64_t>(); };
  const auto flag = [&](const char* name) { return given[name].cast<bool>(); };
  UnitOptions o;
  o.rate = number("rate");
  o.decays = flag("decays");
  o.truncates = flag("truncates");
  o.alpha = number("alpha");
  o.l1_ratio = number("l1_ratio");
  o.fit_bias = flag("fit_bias");
  o.bias_share = number("bias_share");
  o.positive_weight = number("positive_weight");
  o.negative_weight = number("negative_weight");
  o.shuffle = flag("shuffle");
  o.seed = static_cast<uint32_t>(whole("seed"));
  o.max_epochs = whole("max_epochs");
  o.validates = flag("validates");
  o.stops = flag("stops");
  o.tolerance = number("tolerance");
  o.patience = whole("patience");
  return o;
}

template <class T>
py::tuple train_unit(const py::object& values, const py::object& columns, const py::object& starts,
                     int64_t rows, int64_t width, const py::object& signs, const py::object& sample_weight,
                     const py::object& held_back, const py::object& coef, double bias,
                     const py::dict& options, const py::object& after_epoch) {
  UnitArrays<T> arrays{dense_array<T>(values, kUnitName),
                       dense_array<T>(signs, kUnitName),
                       dense_array<T>(sample_weight, kUnitName),
                       std::nullopt,
                       std::nullopt,
                       dense_array<uint8_t>(held_back, kUnitName)};
  if (!columns.is_none()) {
    arrays.columns = dense_array<int32_t>(columns, kUnitName);
    arrays.starts = dense_array<int32_t>(starts, kUnitName);
  }
  const UnitRows<T> data = arrays.checked(rows, width);
  const DenseArray<T> first = dense_array<T>(coef, kUnitName);
  expect_size(first, width, "weights");
  const UnitOptions checked = unit_options(options);
  UnitResult<T> result;
  HookGuard guard;
  bool failed = false;
  const auto tell = [&](const UnitEpoch& e) {
    failed = failed || guard([&]() -> bool {
               const py::gil_scoped_acquire lock;
               after_epoch(e.epoch, e.loss, e.objective, e.score, e.norm, e.bias, e.moves_possible);
               return false;
             });
  };
  const FunctionRef<void(const UnitEpoch&)> told(tell);
  result = run_unlocked(
      [&](Poll poll) {
        const auto ask = [&](int64_t done) { return failed || poll(done); };
        return train_linear_unit(data, checked, first.data(), bias, after_epoch.is_none() ? nullptr : &told,
                                 ask);
      },
      arrays.values, arrays.signs, arrays.weights, arrays.columns, arrays.starts, arrays.held_back, first);
  guard.rethrow();
  DenseArray<T> weights(static_cast<py::ssize_t>(result.weights.size()));
  std::copy(result.weights.begin(), result.weights.end(), weights.mutable_data());
  return py::make_tuple(weights, result.bias, result.epochs);
}

py::tuple train_unit_of_any(bool single, const py::object& values, const py::object& columns,
                            const py::object& starts, int64_t rows, int64_t width, const py::object& signs,
                            const py::object& sample_weight, const py::object& held_back,
                            const py::object& coef, double bias, const py::dict& options,
                            const py::object& after_epoch) {
  const auto train = single ? &train_unit<float> : &train_unit<double>;
  return train(values, columns, starts, rows, width, signs, sample_weight, held_back, coef, bias, options,
               after_epoch);
}

}  // namespace

void register_linear_unit(py::module_& module) {
  module.def("train_linear_unit", &train_unit_of_any,
             "Weights [features], bias and epochs of a linear unit trained row by row by the perceptron's "
             "loss. Rows are dense, flat, or compressed sparse rows with their columns and starts.",
             py::arg("single"), py::arg("values"), py::arg("columns"), py::arg("starts"), py::arg("rows"),
             py::arg("width"), py::arg("signs"), py::arg("sample_weight"), py::arg("held_back"),
             py::arg("coef"), py::arg("bias"), py::arg("options"), py::arg("after_epoch"));
}

}  // namespace lamina::python
