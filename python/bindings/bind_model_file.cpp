// Binds reading and writing of model files; arrays that are read share the file's one buffer.
#include <pybind11/stl.h>

#include <optional>
#include <utility>

#include "array_view.h"
#include "base/json.h"
#include "handles.h"
#include "made_here.h"
#include "model_file/atomic_write.h"
#include "model_file/in_quotes.h"
#include "model_io/table_model.h"
#include "model_tensors.h"

namespace lamina::python {
namespace {

using RecordAndTensors = py::typing::Tuple<py::str, TensorDict>;

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
    case TensorType::kFloat16:
      return py::dtype("float16");
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

RecordAndTensors to_python(const ModelFile& model) {
  return py::make_tuple(py::str(model.record), arrays_of(model.tensors, model.storage));
}

// What save() takes beside a network: the type of its weights in the file, and the rows of a self-test, an
// array or the cells of a table's rows as JSON.
class GivenOptions {
 public:
  GivenOptions(const std::optional<std::string>& weights, const py::object& selftest) {
    if (weights) options_.weights = *weights == "float16" ? TensorType::kFloat16 : TensorType::kBfloat16;
    if (weights && *weights != "float16" && *weights != "bfloat16")
      throw Error(Error::Kind::kValue,
                  "save: expected dtype \"float16\", \"bfloat16\" or None, got '" + *weights + "'");
    if (py::isinstance<py::str>(selftest)) {
      rows_ = Json::parse(py::cast<std::string>(selftest));
      for (const Json& row : rows_.elements()) {
        std::vector<Cell>& cells = options_.selftest_rows.emplace_back();
        for (const Json& cell : row.elements()) cells.push_back(cell_from_json(cell));
      }
    } else if (!selftest.is_none()) {
      array_ = py::cast<py::array>(selftest);
      options_.selftest = source_of(array_, array_.ndim() == 2 ? array_.shape(1) : 0, "save: selftest");
    }
  }
  GivenOptions(const GivenOptions&) = delete;
  GivenOptions& operator=(const GivenOptions&) = delete;

  const SaveOptions& options() const noexcept { return options_; }

