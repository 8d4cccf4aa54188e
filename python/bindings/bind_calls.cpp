// Binds short calls on few rows: where arrays need no conversion and no check fails, a step of online
// learning costs what its work costs. Each returns None otherwise, and Python's own checks find out why.
#include <array>
#include <limits>
#include <optional>

#include "handles.h"
#include "inference/values_within.h"
#include "parameter_arrays.h"
#include "passes.h"
#include "plain_arrays.h"

namespace lamina::python {
namespace {

// Targets that are converted lie on the stack.
constexpr int64_t kMostConverted = 256;

bool never(int64_t) noexcept { return false; }

PyObject* none() noexcept { return py::none().release().ptr(); }

// Beyond it a value has no finite one in the network's type.
template <class T>
constexpr double largest() noexcept {
  return static_cast<double>(std::numeric_limits<T>::max());
}

// Elements of a plain array of float32 or float64; none for other types.
std::optional<kernels::SourceType> float_type(PyObject* array) noexcept {
  if (proxy(array)->descr == numpy_types().f32) return kernels::SourceType::kF32;
  if (proxy(array)->descr == numpy_types().f64) return kernels::SourceType::kF64;
  return std::nullopt;
}

bool all_within(const ArraySource& source, double limit) {
  constexpr double kLargestFloat = largest<float>();
  return values_within(
      source, source.type == kernels::SourceType::kF32 ? std::min(limit, kLargestFloat) : limit, false);
}

// Rows [rows, columns] of finite numbers whose `work` of multiply-adds each leaves the interpreter's lock
// where it is. Several rows of float64 for a float32 network are not among them: their precision is looked
// at.
template <class T>
std::optional<ArraySource> plain_rows(PyObject* x, int64_t columns, int64_t work) {
  if (!is_plain(x, kReadable) || proxy(x)->nd != 2) return std::nullopt;
  const auto type = float_type(x);
  const int64_t rows = proxy(x)->dimensions[0];
  if (!type || proxy(x)->dimensions[1] != columns || rows < 1 || rows > kWorkToUnlock / work)
    return std::nullopt;
  const bool narrows = sizeof(T) == 4 && *type == kernels::SourceType::kF64;
  if (narrows && rows > 1) return std::nullopt;
  const int64_t size = *type == kernels::SourceType::kF32 ? 4 : 8;
  const ArraySource source{proxy(x)->data, *type, rows, columns, columns * size, size};
  if (!all_within(source, largest<T>())) return std::nullopt;
  return source;
}

// The targets of a call: those of Python's array, or converted copies of them.
template <class T>
class PlainTargets {
 public:
  // False where they need Python's checks.
  bool read(PyObject* y, const LossSpec& loss, int64_t rows, int64_t outputs) {
    if (!is_plain(y, kReadable)) return false;
    if (loss.takes_classes) return read_classes(y, rows, outputs);
    const int64_t columns = loss.target_columns(outputs);
    if (!has_shape(y, 2, rows, columns) && !(columns == 1 && has_shape(y, 1, 1, rows))) return false;
    return read_values(y, rows, columns) && in_range(loss, rows * columns);
  }
  const Targets<T>& targets() const noexcept { return targets_; }

 private:
  bool read_classes(PyObject* y, int64_t rows, int64_t outputs) noexcept {
    if (!has_shape(y, 1, 1, rows) || rows > kMostConverted) return false;
    const bool wide = proxy(y)->descr == numpy_types().i64;
    if (!wide && proxy(y)->descr != numpy_types().i32) return false;
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t found = wide ? values_of<int64_t>(y)[i] : values_of<int32_t>(y)[i];
      if (found < 0 || found >= outputs) return false;
      classes_[static_cast<size_t>(i)] = static_cast<int32_t>(found);
    }
    targets_.classes = classes_.data();
    return true;
  }

  bool read_values(PyObject* y, int64_t rows, int64_t columns) {
    const auto type = float_type(y);
    if (!type) return false;
    const int64_t count = rows * columns, size = *type == kernels::SourceType::kF32 ? 4 : 8;
    if (!all_within({proxy(y)->data, *type, 1, count, count * size, size}, largest<T>())) return false;
    targets_.columns = targets_.row_stride = columns;
    targets_.values = size == sizeof(T) ? values_of<T>(y) : values_.data();
    if (size == sizeof(T)) return true;
    if (count > kMostConverted || (sizeof(T) == 4 && rows > 1)) return false;
    for (int64_t i = 0; i < count; ++i)
      values_[static_cast<size_t>(i)] =
          static_cast<T>(size == 8 ? values_of<double>(y)[i] : static_cast<double>(values_of<float>(y)[i]));
    return true;
  }

