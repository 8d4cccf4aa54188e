// Binds calls on arrays that need no conversion: their checks and their work are done at once, so that a step
// of online learning costs what its work costs. Each returns None for other arrays, which Python's checks
// convert or refuse.
#include <array>
#include <limits>
#include <optional>

#include "base/arena.h"
#include "handles.h"
#include "inference/values_within.h"
#include "parameter_arrays.h"
#include "passes.h"
#include "plain_arrays.h"
#include "poll.h"
#include "training/check_targets.h"

namespace lamina::python {
namespace {

// More than so many elements are looked through by Python's checks, which let other threads run meanwhile.
constexpr int64_t kMostElements = int64_t{1} << 18;
// So many targets are copied to the stack.
constexpr int64_t kFewTargets = 512;
// Multiply-adds that take about as long as the activation of one element.
constexpr int64_t kElementWork = 8;

PyObject* none() noexcept { return py::none().release().ptr(); }

// A plain array of floating-point numbers as [rows, columns]; none for other types. Several rows of float64
// for a float32 network are not among them: Python looks at their precision.
template <class T>
std::optional<ArraySource> plain_matrix(PyObject* array, int64_t rows, int64_t columns) noexcept {
  const bool narrow = has_type(array, numpy_types().f32);
  if (!narrow && (!has_type(array, numpy_types().f64) || (sizeof(T) == 4 && rows > 1))) return std::nullopt;
  const int64_t size = narrow ? 4 : 8;
  const auto type = narrow ? kernels::SourceType::kF32 : kernels::SourceType::kF64;
  return ArraySource{proxy(array)->data, type, rows, columns, columns * size, size};
}

// Rows [rows, columns] of finite numbers.
template <class T>
std::optional<ArraySource> plain_rows(PyObject* x, int64_t columns) {
  if (!is_plain(x, kReadable) || proxy(x)->nd != 2 || proxy(x)->dimensions[1] != columns) return std::nullopt;
  const int64_t rows = proxy(x)->dimensions[0];
  if (rows < 1 || rows * columns > kMostElements) return std::nullopt;
  const auto source = plain_matrix<T>(x, rows, columns);
  if (!source) return std::nullopt;
  const bool narrow = sizeof(T) == 4 || source->type == kernels::SourceType::kF32;
  const double largest = narrow ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  return values_within(*source, largest, false) ? source : std::nullopt;
}

// The targets of a call, checked and converted.
template <class T>
class PlainTargets {
 public:
  // False where Python's checks are needed; raises where the loss does not take such targets.
  bool read(PyObject* y, const LossSpec& loss, int64_t rows, int64_t outputs, const char* where) {
    if (!is_plain(y, kReadable)) return false;
    if (loss.takes_classes && has_shape(y, 1, 1, rows)) return read_indices(y, rows, outputs, where);
    const int64_t columns = loss.target_columns(outputs);
    if (!has_shape(y, 2, rows, columns) && !(columns == 1 && has_shape(y, 1, 1, rows))) return false;
    const auto source = plain_matrix<T>(y, rows, columns);
    if (!source || rows * columns > kMostElements) return false;
    T* values = values_.data();
    if (rows * columns > kFewTargets) values = (many_values_ = AlignedBuffer<T>(rows * columns)).data();
    read_values(*source, loss, where, values);
    targets_.values = values;
    targets_.columns = targets_.row_stride = columns;
    return true;
  }
  const Targets<T>& targets() const noexcept { return targets_; }

 private:
  bool read_indices(PyObject* y, int64_t rows, int64_t outputs, const char* where) {
    const bool wide = has_type(y, numpy_types().i64);
    if (!wide && !has_type(y, numpy_types().i32)) return false;
    const int64_t size = wide ? 8 : 4;
    const auto type = wide ? kernels::SourceType::kI64 : kernels::SourceType::kI32;
    int32_t* classes = classes_.data();
    if (rows > kFewTargets) classes = (many_classes_ = AlignedBuffer<int32_t>(rows)).data();
    read_classes({proxy(y)->data, type, rows, 1, size, size}, outputs, where, classes);
    targets_.classes = classes;
    return true;
  }

