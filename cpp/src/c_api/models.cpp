// Models: from files and into them, what they are, and predictions.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "c_api/handles.h"
#include "c_api/sized.h"
#include "c_api/tables.h"
#include "model_file/in_quotes.h"

namespace lamina::c {
namespace {

constexpr const char* kExpectedModel = "one that lamina_load or lamina_model_create gave";

// Names as texts; whole numbers are written out.
std::vector<std::string> names_of(const Json& names) {
  std::vector<std::string> texts;
  if (names.is_array())
    for (const Json& name : names.elements()) texts.push_back(name.is_text() ? name.text() : name.dump());
  return texts;
}

std::unique_ptr<lamina_model> model_of(const ModelFile& file, const std::string& source,
                                       const LoadOptions& options) {
  auto model = std::make_unique<lamina_model>();
  const auto describe = [&](const NetworkFile& network) {
    return Json{{"network", network.contents().at("network")}, {"dtype", network.contents().at("dtype")}};
  };
  Json described;
  if (TableModel::is_in(file)) {
    model->table = std::make_shared<const TableModel>(TableModel::of(file, source, options));
    described = describe(model->table->network());
    described["record"] = model->table->record();
    model->input_names = model->table->preprocessor().columns();
  } else {
    NetworkFile network = NetworkFile::of(file, source, options);
    described = describe(network);
    model->input_names = names_of(network.feature_names());
    model->network = std::make_unique<TrainableNetwork>(std::move(network));
  }
  model->description = described.dump();
  return model;
}

// Empty and NULL paths are refused; bytes that are no UTF-8 may be the name of a file.
std::filesystem::path path_of(const char* path) {
  check_given(path, "path", "the path of a file");
  if (*path == '\0') fail_value({"path is empty; expected the path of a file"});
#if defined(_WIN32)
  return std::filesystem::path(reinterpret_cast<const char8_t*>(path));
#else
  return path;
#endif
}

LoadOptions load_options(const lamina_load_options* given) {
  constexpr lamina_load_options kDefaults = LAMINA_LOAD_OPTIONS_INIT;
  const lamina_load_options own = given != nullptr ? sized_copy(*given, kDefaults, "options") : kDefaults;
  return {.map = own.memory_map != 0, .selftest = own.self_test != 0};
}

void load(const char* path, const lamina_load_options* given, lamina_model** model) {
  check_given(model, "model", "where the model is to go");
  const std::filesystem::path place = path_of(path);
  const LoadOptions options = load_options(given);
  *model = model_of(read_model_file(place, options.map), path_text(place), options).release();
}

std::optional<TensorType> stored_type(const lamina_storage& storage) {
  switch (number_of(storage)) {
    case LAMINA_STORAGE_OWN:
      return std::nullopt;
    case LAMINA_STORAGE_FLOAT16:
      return TensorType::kFloat16;
    case LAMINA_STORAGE_BFLOAT16:
      return TensorType::kBfloat16;
    default:
      fail_value({"storage is ", number_of(storage), "; expected one of lamina_storage"});
  }
}

SaveOptions save_options(const lamina_model& model, const lamina_save_options* given) {
  constexpr lamina_save_options kDefaults = LAMINA_SAVE_OPTIONS_INIT;
  SaveOptions options;
  if (given == nullptr) return options;
  const lamina_save_options own = sized_copy(*given, kDefaults, "options");
  options.weights = stored_type(own.storage);
  if (own.self_test_rows == 0) return options;
  if (model.table) {
    options.selftest_rows =
        rows_of(*model.table, own.self_test_columns, own.self_test_column_count, own.self_test_rows);
    return options;
  }
  const auto inputs = static_cast<std::int64_t>(lamina_inputs(&model));
  const ArraySource rows =
      source_of(own.self_test_x, own.self_test_type, own.self_test_rows, 0, inputs, "self_test_x");
  model.network->input_rules().check(rows, model.network->is_double(), "self_test_x");
  options.selftest = rows;
  return options;
}

// Calls use(contents, tensors) with what a file of the model holds.
template <class Use>
void with_parts(const lamina_model& model, Use use) {
  const TrainableNetwork& network = *model.network;
  WrittenTensors tensors;
  network.visit([&]<class T>(const Model<T>& trained) {
    trained.read([&](const Network<T>& own, const T* weights) { tensors.add_weights(own, weights, ""); });
  });
  tensors.add(network.tensors());
  use(network.contents(), tensors.views());
}

void save(const lamina_model* model, const char* path, const lamina_save_options* given) {
  check_given(model, "model", kExpectedModel);
  const std::filesystem::path place = path_of(path);
  const SaveOptions options = save_options(*model, given);
  if (model->table) return model->table->save(place, options);
  with_parts(*model, [&](const Json& contents, std::span<const TensorView> tensors) {
    save_model(place, contents.dump(), tensors, options);
  });
}

std::vector<std::byte> bytes_of(const lamina_model& model) {
  if (model.table) return model.table->bytes();
  std::vector<std::byte> bytes;
  with_parts(model, [&](const Json& contents, std::span<const TensorView> tensors) {
    bytes = model_bytes(contents.dump(), tensors);
  });
  return bytes;
}

// y[rows, outputs] of checked rows.
template <class T, class Number>
void predict_rows(const TrainableNetwork& network, const Model<T>& model, const ArraySource& source,
                  const char* name, Number* y) {
  constexpr auto never = [](std::int64_t) { return false; };
  const std::int64_t outputs = model.network().outputs();
  check_results(y, static_cast<std::size_t>(source.rows), outputs, std::max(sizeof(T), sizeof(Number)), "y");
  network.input_rules().check(source, network.is_double(), name);
  if (source.rows == 0) return;
  if constexpr (std::is_same_v<T, Number>) {
    model.predict(source, y, never);
  } else {
    AlignedBuffer<T> values(source.rows * outputs);
    model.predict(source, values.data(), never);
    std::transform(values.data(), values.data() + values.size(), y,
                   [](T value) { return static_cast<Number>(value); });
  }
}

template <class Number>
void predict(const lamina_model* model, const Number* x, std::size_t rows, Number* y) {
  constexpr auto type = sizeof(Number) == 4 ? LAMINA_FLOAT32 : LAMINA_FLOAT64;
  const TrainableNetwork& network = network_of(model);
  network.visit([&]<class T>(const Model<T>& own) {
    predict_rows(network, own, source_of(x, type, rows, 0, own.network().inputs(), "x"), "x", y);
  });
}

void predict_sparse(const lamina_model* model, const lamina_sparse_rows* x, std::size_t rows,
                    const lamina_type& y_type, void* y) {
  const TrainableNetwork& network = network_of(model);
  check_given(x, "x", "compressed rows");
  const int type = number_of(y_type);
  if (type != LAMINA_FLOAT32 && type != LAMINA_FLOAT64)
    fail_value({"y_type is ", type, "; expected LAMINA_FLOAT32 or LAMINA_FLOAT64"});
  const std::size_t size = type == LAMINA_FLOAT64 ? sizeof(double) : sizeof(float);
  check_aligned(y, size, "y");
  network.visit([&]<class T>(const Model<T>& own) {
    const SparseSource source(*x, rows, own.network().inputs(), "predict");
    if (type == LAMINA_FLOAT64)
      predict_rows(network, own, source.get(), "x", static_cast<double*>(y));
    else
      predict_rows(network, own, source.get(), "x", static_cast<float*>(y));
  });
}

}  // namespace

const lamina_model& given_model(const lamina_model* model) {
  check_given(model, "model", kExpectedModel);
  return *model;
}

TrainableNetwork& network_of(const lamina_model* model) {
  const lamina_model& given = given_model(model);
  if (!given.network)
    fail(Error::Kind::kType, {"model is a table model; expected a network alone (lamina_table_predict takes "
                              "a table model's rows)"});
  return *given.network;
}

const TableModel& table_of(const lamina_model* model) {
  const lamina_model& given = given_model(model);
  if (!given.table)
    fail(Error::Kind::kType,
         {"model is a network alone; expected a table model (lamina_predict takes a network's rows)"});
  return *given.table;
}

}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