  // Of losses that take only some values, those of probabilities alone are looked at here.
  bool in_range(const LossSpec& loss, int64_t count) const noexcept {
    switch (loss.from_outputs) {
      case kernels::Loss::kMeanSquaredError:
      case kernels::Loss::kMeanAbsoluteError:
      case kernels::Loss::kHuber:
      case kernels::Loss::kLogCosh:
      case kernels::Loss::kQuantile:
      case kernels::Loss::kQuantiles:
      case kernels::Loss::kGaussianLogVariance:
      case kernels::Loss::kCosine:
        return true;
      case kernels::Loss::kBinaryCrossEntropy:
        return std::all_of(targets_.values, targets_.values + count,
                           [](T value) { return value >= T(0) && value <= T(1); });
      default:
        return false;
    }
  }

  Targets<T> targets_;
  std::array<T, kMostConverted> values_;
  std::array<int32_t, kMostConverted> classes_;
};

template <class T>
int64_t row_work(const Model<T>& model) noexcept {
  return std::max<int64_t>(1, model.network().forward_multiply_adds());
}
template <class T>
int64_t step_work(const Model<T>& model) noexcept {
  return std::max<int64_t>(1, model.network().training_multiply_adds());
}

template <class T>
py::object new_outputs(const Model<T>& model, int64_t rows) {
  const Py_intptr_t shape[2] = {static_cast<Py_intptr_t>(rows),
                                static_cast<Py_intptr_t>(model.network().outputs())};
  return new_array<T>(2, shape);
}

template <class T>
PyObject* predict(const Model<T>& model, PyObject* x) {
  const auto rows = plain_rows<T>(x, model.network().inputs(), row_work(model));
  if (!rows) return none();
  py::object outputs = new_outputs(model, rows->rows);
  if (!model.try_predict(*rows, values_of<T>(outputs.ptr()))) return none();
  return outputs.release().ptr();
}

template <class T>
PyObject* forward(Model<T>& model, PyObject* x, bool training, uint64_t seed, uint64_t step) {
  const auto rows = plain_rows<T>(x, model.network().inputs(), row_work(model));
  if (!rows) return none();
  py::object outputs = new_outputs(model, rows->rows);
  model.forward(*rows, training, seed, step, values_of<T>(outputs.ptr()), &never);
  return outputs.release().ptr();
}

template <class T>
PyObject* jacobian(Model<T>& model, PyObject* x) {
  const Network<T>& network = model.network();
  const auto rows = plain_rows<T>(x, network.inputs(), row_work(model) * (network.outputs() + 1));
  if (!rows) return none();
  const Py_intptr_t shape[3] = {static_cast<Py_intptr_t>(rows->rows),
                                static_cast<Py_intptr_t>(network.outputs()),
                                static_cast<Py_intptr_t>(network.inputs())};
  py::object result = new_array<T>(3, shape);
  T* out = values_of<T>(result.ptr());
  model.derive([&](Derivatives<T>& derivatives) { return derivatives.input_jacobian(*rows, out, &never); });
  return result.release().ptr();
}

template <class T>
PyObject* train_step(Model<T>& model, PyObject* x, PyObject* y, const LossSpec& loss, Optimizer<T>& optimizer,
                     uint64_t seed) {
  const auto rows = plain_rows<T>(x, model.network().inputs(), step_work(model));
  PlainTargets<T> targets;
  if (!rows || !targets.read(y, loss, rows->rows, model.network().outputs())) return none();
  const DataSet<T> data{*rows, targets.targets(), nullptr};
  const std::optional<double> value = model.try_train_step(data, loss, optimizer, seed);
  return value ? PyFloat_FromDouble(*value) : none();
}

// {name: gradient} of the last value_and_gradient.
template <class T>
py::dict gradients_by_name(const Model<T>& model, const std::vector<py::object>& names) {
  const std::vector<Parameter>& parameters = model.network().parameters();
  py::dict gradients;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    std::array<Py_intptr_t, 4> shape;
    std::copy(parameter.shape.begin(), parameter.shape.end(), shape.begin());
    py::object array = new_array<T>(static_cast<int>(parameter.shape.size()), shape.data());
    unpack_parameter(parameter, model.gradients(), values_of<T>(array.ptr()));
    if (PyDict_SetItem(gradients.ptr(), names[i].ptr(), array.ptr()) != 0) throw py::error_already_set();
  }
  return gradients;
}

template <class T>
PyObject* value_and_gradient(Model<T>& model, const std::vector<py::object>& names, PyObject* x, PyObject* y,
                             const LossSpec& loss, uint64_t seed, uint64_t step, bool accumulate) {
  const auto rows = plain_rows<T>(x, model.network().inputs(), step_work(model));
  PlainTargets<T> targets;
  if (!rows || names.empty() || !targets.read(y, loss, rows->rows, model.network().outputs())) return none();
  const DataSet<T> data{*rows, targets.targets(), nullptr};
  const double value = model.value_and_gradient(data, loss, seed, step, accumulate, &never);
  return py::make_tuple(value, gradients_by_name(model, names)).release().ptr();
}