 private:
  Json rows_;
  py::array array_;
  SaveOptions options_;
};

void write_model(const FilePath& path, const std::string& record, const TensorDict& tensors,
                 const std::optional<std::string>& weights, const py::object& selftest) {
  const std::vector<TensorView> views = views_of(tensors);
  const GivenOptions given(weights, selftest);
  with_path(path,
            [&](const std::filesystem::path& file) { save_model(file, record, views, given.options()); });
}

void write_file(const FilePath& path, const py::bytes& data) {
  const auto bytes = std::as_bytes(std::span(static_cast<std::string_view>(data)));
  with_path(path, [&](const std::filesystem::path& file) { write_file_atomically(file, bytes); });
}

RecordAndTensors read_model(const FilePath& path) {
  return to_python(with_path(path, [](const std::filesystem::path& file) { return read_model_file(file); }));
}

py::bytes serialize(const std::string& record, const TensorDict& tensors,
                    const std::optional<std::string>& weights, const py::object& selftest) {
  const std::vector<TensorView> views = views_of(tensors);
  const GivenOptions given(weights, selftest);
  std::vector<std::byte> bytes;
  {
    const py::gil_scoped_release release;
    bytes = model_bytes(record, views, given.options());
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

// A file whose first network has been read and checked; its parts are taken one by one.
struct LoadedModel {
  NetworkFile file;
  std::string contents;  // as written, with its fields in their order
  std::string source;

  static LoadedModel of(const ModelFile& file, std::string source, bool selftest) {
    NetworkFile network = NetworkFile::parse(file, source);
    if (selftest && TableModel::is_in(file))
      (void)TableModel::of(file, source, {.selftest = true});
    else if (selftest)
      network.run_self_test(source);
    return {std::move(network), file.record, std::move(source)};
  }
};

Instance<LoadedModel> load_model(const FilePath& path, bool map, bool selftest) {
  return with_path(path, [&](const std::filesystem::path& file) {
    auto loaded = LoadedModel::of(read_model_file(file, map), path_text(file), selftest);
    const py::gil_scoped_acquire acquire;
    return Instance(std::make_unique<LoadedModel>(std::move(loaded)));
  });
}

Instance<LoadedModel> load_model_bytes(const py::bytes& data) {
  const auto text = static_cast<std::string_view>(data);
  std::optional<LoadedModel> loaded;
  {
    const py::gil_scoped_release release;
    loaded = LoadedModel::of(parse_model_file(std::as_bytes(std::span(text))), "model bytes", false);
  }
  return Instance(std::make_unique<LoadedModel>(std::move(*loaded)));
}

Instance<NetworkHandle> network_of(NetworkFile::AnyNetwork taken) {
  return std::visit(
      []<class T>(std::unique_ptr<Network<T>> network) {
        if (!network) throw Error(Error::Kind::kState, "network: it has been taken already");
        return network_object(NetworkHandle(std::make_unique<Model<T>>(std::move(*network))));
      },
      std::move(taken));
}

Instance<NetworkHandle> further_network(const LoadedModel& self, const std::string& contents, size_t number) {
  std::optional<NetworkFile> network;
  {
    const py::gil_scoped_release release;
    network = self.file.further(Json::parse(contents), number, self.source);
  }
  return network_of(network->take_network());
}

// Copies, so that the file's memory goes with the object.
TensorDict other_tensors(const LoadedModel& self, size_t further) {
  const TensorCopies copies = copies_of(self.file.tensors_beside(further));
  return arrays_of(copies.views, copies.storage);
}

}  // namespace

std::vector<TensorView> views_of(const TensorDict& tensors) {
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

TensorDict arrays_of(const std::vector<TensorView>& tensors, const std::shared_ptr<const void>& storage) {
  using Storage = std::shared_ptr<const void>;
  auto kept = std::make_unique<Storage>(storage);
  const py::capsule owner(kept.get(), [](void* owned) { delete static_cast<Storage*>(owned); });
  (void)kept.release();
  TensorDict arrays;
  for (const TensorView& tensor : tensors)
    arrays[py::str(tensor.name)] = py::array(numpy_type(tensor), tensor.shape, tensor.data, owner);
  return arrays;
}

void register_model_file(py::module_& module) {
  using py::literals::operator""_a;
  module.def("write_model_file", &write_model, "path"_a, "record"_a, "tensors"_a, "weights"_a = py::none(),
             "selftest"_a = py::none(),
             "Replace `path` in one step by a model file of this JSON record and these tensors; with weights "
             "as float16 or bfloat16, and a self-test of rows, an array or the cells of a table as JSON.");
  module.def("write_file", &write_file, "path"_a, "data"_a, "Replace `path` in one step by these bytes.");
  module.def("read_model_file", &read_model, "path"_a,
             "The JSON record and the tensors of a model file, after its checksum has matched.");
  module.def("serialize_model", &serialize, "record"_a, "tensors"_a, "weights"_a = py::none(),
             "selftest"_a = py::none(), "The bytes that write_model_file would write.");
  module.def("parse_model", &parse_model, "data"_a,
             "What read_model_file would return for a file of these bytes.");
  made_here<LoadedModel>(module, "LoadedModel")
      .def_readonly("contents", &LoadedModel::contents,
                    "What the file says of its first network, and the record beside it, as JSON.")
      .def(
          "take_network", [](LoadedModel& self) { return network_of(self.file.take_network()); },
          "The first network, once.")
      .def("further_network", &further_network, "contents"_a, "number"_a,
           "Network `number`, from 1, of a table model, whose contents its record has.")
      .def("tensors", &other_tensors, "further"_a,
           "All tensors but those of the first network and of so many further ones.");
  module.def(
      "load_model", &load_model, "path"_a, "map"_a, "selftest"_a,
      "A model file's parts; `map`: by pages of the file; `selftest`: after its self-test has passed.");
  module.def("load_model_bytes", &load_model_bytes, "data"_a, "The same of the bytes of such a file.");
}

}  // namespace lamina::python