lamina_status lamina_load(const char* path, lamina_model** model) {
  return guarded(__func__, [&] { load(path, nullptr, model); });
}

lamina_status lamina_load_with(const char* path, const lamina_load_options* options, lamina_model** model) {
  return guarded(__func__, [&] { load(path, options, model); });
}

lamina_status lamina_load_memory(const void* data, size_t size, lamina_model** model) {
  return guarded(__func__, [&] {
    check_given(model, "model", "where the model is to go");
    check_given(data, "data", "the bytes of a model file");
    const std::span bytes(static_cast<const std::byte*>(data), size);
    *model = model_of(view_model_file(bytes), "data", {}).release();
  });
}

lamina_status lamina_save(const lamina_model* model, const char* path) {
  return guarded(__func__, [&] { save(model, path, nullptr); });
}

lamina_status lamina_save_with(const lamina_model* model, const char* path,
                               const lamina_save_options* options) {
  return guarded(__func__, [&] { save(model, path, options); });
}

lamina_status lamina_save_memory(const lamina_model* model, void* data, size_t capacity, size_t* size) {
  return guarded(__func__, [&] {
    const std::vector<std::byte> bytes = bytes_of(given_model(model));
    check_given(size, "size", "where the number of bytes is to go");
    if (data != nullptr && capacity < bytes.size())
      fail_value({"data has room for ", capacity, " bytes; expected at least ", bytes.size()});
    if (data != nullptr) std::copy(bytes.begin(), bytes.end(), static_cast<std::byte*>(data));
    *size = bytes.size();
  });
}