// What a call was given, in the order of its parameters; each raises where it is of another type.
class Arguments {
 public:
  Arguments(const char* name, PyObject* const* given, Py_ssize_t count, Py_ssize_t expected) : given_(given) {
    if (count != expected)
      throw Error(Error::Kind::kType, std::string(name) + ": expected " + std::to_string(expected) +
                                          " arguments, got " + std::to_string(count));
  }

  PyObject* array(size_t place) const noexcept { return given_[place]; }
  uint64_t number(size_t place) const {
    const unsigned long long value = PyLong_AsUnsignedLongLong(given_[place]);
    if (value == std::numeric_limits<unsigned long long>::max() && PyErr_Occurred() != nullptr)
      throw py::error_already_set();
    return value;
  }
  bool flag(size_t place) const noexcept { return given_[place] == Py_True; }
  template <class Class>
  Class& object(size_t place) const {
    static PyObject* const type = py::type::of<Class>().release().ptr();
    if (reinterpret_cast<PyObject*>(Py_TYPE(given_[place])) != type)
      throw Error(Error::Kind::kType, "network: expected a " +
                                          std::string(reinterpret_cast<PyTypeObject*>(type)->tp_name) +
                                          ", got a " + Py_TYPE(given_[place])->tp_name);
    return held_by<Class>(given_[place]);
  }

 private:
  PyObject* const* given_;
};

using Given = PyObject* const*;

PyObject* predict_call(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_predict", given, count, 1);
    return held_by<NetworkHandle>(self).visit(
        [&](const auto& model) { return predict(model, arguments.array(0)); });
  });
}

PyObject* forward_call(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_forward", given, count, 4);
    return held_by<NetworkHandle>(self).visit([&](auto& model) {
      return forward(model, arguments.array(0), arguments.flag(1), arguments.number(2), arguments.number(3));
    });
  });
}

PyObject* jacobian_call(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_jacobian", given, count, 1);
    return held_by<NetworkHandle>(self).visit(
        [&](auto& model) { return jacobian(model, arguments.array(0)); });
  });
}

PyObject* train_step_call(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_train_step", given, count, 5);
    return held_by<NetworkHandle>(self).visit([&]<class T>(Model<T>& model) {
      return train_step(model, arguments.array(0), arguments.array(1), arguments.object<LossSpec>(2),
                        arguments.object<OptimizerHandle>(3).of<T>("train_step"), arguments.number(4));
    });
  });
}

PyObject* value_and_gradient_call(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_value_and_gradient", given, count, 6);
    const auto& network = held_by<NetworkHandle>(self);
    return network.visit([&](auto& model) {
      return value_and_gradient(model, network.parameter_names(), arguments.array(0), arguments.array(1),
                                arguments.object<LossSpec>(2), arguments.number(3), arguments.number(4),
                                arguments.flag(5));
    });
  });
}

// Signatures as pybind11 writes them, from which the stub is made.
#define LAMINA_ARRAY "numpy.typing.NDArray[typing.Any]"
PyMethodDef kDefinitions[] = {
    {"try_predict", as_function(&predict_call), METH_FASTCALL | METH_KEYWORDS,
     "try_predict(self: lamina._core.Network, inputs: typing.Any, /) -> " LAMINA_ARRAY " | None\n"},
    {"try_forward", as_function(&forward_call), METH_FASTCALL | METH_KEYWORDS,
     "try_forward(self: lamina._core.Network, inputs: typing.Any, training: bool, seed: int, step: int, /) "
     "-> " LAMINA_ARRAY " | None\n"},
    {"try_jacobian", as_function(&jacobian_call), METH_FASTCALL | METH_KEYWORDS,
     "try_jacobian(self: lamina._core.Network, inputs: typing.Any, /) -> " LAMINA_ARRAY " | None\n"},
    {"try_train_step", as_function(&train_step_call), METH_FASTCALL | METH_KEYWORDS,
     "try_train_step(self: lamina._core.Network, inputs: typing.Any, targets: typing.Any, loss: "
     "lamina._core.Loss, optimizer: lamina._core.Optimizer, seed: int, /) -> float | None\n"},
    {"try_value_and_gradient", as_function(&value_and_gradient_call), METH_FASTCALL | METH_KEYWORDS,
     "try_value_and_gradient(self: lamina._core.Network, inputs: typing.Any, targets: typing.Any, loss: "
     "lamina._core.Loss, seed: int, step: int, accumulate: bool, /) -> tuple[float, dict[str, " LAMINA_ARRAY
     "]] | None\n"}};
#undef LAMINA_ARRAY

}  // namespace

void bind_calls(const py::class_<NetworkHandle>& type) {
  for (PyMethodDef& definition : kDefinitions) add_method(type, definition);
}

}  // namespace lamina::python
