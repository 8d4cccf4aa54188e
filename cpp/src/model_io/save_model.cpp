// Rounds weights, and runs the rows of a self-test through the very file that is written.
#include "model_io/save_model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/number_text.h"
#include "base/text.h"
#include "model_file/atomic_write.h"
#include "model_file/half_floats.h"
#include "model_io/network_file.h"
#include "model_io/table_model.h"

namespace lamina {
namespace {

[[noreturn]] void refuse(TextParts what) { throw_error(Error::Kind::kValue, {"save: ", what}); }

bool is_weight(const TensorView& tensor) {
  const std::string& name = tensor.name;
  return name.starts_with("layers.") ||
         (name.starts_with("networks.") && name.find(".layers.") != std::string::npos);
}

// What is stored in the place of the tensors.
class Rounded {
 public:
  Rounded(std::span<const TensorView> tensors, std::optional<TensorType> type)
      : views_(tensors.begin(), tensors.end()) {
    if (!type) return;
    if (*type != TensorType::kFloat16 && *type != TensorType::kBfloat16)
      refuse({"expected weights stored as float16 or bfloat16, got ", name_of(*type)});
    for (TensorView& view : views_)
      if (is_weight(view)) round(view, *type);
  }
  const std::vector<TensorView>& views() const noexcept { return views_; }

 private:
  void round(TensorView& view, TensorType type) {
    if (view.type == TensorType::kFloat64)
      refuse({view.name, " is float64; a network of float32 alone can be stored as ", name_of(type)});
    if (view.type != TensorType::kFloat32 || view.shape.size() < 2) return;
    const std::span<const float> values(static_cast<const float*>(view.data), view.element_count());
    std::vector<std::uint16_t>& bits = stored_.emplace_back(values.size());
    if (const auto place = narrow(values, type, bits.data()))
      refuse({view.name, " holds ", exact_number(values[*place]), ", beyond ",
              exact_number(widened(type == TensorType::kFloat16 ? 0x7BFF : 0x7F7F, type)),
              ", the greatest number of ", name_of(type), "; store it as ",
              (type == TensorType::kFloat16 ? "bfloat16 or float32" : "float32")});
    view.type = type;
    view.data = bits.data();
  }

  std::vector<TensorView> views_;
  std::vector<std::vector<std::uint16_t>> stored_;
};

// The rows as the file stores them, and the outputs of the model that the file holds.
struct SelfTest {
  std::vector<std::byte> inputs;
  std::vector<double> outputs;
  std::vector<TensorView> views;
  Json rows;
};

SelfTest of_network(std::span<const std::byte> file, const ArraySource& rows) {
  const bool wide = rows.type == kernels::SourceType::kF64;
  if (rows.sparse != nullptr || (!wide && rows.type != kernels::SourceType::kF32))
    refuse({"expected the rows of a self-test dense, of float32 or float64"});
  const NetworkFile network = NetworkFile::parse(view_model_file(file), "save");
  check_shape(rows, network.inputs(), 1, "save: selftest");
  SelfTest test;
  const std::size_t size = wide ? sizeof(double) : sizeof(float);
  test.inputs.resize(static_cast<std::size_t>(rows.rows * rows.columns) * size);
  std::byte* to = test.inputs.data();
  for (std::int64_t row = 0; row < rows.rows; ++row)
    for (std::int64_t column = 0; column < rows.columns; ++column, to += size)
      std::memcpy(
          to, static_cast<const std::byte*>(rows.data) + row * rows.row_stride + column * rows.column_stride,
          size);
  test.outputs.resize(static_cast<std::size_t>(rows.rows * network.outputs()));
  network.predict(rows, test.outputs.data(), [](std::int64_t) { return false; });
  test.views = {{std::string(kSelfTestInputs),
                 wide ? TensorType::kFloat64 : TensorType::kFloat32,
                 {rows.rows, rows.columns},
                 test.inputs.data()},
                {std::string(kSelfTestOutputs),
                 TensorType::kFloat64,
                 {rows.rows, network.outputs()},
                 test.outputs.data()}};
  return test;
}

SelfTest of_table(std::span<const std::byte> file, const std::vector<std::vector<Cell>>& rows) {
  const TableModel model = TableModel::parse(file);
  SelfTest test;
  Json::Array lists;
  for (const std::vector<Cell>& row : rows) {
    Json::Array cells;
    for (const Cell& cell : row) cells.push_back(cell_to_json(cell));
    lists.push_back(std::move(cells));
  }
  test.rows = std::move(lists);
  test.outputs = model.outputs_of_rows(test.rows);
  test.views = {{std::string(kSelfTestOutputs),
                 TensorType::kFloat64,
                 {std::ssize(rows), model.target().outputs()},
                 test.outputs.data()}};
  return test;
}

}  // namespace

void WrittenTensors::add(std::span<const TensorView> tensors) {
  views_.insert(views_.end(), tensors.begin(), tensors.end());
}

template <class T>
void WrittenTensors::add_weights(const Network<T>& network, const T* flat, const std::string& prefix) {
  for (const Parameter& parameter : network.parameters()) {
    auto values = std::make_shared<std::vector<T>>(static_cast<std::size_t>(parameter.element_count()));
    unpack_parameter(parameter, flat, values->data());
    views_.push_back({prefix + parameter.name,
                      sizeof(T) == sizeof(float) ? TensorType::kFloat32 : TensorType::kFloat64,
                      parameter.shape, values->data()});
    made_.push_back(std::move(values));
  }
}

template void WrittenTensors::add_weights(const Network<float>&, const float*, const std::string&);
template void WrittenTensors::add_weights(const Network<double>&, const double*, const std::string&);

std::vector<std::byte> model_bytes(std::string_view contents, std::span<const TensorView> tensors,
                                   const SaveOptions& options) {
  const bool of_rows = options.selftest.has_value(), of_cells = !options.selftest_rows.empty();
  const std::uint32_t minor = options.weights || of_rows || of_cells ? kFormatMinor : 0;
  const Rounded rounded(tensors, options.weights);
  std::vector<std::byte> file = serialize_model_file(contents, rounded.views(), minor);
  if (!of_rows && !of_cells) return file;
  const SelfTest test =
      of_cells ? of_table(file, options.selftest_rows) : of_network(file, *options.selftest);
  // Put into the text, whose order of fields stays.
  std::string with_test(contents);
  with_test.insert(with_test.find('{') + 1,
                   concat({Json(kSelfTestField).dump(), ":", self_test_record(test.rows).dump(), ","}));
  std::vector<TensorView> all = rounded.views();
  all.insert(all.end(), test.views.begin(), test.views.end());
  return serialize_model_file(with_test, all, minor);
}

void save_model(const std::filesystem::path& path, std::string_view contents,
                std::span<const TensorView> tensors, const SaveOptions& options) {
  write_file_atomically(path, model_bytes(contents, tensors, options));
}

}  // namespace lamina