lamina_status lamina_clone(const lamina_model* model, lamina_model** copy) {
  return guarded(__func__, [&] {
    const lamina_model& given = given_model(model);
    check_given(copy, "copy", "where the copy is to go");
    auto made = std::make_unique<lamina_model>();
    if (given.network) made->network = std::make_unique<TrainableNetwork>(*given.network);
    made->table = given.table;
    made->input_names = given.input_names;
    made->description = given.description;
    *copy = made.release();
  });
}

void lamina_free(lamina_model* model) { delete model; }

size_t lamina_inputs(const lamina_model* model) {
  return guarded_value(__func__, size_t{0}, [&]() -> size_t {
    const lamina_model& given = given_model(model);
    if (given.table) return given.table->preprocessor().columns().size();
    return given.network->visit([](const auto& own) { return static_cast<size_t>(own.network().inputs()); });
  });
}

size_t lamina_outputs(const lamina_model* model) {
  return guarded_value(__func__, size_t{0}, [&]() -> size_t {
    const lamina_model& given = given_model(model);
    if (given.table) return lamina_table_outputs(model, LAMINA_PREDICTIONS);
    return given.network->visit([](const auto& own) { return static_cast<size_t>(own.network().outputs()); });
  });
}

size_t lamina_members(const lamina_model* model) {
  return guarded_value(__func__, size_t{1}, [&]() -> size_t {
    if (given_model(model).table) return 1;
    return network_of(model).visit(
        [](const auto& own) { return static_cast<size_t>(own.network().members()); });
  });
}

lamina_type lamina_model_type(const lamina_model* model) {
  return guarded_value(__func__, LAMINA_FLOAT32, [&] {
    const lamina_model& given = given_model(model);
    const bool is_double = given.table ? given.table->network().is_double() : given.network->is_double();
    return is_double ? LAMINA_FLOAT64 : LAMINA_FLOAT32;
  });
}

int lamina_is_table(const lamina_model* model) {
  return guarded_value(__func__, 0, [&] { return given_model(model).table ? 1 : 0; });
}

const char* lamina_input_name(const lamina_model* model, size_t index) {
  return guarded_value(__func__, static_cast<const char*>(nullptr), [&]() -> const char* {
    const std::vector<std::string>& names = given_model(model).input_names;
    if (names.empty()) fail_value({"the model's inputs have no names"});
    if (index >= names.size()) fail_value({"index is ", index, "; expected one below ", names.size()});
    return names[index].c_str();
  });
}

const char* lamina_describe(const lamina_model* model) {
  return guarded_value(__func__, static_cast<const char*>(nullptr),
                       [&] { return given_model(model).description.c_str(); });
}

lamina_status lamina_predict(const lamina_model* model, const float* x, size_t rows, float* y) {
  return guarded(__func__, [&] { predict(model, x, rows, y); });
}

lamina_status lamina_predict_sparse(const lamina_model* model, const lamina_sparse_rows* x, size_t rows,
                                    lamina_type y_type, void* y) {
  return guarded(__func__, [&] { predict_sparse(model, x, rows, y_type, y); });
}

lamina_status lamina_predict_double(const lamina_model* model, const double* x, size_t rows, double* y) {
  return guarded(__func__, [&] { predict(model, x, rows, y); });
}
}
