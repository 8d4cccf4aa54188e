// Binds reading and writing of model files; arrays that are read share the file's one buffer.
#include <pybind11/numpy.h>
#include <pybind11/stl/filesystem.h>

#include "base/error.h"
#include "model_file/model_file.h"
#include "register.h"

namespace lamina::python {
namespace {

using Tensors = py::typing::Dict<py::str, py::array>;
using RecordAndTensors = py::typing::Tuple<py::str, Tensors>;

std::optional<TensorType> tensor_type(const py::handle& array) {
  constexpr int kRowMajor = py::array::c_style;
  if (py::isinstance<py::array_t<float, kRowMajor>>(array)) return TensorType::kFloat32;
  if (py::isinstance<py::array_t<double, kRowMajor>>(array)) return TensorType::kFloat64;
  if (py::isinstance<py::array_t<std::int64_t, kRowMajor>>(array)) return TensorType::kInt64;
  if (py::isinstance<py::array_t<std::uint8_t, kRowMajor>>(array)) return TensorType::kUint8;
  return std::nullopt;
}

py::dtype numpy_type(const TensorView& tensor) {
  switch (tensor.type) {
    case TensorType::kFloat32:
      return py::dtype::of<float>();
    case TensorType::kFloat64:
      return py::dtype::of<double>();
    case TensorType::kInt64:
      return py::dtype::of<std::int64_t>();
    case TensorType::kUint8:
      return py::dtype::of<std::uint8_t>();
    case TensorType::kBfloat16:
      break;
  }
  throw Error(Error::Kind::kType,
              "model file: tensor '" + tensor.name + "' is bfloat16, which numpy cannot hold");
}

std::string describe(const py::handle& value) {
  if (!py::isinstance<py::array>(value)) return py::str(py::type::handle_of(value));
  const auto array = py::reinterpret_borrow<py::array>(value);
  const bool contiguous = (array.flags() & py::array::c_style) != 0;
  return std::string(py::str(array.dtype())) + (contiguous ? ", contiguous" : ", not C-contiguous");
}

// The views point into the arrays, which the dictionary keeps alive.
std::vector<TensorView> views_of(const Tensors& tensors) {
  constexpr const char* kExpected =
      ": expected a name and a C-contiguous array of float32, float64, int64 or uint8, got ";
  std::vector<TensorView> views;
  for (const auto& [name, value] : tensors) {
    const auto type = tensor_type(value);
    if (!py::isinstance<py::str>(name) || !type) {
      throw Error(Error::Kind::kType,
                  "model file: tensor " + std::string(py::repr(name)) + kExpected + describe(value));
    }
    const auto array = py::reinterpret_borrow<py::array>(value);
    views.push_back(
        {name.cast<std::string>(), *type, {array.shape(), array.shape() + array.ndim()}, array.data()});
  }
  return views;
}

RecordAndTensors to_python(const ModelFile& model) {
  using Storage = decltype(model.storage);
  auto storage = std::make_unique<Storage>(model.storage);
  const py::capsule owner(storage.get(), [](void* owned) { delete static_cast<Storage*>(owned); });
  (void)storage.release();
  Tensors tensors;
  for (const TensorView& tensor : model.tensors) {
    tensors[py::str(tensor.name)] = py::array(numpy_type(tensor), tensor.shape, tensor.data, owner);
  }
  return py::make_tuple(py::str(model.record), tensors);
}

using Path = py::typing::Union<py::str, py::bytes>;

// Calls use(path) without the interpreter's lock; errors of the system become Python's OSErrors, which then
// name the path as it was given. Python raises where it cannot be one.
template <class Use>
auto with_path(const Path& given, Use use) {
  const auto path = py::cast<std::filesystem::path>(given);
  try {
    const py::gil_scoped_release release;
    return use(path);
  } catch (const SystemError& error) {
    const std::string reason(error.reason());
    const py::tuple arguments = py::make_tuple(error.code(), reason, given);
    PyErr_SetObject(PyExc_OSError, arguments.ptr());
    throw py::error_already_set();
  }
}

void write_model(const Path& path, const std::string& record, const Tensors& tensors) {
  const std::vector<TensorView> views = views_of(tensors);
  with_path(path, [&](const std::filesystem::path& file) { write_model_file(file, record, views); });
}

RecordAndTensors read_model(const Path& path) {
  return to_python(with_path(path, [](const std::filesystem::path& file) { return read_model_file(file); }));
}

py::bytes serialize(const std::string& record, const Tensors& tensors) {
  const std::vector<TensorView> views = views_of(tensors);
  std::vector<std::byte> bytes;
  {
    const py::gil_scoped_release release;
    bytes = serialize_model_file(record, views);
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

RecordAndTensors parse_model(const py::bytes& data) {
  const auto text = static_cast<std::string_view>(data);
  ModelFile model;
  {
    const py::gil_scoped_release release;
    model = parse_model_file(std::as_bytes(std::span(text)));
  }
  return to_python(model);
}

}  // namespace

void register_model_file(py::module_& module) {
  using py::literals::operator""_a;
  module.def("write_model_file", &write_model, "path"_a, "record"_a, "tensors"_a,
             "Replace `path` in one step by a model file of this JSON record and these tensors.");
  module.def("read_model_file", &read_model, "path"_a,
             "The JSON record and the tensors of a model file, after its checksum has matched.");
  module.def("serialize_model", &serialize, "record"_a, "tensors"_a,
             "The bytes that write_model_file would write.");
  module.def("parse_model", &parse_model, "data"_a,
             "What read_model_file would return for a file of these bytes.");
}

}  // namespace lamina::python