  Targets<T> targets_;
  std::array<T, kFewTargets> values_;
  std::array<int32_t, kFewTargets> classes_;
  AlignedBuffer<T> many_values_;
  AlignedBuffer<int32_t> many_classes_;
};

// Whether so many rows are through in microseconds, where each takes `multiply_adds` and activations.
template <class T>
bool is_short(const Network<T>& network, int64_t rows, int64_t multiply_adds) noexcept {
  int64_t elements = 1;
  for (int slot = 0; slot < static_cast<int>(network.slot_columns().size()); ++slot)
    elements += network.slot_rows(slot) * network.slot_columns()[static_cast<size_t>(slot)];
  return rows < kWorkToUnlock / (multiply_adds + kElementWork * elements);
}

// Runs a call with the interpreter's lock held where it is short, else without, noticing Ctrl-C.
template <class Run>
auto run_long(PyObject* x, Run run) {
  return run_unlocked(run, py::reinterpret_borrow<py::array>(x));
}
template <class Run>
auto run_now_or_long(bool is_short, PyObject* x, Run run) {
  const auto never = [](int64_t) noexcept { return false; };
  return is_short ? run(never) : run_long(x, run);
}

template <class T>
py::object new_outputs(const Model<T>& model, int64_t rows) {
  const Py_intptr_t shape[2] = {static_cast<Py_intptr_t>(rows),
                                static_cast<Py_intptr_t>(model.network().outputs())};
  return new_array<T>(2, shape);
}

template <class T>
PyObject* try_predict(const Model<T>& model, PyObject* x) {
  const Network<T>& network = model.network();
  const auto rows = plain_rows<T>(x, network.inputs());
  if (!rows) return none();
  py::object outputs = new_outputs(model, rows->rows);
  T* out = values_of<T>(outputs.ptr());
  const bool is_done =
      is_short(network, rows->rows, network.forward_multiply_adds()) && model.try_predict(*rows, out);
  if (!is_done) run_long(x, [&](Poll poll) { return model.predict(*rows, out, poll); });
  return outputs.release().ptr();
}

template <class T>
PyObject* try_forward(Model<T>& model, PyObject* x, bool training, uint64_t seed, uint64_t step) {
  const Network<T>& network = model.network();
  const auto rows = plain_rows<T>(x, network.inputs());
  if (!rows) return none();
  const std::vector<int64_t> shape = model.forward_shape(rows->rows, training);
  const std::vector<Py_intptr_t> dimensions(shape.begin(), shape.end());
  py::object outputs = new_array<T>(static_cast<int>(dimensions.size()), dimensions.data());
  T* out = values_of<T>(outputs.ptr());
  run_now_or_long(is_short(network, rows->rows, network.forward_multiply_adds()), x,
                  [&](Poll poll) { model.forward(*rows, training, seed, step, out, poll); });
  return outputs.release().ptr();
}

template <class T>
PyObject* try_jacobian(Model<T>& model, PyObject* x) {
  const Network<T>& network = model.network();
  const auto rows = plain_rows<T>(x, network.inputs());
  if (!rows) return none();
  const Py_intptr_t shape[3] = {static_cast<Py_intptr_t>(rows->rows),
                                static_cast<Py_intptr_t>(network.outputs()),
                                static_cast<Py_intptr_t>(network.inputs())};
  py::object result = new_array<T>(3, shape);
  T* out = values_of<T>(result.ptr());
  const int64_t passes = network.outputs() + 1;
  run_now_or_long(is_short(network, rows->rows * passes, network.forward_multiply_adds()), x, [&](Poll poll) {
    return model.derive(
        [&](Derivatives<T>& derivatives) { return derivatives.input_jacobian(*rows, out, poll); });
  });
  return result.release().ptr();
}

template <class T>
PyObject* try_train_step(Model<T>& model, PyObject* x, PyObject* y, const LossSpec& loss,
                         Optimizer<T>& optimizer, uint64_t seed) {
  const Network<T>& network = model.network();
  const auto rows = plain_rows<T>(x, network.inputs());
  PlainTargets<T> targets;
  if (!rows || !targets.read(y, loss, rows->rows, network.outputs(), "train_step")) return none();
  const DataSet<T> data{*rows, targets.targets(), nullptr};
  std::optional<double> value;
  if (is_short(network, rows->rows, network.training_multiply_adds()))
    value = model.try_train_step(data, loss, optimizer, seed);
  if (!value)
    value = run_long(x, [&](Poll poll) { return model.train_step(data, loss, optimizer, seed, poll); });
  return PyFloat_FromDouble(*value);
}

template <class T>
PyObject* try_value_and_gradient(Model<T>& model, const std::vector<py::object>& names, PyObject* x,
                                 PyObject* y, const LossSpec& loss, uint64_t seed, uint64_t step,
                                 bool accumulate) {
  const Network<T>& network = model.network();
  const auto rows = plain_rows<T>(x, network.inputs());
  PlainTargets<T> targets;
  if (!rows || names.empty() || !targets.read(y, loss, rows->rows, network.outputs(), "value_and_grad"))
    return none();
  const DataSet<T> data{*rows, targets.targets(), nullptr};
  const bool now = is_short(network, rows->rows, network.training_multiply_adds());
  const auto run = [&](Poll poll) {
    return model.value_and_gradient(data, loss, seed, step, accumulate, poll);
  };
  return with_gradients(model, names, [&] { return run_now_or_long(now, x, run); }).release().ptr();
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

PyObject* try_predict_method(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_predict", given, count, 1);
    return held_by<NetworkHandle>(self).visit(
        [&](const auto& model) { return try_predict(model, arguments.array(0)); });
  });
}

PyObject* try_forward_method(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_forward", given, count, 4);
    return held_by<NetworkHandle>(self).visit([&](auto& model) {
      return try_forward(model, arguments.array(0), arguments.flag(1), arguments.number(2),
                         arguments.number(3));
    });
  });
}

