// Binds predictors. A row in an array of the network's own type, or of Python floats, takes a short path
// through the C API, without pybind11's dispatch; everything else is converted first.
#include <cstddef>
#include <memory>

#include "base/denormals.h"
#include "handles.h"
#include "inference/predictor.h"
#include "instance.h"
#include "plain_arrays.h"
#include "poll.h"
#include "register.h"

namespace lamina::python {
namespace {

// Longer rows of Python numbers go the way of arrays, which costs them little.
constexpr int64_t kMostNumbers = 128;

using PredictorHandle = Handle<Predictor>;

template <class T>
py::object checked_outputs(PyObject* out, int dimensions, py::ssize_t rows, py::ssize_t columns) {
  if (out == Py_None) {
    const Py_intptr_t shape[2] = {dimensions == 1 ? columns : rows, columns};
    return new_array<T>(dimensions, shape);
  }
  if (is_plain<T>(out, kWritable) && has_shape(out, dimensions, rows, columns))
    return py::reinterpret_borrow<py::object>(out);
  const std::string shape = (dimensions == 1 ? "" : std::to_string(rows) + ", ") + std::to_string(columns);
  std::string got = py::str(py::type::handle_of(out).attr("__name__"));
  if (py::isinstance<py::array>(out)) {
    const auto array = py::reinterpret_borrow<py::array>(out);
    got = std::string(py::str(array.dtype())) + " of shape " + shape_text(array);
  }
  throw Error(Error::Kind::kValue, "Predictor: expected out as a contiguous, writable array of " +
                                       std::string(type_name<T>()) + " and shape [" + shape + "], got " +
                                       got);
}

// Numbers in an order and type that the core reads.
template <class T>
py::array numbers(PyObject* x) {
  const py::handle given(x);
  if (py::hasattr(given, "mask") && py::isinstance<py::array>(given.attr("mask")) &&
      given.attr("mask").attr("any")().cast<bool>())
    throw Error(Error::Kind::kType, "Predictor: expected numbers, got masked values; fill them first");
  if (py::hasattr(given, "toarray") && py::hasattr(given, "tocsr"))
    throw Error(
        Error::Kind::kType,
        "Predictor: expected dense rows, got a sparse matrix; take the network's predict, or toarray()");
  py::array array;
  try {
    array = py::module_::import("numpy").attr("asarray")(given);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ValueError)) throw;
    throw Error(Error::Kind::kValue,
                "Predictor: expected numbers, got " + std::string(py::str(error.value())));
  }
  const char kind = array.dtype().kind();
  if (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b')
    throw Error(Error::Kind::kType,
                "Predictor: expected numbers, got dtype " + std::string(py::str(array.dtype())));
  if (!source_type(array.dtype())) array = array.attr("astype")(py::dtype::of<T>());
  return array;
}

bool overlap(const py::array& a, const py::array& b) {
  return py::module_::import("numpy").attr("may_share_memory")(a, b).cast<bool>();
}

// Anything that numpy can make numbers of: [inputs], or [rows, inputs] where `rows_allowed`.
template <class T>
py::object predict_any(const Predictor<T>& predictor, PyObject* x, PyObject* out, bool rows_allowed) {
  const py::array array = numbers<T>(x);
  const auto dimensions = static_cast<int>(array.ndim());
  const bool one = dimensions == 1;
  if (!one && !(rows_allowed && dimensions == 2))
    throw Error(Error::Kind::kValue,
                std::string("Predictor: expected an array of shape [") + std::to_string(predictor.inputs()) +
                    "]" + (rows_allowed ? " or [rows, " + std::to_string(predictor.inputs()) + "]" : "") +
                    ", got " + shape_text(array) +
                    (dimensions == 2 ? "; call the predictor itself for rows" : ""));
  if (array.shape(dimensions - 1) != predictor.inputs())
    throw Error(Error::Kind::kValue, "Predictor: expected " + std::to_string(predictor.inputs()) +
                                         " input features, got " +
                                         std::to_string(array.shape(dimensions - 1)));
  const py::ssize_t rows = one ? 1 : array.shape(0);
  py::object result = checked_outputs<T>(out, dimensions, rows, predictor.outputs());
  if (rows == 0) return result;
  if (rows > 1 && overlap(array, result))
    throw Error(Error::Kind::kValue, "Predictor: expected out in memory of its own, got some of the inputs'");
  const ArraySource source{array.data(),     *source_type(array.dtype()),  rows, predictor.inputs(),
                           array.strides(0), array.strides(dimensions - 1)};
  const auto outputs = py::reinterpret_borrow<py::array>(result);
  T* to = values_of<T>(result.ptr());
  run_unlocked([&](Poll poll) { predictor.predict(source, to, poll); }, array, outputs);
  return result;
}

// Reads a list or tuple of so many floats; false where it is anything else.
template <class Number>
bool read_floats(PyObject* x, int64_t count, Number* row) noexcept {
  if (!(PyTuple_CheckExact(x) || PyList_CheckExact(x)) || PySequence_Fast_GET_SIZE(x) != count) return false;
  PyObject** items = PySequence_Fast_ITEMS(x);
  for (int64_t i = 0; i < count; ++i) {
    if (!PyFloat_CheckExact(items[i])) return false;
    row[i] = narrowed<Number>(PyFloat_AS_DOUBLE(items[i]));
  }
  return true;
}

template <class T>
PyObject* predict(const Predictor<T>& predictor, PyObject* x, PyObject* out, bool rows_allowed) {
  const int64_t inputs = predictor.inputs();
  double numbers[kMostNumbers];
  T row[kMostNumbers];
  const T* from = row;
  std::optional<py::array> given;  // where `from` points into it
  int dimensions = 1;
  const bool whole = sizeof(T) == 4 && predictor.takes_offset_rows();
  if (is_plain<T>(x, kReadable) &&
      (has_shape(x, 1, 1, inputs) || (rows_allowed && has_shape(x, 2, 1, inputs)))) {
    dimensions = proxy(x)->nd;
    from = values_of<const T>(x);
    if (predictor.multiply_adds() >= kWorkToUnlock) given = py::reinterpret_borrow<py::array>(x);
  } else if (inputs > kMostNumbers ||
             !(whole ? read_floats(x, inputs, numbers) : read_floats(x, inputs, row))) {
    return predict_any(predictor, x, out, rows_allowed).release().ptr();
  }
  py::object result = checked_outputs<T>(out, dimensions, 1, predictor.outputs());
  T* to = values_of<T>(result.ptr());
  if (whole && from == row) {
    predictor.predict(ArraySource{numbers, kernels::SourceType::kF64, 1, inputs, 0, sizeof(double)}, to,
                      [](int64_t) { return false; });
  } else if (predictor.multiply_adds() < kWorkToUnlock) {
    predictor.predict_row(from, to);
  } else {
    const Unlocked unlocked(given, py::reinterpret_borrow<py::array>(result));
    predictor.predict_row(from, to);
  }
  return result.release().ptr();
}

// (x, /, out=None) of a fast call; false with Python's error set.
bool parse_arguments(PyObject* const* arguments, Py_ssize_t count, PyObject* names, PyObject*& out) {
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  if (count < 1 || count + named > 2) {
    PyErr_Format(PyExc_TypeError, "Predictor: expected x and perhaps out, got %zd arguments", count + named);
    return false;
  }
  if (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "out") != 0) {
    PyErr_Format(PyExc_TypeError, "Predictor: unknown argument %R; there is out", PyTuple_GET_ITEM(names, 0));
    return false;
  }
  out = count + named == 2 ? arguments[1] : Py_None;
  return true;
}

