// Reads a table model and runs it.
#include "model_io/table_model.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "model_file/in_quotes.h"

namespace lamina {
namespace {

constexpr const char* kSchema = "lamina.tabular.model";
constexpr std::int64_t kOldest = 2;  // had one network alone
constexpr std::int64_t kNewest = 3;

// The tensors of the preprocessor's and the target's records, and the shares of the networks.
struct Parts {
  std::vector<RecordTensor> preprocessor, target, shares;
};

// What stands before and after the first point of a name.
std::pair<std::string, std::string> cut(const std::string& name) {
  const std::size_t point = name.find('.');
  return {name.substr(0, point), point == std::string::npos ? "" : name.substr(point + 1)};
}

// Of those that are no network's. `newer`: unknown ones are left out.
Parts split(std::span<const TensorView> tensors, bool newer, const std::string& source) {
  Parts parts;
  for (const TensorView& tensor : tensors) {
    const auto [part, name] = cut(tensor.name);
    const double* values =
        tensor.type == TensorType::kFloat64 ? static_cast<const double*>(tensor.data) : nullptr;
    const RecordTensor own{name, name_of(tensor.type), tensor.shape, values};
    if (part == "preprocessor") {
      parts.preprocessor.push_back(own);
    } else if (part == "target") {
      parts.target.push_back(own);
    } else if (tensor.name == "networks.shares") {
      parts.shares.push_back(own);
    } else if (!newer) {
      throw_error(Error::Kind::kValue, {source, ": unknown tensor '", tensor.name, "'"});
    }
  }
  return parts;
}

// The tensor of shares, all above 0.
std::vector<double> read_shares(std::vector<RecordTensor> tensors, std::size_t networks,
                                const std::string& source) {
  RecordTensors left(concat({source, ", networks"}), std::move(tensors));
  const std::span<const double> shares = left.take("shares", static_cast<std::int64_t>(networks));
  for (const double share : shares)
    if (share <= 0.0) throw_error(Error::Kind::kValue, {source, ": expected shares of networks above 0"});
  return {shares.begin(), shares.end()};
}

}  // namespace

TableModel::TableModel(NetworkFile network, Preprocessor preprocessor, TableTarget target)
    : network_(std::move(network)), preprocessor_(std::move(preprocessor)), target_(std::move(target)) {}

TableModel TableModel::load(const std::filesystem::path& path, const LoadOptions& options) {
  return of(read_model_file(path, options.map), path_text(path), options);
}

TableModel TableModel::parse(std::span<const std::byte> bytes, const LoadOptions& options) {
  return of(view_model_file(bytes), "model data", options);
}

bool TableModel::is_in(const ModelFile& file) {
  const Json contents = Json::parse(file.record);
  const Json* record = contents.find("record");
  const Json* schema = record == nullptr ? nullptr : record->find("schema");
  return schema != nullptr && schema->is_text() && schema->text().starts_with("lamina.tabular.");
}

TableModel TableModel::of(const ModelFile& file, const std::string& source, const LoadOptions& options) {
  NetworkFile network = NetworkFile::parse(file, source);
  const StoredSelfTest self_test = network.self_test();
  Json record = network.take_record();
  if (record.members().empty())
    throw_error(Error::Kind::kFormat, {source, ": expected a model of tables, got a network alone"});
  try {
    RecordFields fields(source, record);
    const bool one = fields.check_version(kSchema, kOldest, kNewest) == kOldest;
    const Json::Array none;
    const Json::Array& others = one ? none : fields.list("networks");
    const std::vector<TensorView> own = network.tensors_beside(others.size());
    Parts parts = split(own, fields.is_newer(), source);
    Preprocessor preprocessor(fields.value("preprocessor"), std::move(parts.preprocessor));
    TableTarget target(fields.value("target"), std::move(parts.target));
    fields.object("training");
    fields.done();
    std::vector<NetworkFile> further;
    for (std::size_t i = 0; i < others.size(); ++i)
      further.push_back(network.further(others[i], i + 1, source));
    network.keep_own_tensors({});
    TableModel model(std::move(network), std::move(preprocessor), std::move(target));
    model.shares_ =
        one ? std::vector<double>{1.0} : read_shares(std::move(parts.shares), others.size() + 1, source);
    model.others_ = std::move(further);
    model.check_networks(fields);
    model.record_ = std::move(record);
    model.tensors_ = copies_of(own);
    if (options.selftest) model.run_self_test(self_test, source);
    return model;
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::kValue) throw;
    throw Error(Error::Kind::kFormat, error.what());
  }
}

void TableModel::run_self_test(const StoredSelfTest& stored, const std::string& source) const {
  check_self_test_there(stored, target_.outputs(), source);
  const Json* rows = stored.record.find("rows");
  if (rows == nullptr || !rows->is_array() ||
      std::cmp_not_equal(rows->elements().size(), stored.outputs->shape[0]))
    throw_error(Error::Kind::kFormat, {source, ": its self-test needs a list of rows for its outputs"});
  compare_self_test(stored, outputs_of_rows(*rows), target_.outputs(), !network_.is_double(), source);
}

Json TableModel::describe(WrittenTensors& tensors) const {
  Json contents = network_.describe("", tensors);
  for (std::size_t i = 0; i < others_.size(); ++i)
    others_[i].describe(concat({"networks.", i + 1, "."}), tensors);
  tensors.add(tensors_.views);
  contents["record"] = record_;
  return contents;
}

void TableModel::save(const std::filesystem::path& path, const SaveOptions& options) const {
  WrittenTensors tensors;
  const std::string contents = describe(tensors).dump();
  save_model(path, contents, tensors.views(), options);
}