PyObject* try_jacobian_method(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_jacobian", given, count, 1);
    return held_by<NetworkHandle>(self).visit(
        [&](auto& model) { return try_jacobian(model, arguments.array(0)); });
  });
}

PyObject* try_train_step_method(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_train_step", given, count, 5);
    return held_by<NetworkHandle>(self).visit([&]<class T>(Model<T>& model) {
      return try_train_step(model, arguments.array(0), arguments.array(1), arguments.object<LossSpec>(2),
                            arguments.object<OptimizerHandle>(3).of<T>("train_step"), arguments.number(4));
    });
  });
}

PyObject* try_value_and_gradient_method(PyObject* self, Given given, Py_ssize_t count, PyObject*) noexcept {
  return raising([&] {
    const Arguments arguments("try_value_and_gradient", given, count, 6);
    const auto& network = held_by<NetworkHandle>(self);
    return network.visit([&](auto& model) {
      return try_value_and_gradient(model, network.parameter_names(), arguments.array(0), arguments.array(1),
                                    arguments.object<LossSpec>(2), arguments.number(3), arguments.number(4),
                                    arguments.flag(5));
    });
  });
}

// Signatures as pybind11 writes them, from which the stub is made.
#define LAMINA_ARRAY "numpy.typing.NDArray[typing.Any]"
PyMethodDef kDefinitions[] = {
    {"try_predict", as_function(&try_predict_method), METH_FASTCALL | METH_KEYWORDS,
     "try_predict(self: lamina._core.Network, inputs: typing.Any, /) -> " LAMINA_ARRAY " | None\n"},
    {"try_forward", as_function(&try_forward_method), METH_FASTCALL | METH_KEYWORDS,
     "try_forward(self: lamina._core.Network, inputs: typing.Any, training: bool, seed: int, step: int, /) "
     "-> " LAMINA_ARRAY " | None\n"},
    {"try_jacobian", as_function(&try_jacobian_method), METH_FASTCALL | METH_KEYWORDS,
     "try_jacobian(self: lamina._core.Network, inputs: typing.Any, /) -> " LAMINA_ARRAY " | None\n"},
    {"try_train_step", as_function(&try_train_step_method), METH_FASTCALL | METH_KEYWORDS,
     "try_train_step(self: lamina._core.Network, inputs: typing.Any, targets: typing.Any, loss: "
     "lamina._core.Loss, optimizer: lamina._core.Optimizer, seed: int, /) -> float | None\n"},
    {"try_value_and_gradient", as_function(&try_value_and_gradient_method), METH_FASTCALL | METH_KEYWORDS,
     "try_value_and_gradient(self: lamina._core.Network, inputs: typing.Any, targets: typing.Any, loss: "
     "lamina._core.Loss, seed: int, step: int, accumulate: bool, /) -> tuple[float, dict[str, " LAMINA_ARRAY
     "]] | None\n"}};
#undef LAMINA_ARRAY

}  // namespace

void bind_calls(const py::class_<NetworkHandle>& type) {
  for (PyMethodDef& definition : kDefinitions) add_method(type, definition);
}

}  // namespace lamina::python