PyObject* predict_call(PyObject* self, PyObject* const* arguments, Py_ssize_t count, PyObject* names,
                       bool rows_allowed) noexcept {
  PyObject* out;
  if (!parse_arguments(arguments, count, names, out)) return nullptr;
  return raising([&] {
    return held_by<PredictorHandle>(self).visit(
        [&](const auto& predictor) { return predict(predictor, arguments[0], out, rows_allowed); });
  });
}

PyObject* call_method(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                      PyObject* names) noexcept {
  return predict_call(self, arguments, count, names, true);
}
PyObject* predict_one_method(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                             PyObject* names) noexcept {
  return predict_call(self, arguments, count, names, false);
}
PyObject* vector_call(PyObject* self, PyObject* const* arguments, size_t count, PyObject* names) noexcept {
  return predict_call(self, arguments, PyVectorcall_NARGS(count), names, true);
}

// Signatures as pybind11 writes them, from which the stub is made.
constexpr const char* kCallText =
    "__call__(self: lamina._core.Predictor, x: numpy.typing.ArrayLike, /, out: "
    "numpy.typing.NDArray[typing.Any] | "
    "None = None) -> numpy.typing.NDArray[typing.Any]\n\n"
    "Outputs [outputs] of one row x [inputs], or [rows, outputs] of rows [rows, inputs].\n\n"
    "`out`, a contiguous array of that shape and the predictor's dtype, takes them and is returned. Values "
    "are\n"
    "not checked: NaN in gives NaN out.\n\n"
    "Raises:\n"
    "    TypeError, ValueError: x is not numbers of the right width, or out does not fit.\n";