std::vector<std::byte> TableModel::bytes(const SaveOptions& options) const {
  WrittenTensors tensors;
  const std::string contents = describe(tensors).dump();
  return model_bytes(contents, tensors.views(), options);
}

void TableModel::check_networks(const RecordFields& fields) const {
  for (std::size_t i = 0; i < networks(); ++i) {
    if (!(network(i).layer(0) == preprocessor_.layer()))
      fields.fail({"expected a network whose first layer is that of the preprocessing"});
    if (network(i).outputs() != target_.outputs())
      fields.fail(
          {"the target needs ", target_.outputs(), " network outputs, but there are ", network(i).outputs()});
  }
}

std::vector<double> TableModel::outputs(std::span<const NamedColumn> table,
                                        std::vector<ColumnIssue>* issues) const {
  std::vector<std::string_view> names;
  for (const NamedColumn& column : table) names.push_back(column.name);
  std::vector<Preprocessor::Source> sources;
  for (const std::size_t place : preprocessor_.places_among(names))
    sources.push_back({sources.size(), table[place].column});
  const std::int64_t rows = lamina::row_count(sources.front().column);
  std::vector<float> inputs(static_cast<std::size_t>(rows * preprocessor_.inputs()));
  std::vector<ColumnIssue> found;
  preprocessor_.encode(sources, inputs.data(), found, [] { return false; });
  if (issues != nullptr) issues->insert(issues->end(), found.begin(), found.end());
  return run(inputs);
}

std::vector<double> TableModel::outputs(std::span<const Cell> row, std::vector<ColumnIssue>* issues) const {
  std::vector<float> inputs(static_cast<std::size_t>(preprocessor_.inputs()));
  std::vector<ColumnIssue> found;
  preprocessor_.encode_row(row, inputs.data(), found);
  if (issues != nullptr) issues->insert(issues->end(), found.begin(), found.end());
  return run(inputs);
}

std::vector<double> TableModel::outputs_of_rows(const Json& rows) const {
  const auto width = static_cast<std::size_t>(preprocessor_.inputs());
  // Before memory is taken for rows that are there by name alone.
  for (const Json& row : rows.elements()) preprocessor_.check_cells(row.elements().size());
  std::vector<float> inputs(rows.elements().size() * width);
  std::vector<ColumnIssue> found;
  float* to = inputs.data();
  for (const Json& row : rows.elements()) {
    std::vector<Cell> cells;
    for (const Json& cell : row.elements()) cells.push_back(cell_from_json(cell));
    preprocessor_.encode_row(cells, to, found);
    to += width;
  }
  return run(inputs);
}

std::vector<double> TableModel::run(const std::vector<float>& inputs) const {
  const std::int64_t columns = preprocessor_.inputs();
  const std::int64_t rows = std::ssize(inputs) / columns;
  const auto size = static_cast<std::int64_t>(sizeof(float));
  const ArraySource source{inputs.data(), kernels::SourceType::kF32, rows, columns, columns * size, size};
  std::vector<double> mean(static_cast<std::size_t>(rows * target_.outputs()));
  std::vector<double> outputs(mean.size());
  for (std::size_t i = 0; i < networks(); ++i) {
    network(i).predict(source, outputs.data(), [](std::int64_t) { return false; });
    for (std::size_t j = 0; j < mean.size(); ++j) {
      const double part = shares_[i] * outputs[j];
      mean[j] = i == 0 ? part : mean[j] + part;  // 0 + -0 would have another sign
    }
  }
  target_.calibrate(mean.data(), rows);
  return mean;
}

std::int64_t TableModel::row_count(std::span<const double> outputs) const {
  if (std::ssize(outputs) % target_.outputs() != 0)
    throw_error(Error::Kind::kValue,
                {"expected outputs [rows, ", target_.outputs(), "], got ", outputs.size(), " numbers"});
  return std::ssize(outputs) / target_.outputs();
}

std::vector<std::string_view> TableModel::classes(std::span<const double> outputs,
                                                  std::optional<double> threshold) const {
  if (target_.is_number()) throw_error(Error::Kind::kValue, {"a regression model gives no classes"});
  std::vector<std::int64_t> indices(static_cast<std::size_t>(row_count(outputs)));
  target_.choose_classes(outputs.data(), std::ssize(indices), threshold, indices.data());
  std::vector<std::string_view> names;
  names.reserve(indices.size());
  for (const std::int64_t index : indices)
    names.emplace_back(target_.classes()[static_cast<std::size_t>(index)]);
  return names;
}

std::vector<double> TableModel::numbers(std::span<const double> outputs) const {
  if (!target_.is_number()) throw_error(Error::Kind::kValue, {"a model of classes gives no numbers"});
  const std::int64_t rows = row_count(outputs);
  std::vector<double> numbers(static_cast<std::size_t>(rows) * target_.number_targets().size());
  target_.numbers(outputs.data(), rows, numbers.data());
  return numbers;
}

std::vector<double> TableModel::quantiles(std::span<const double> outputs) const {
  std::vector<double> quantiles(outputs.size());
  target_.quantiles(outputs.data(), row_count(outputs), quantiles.data());
  return quantiles;
}

std::vector<double> TableModel::intervals(std::span<const double> outputs) const {
  const std::int64_t rows = row_count(outputs);
  std::vector<double> intervals(2 * static_cast<std::size_t>(rows) * target_.number_targets().size());
  target_.intervals(outputs.data(), rows, intervals.data());
  return intervals;
}

std::vector<double> TableModel::probabilities(std::span<const double> outputs) const {
  const std::int64_t rows = row_count(outputs);
  std::vector<double> probabilities(static_cast<std::size_t>(rows) * target_.classes().size());
  target_.probabilities(outputs.data(), rows, probabilities.data());
  return probabilities;
}

}  // namespace lamina