constexpr const char* kPredictOneText =
    "predict_one(self: lamina._core.Predictor, x: numpy.typing.ArrayLike, /, out: "
    "numpy.typing.NDArray[typing.Any] "
    "| None = None) -> numpy.typing.NDArray[typing.Any]\n\n"
    "Outputs [outputs] of one row x [inputs]; as a call of the predictor, which takes rows as well.\n";

PyMethodDef call_definition = {"__call__", as_function(&call_method), METH_FASTCALL | METH_KEYWORDS,
                               kCallText};
PyMethodDef predict_one_definition = {"predict_one", as_function(&predict_one_method),
                                      METH_FASTCALL | METH_KEYWORDS, kPredictOneText};

// Where an instance keeps the function that Python calls without packing arguments: behind pybind11's part.
Py_ssize_t vector_call_offset = 0;

void add_vector_call_room(PyHeapTypeObject* heap_type) {
  PyTypeObject& type = heap_type->ht_type;
  type.tp_new = [](PyTypeObject*, PyObject*, PyObject*) -> PyObject* {
    PyErr_SetString(PyExc_TypeError, "Predictor: expected one that compile_predictor made");
    return nullptr;
  };
  vector_call_offset = type.tp_basicsize;
  type.tp_basicsize += static_cast<Py_ssize_t>(sizeof(vectorcallfunc));
}

void add_fast_methods(const py::handle& type) {
  auto* object = reinterpret_cast<PyTypeObject*>(type.ptr());
  add_method(type, call_definition);
  add_method(type, predict_one_definition);
  // After __call__ is set, which takes the faster way back.
  object->tp_vectorcall_offset = vector_call_offset;
  object->tp_call = &PyVectorcall_Call;
  object->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
  PyType_Modified(object);
}

template <class T>
std::unique_ptr<Predictor<T>> compile(const Model<T>& model) {
  const py::gil_scoped_release release;
  std::unique_ptr<Predictor<T>> made;
  model.read([&](const Network<T>& network, const T* weights) {
    made = std::make_unique<Predictor<T>>(network, weights);
  });
  return made;
}

Instance<PredictorHandle> compile_predictor(const NetworkHandle& network) {
  Instance object(
      network.visit([](const auto& model) { return std::make_unique<PredictorHandle>(compile(model)); }));
  *reinterpret_cast<vectorcallfunc*>(reinterpret_cast<char*>(object.ptr()) + vector_call_offset) =
      &vector_call;
  return object;
}

}  // namespace

void register_predictor(py::module_& module) {
  py::class_<PredictorHandle> type(
      module, "Predictor", py::custom_type_setup(&add_vector_call_room), py::is_final(),
      "An immutable copy of a network's weights for fast predictions, made by `compile_predictor`.\n\n"
      "Any number of threads may call it. A single row takes a path of its own for low latency, with sums "
      "in\n"
      "another order than those of several rows: the two agree up to rounding, and each gives the same bits\n"
      "at every call.");
  type.def_property_readonly(
          "inputs",
          [](const PredictorHandle& self) { return self.visit([](const auto& p) { return p.inputs(); }); })
      .def_property_readonly(
          "outputs",
          [](const PredictorHandle& self) { return self.visit([](const auto& p) { return p.outputs(); }); })
      .def_property_readonly("dtype",
                             [](const PredictorHandle& self) {
                               return self.visit([]<class T>(const Predictor<T>&) { return type_name<T>(); });
                             })
      .def("__repr__", [](const PredictorHandle& self) {
        return self.visit([]<class T>(const Predictor<T>& p) {
          return "Predictor(" + std::to_string(p.inputs()) + " inputs, " + std::to_string(p.outputs()) +
                 " outputs, " + type_name<T>() + ")";
        });
      });
  add_fast_methods(type);
  module.def("compile_predictor", &compile_predictor, py::arg("network"),
             "A predictor with a copy of the network's weights, as they are now.");
}

}  // namespace lamina::python
