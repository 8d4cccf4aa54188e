// A table model in a file: the encoders of its columns, its networks, and the decoding of their outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model_io/network_file.h"
#include "model_io/save_model.h"
#include "tables/preprocessor.h"
#include "tables/table_target.h"

namespace lamina {

// A column of a table by its name; see Column for what it may hold.
struct NamedColumn {
  std::string_view name;
  Column column;
};

// What Python's TableModel.save wrote. All members are const, so that any number of threads may use one model
// at once. Issues, where they are asked for, are what the table holds that training did not see.
class TableModel {
 public:
  // Throws Error alone: as NetworkFile::load, and kFormat for a model without a table's preprocessing or with
  // parts that do not fit each other.
  static TableModel load(const std::filesystem::path& path, const LoadOptions& options = {});
  // From the bytes of such a file, which are needed no longer than the call.
  static TableModel parse(std::span<const std::byte> bytes, const LoadOptions& options = {});
  // Whether a file holds one, and not a network alone.
  static bool is_in(const ModelFile& file);
  // From a file that has been read; `source` opens the sentences of errors.
  static TableModel of(const ModelFile& file, const std::string& source, const LoadOptions& options = {});
  // Replaces `path` in one step; throws as save_model.
  void save(const std::filesystem::path& path, const SaveOptions& options = {}) const;
  std::vector<std::byte> bytes(const SaveOptions& options = {}) const;

  const Preprocessor& preprocessor() const noexcept { return preprocessor_; }
  const TableTarget& target() const noexcept { return target_; }
  // How many networks there are; their outputs are averaged.
  std::size_t networks() const noexcept { return 1 + others_.size(); }
  const NetworkFile& network(std::size_t index = 0) const {
    return index == 0 ? network_ : others_.at(index - 1);
  }
  // What the file has beside the networks: preprocessor, target, training, ...
  const Json& record() const noexcept { return record_; }
  // How it was trained, an object.
  const Json& training() const { return record_.at("training"); }

  // The networks' outputs [rows, target().outputs()] for a table, whose columns may be more than the model
  // reads, in any order. Throws CellError for a value that is not of its column's kind, Error kValue where a
  // column is not there or lengths differ.
  std::vector<double> outputs(std::span<const NamedColumn> table,
                              std::vector<ColumnIssue>* issues = nullptr) const;
  // Of one row, whose cells are in the order of preprocessor().columns().
  std::vector<double> outputs(std::span<const Cell> row, std::vector<ColumnIssue>* issues = nullptr) const;

  // Of rows as a self-test stores them, lists of cells (see cell_to_json).
  std::vector<double> outputs_of_rows(const Json& rows) const;

  // Answers for outputs [rows, target().outputs()]: class names, probabilities [rows, classes]; numbers
  // [rows, targets], quantiles [rows, levels of all targets] and intervals [rows, targets, 2] in the targets'
  // units. Throws Error kValue where the target is of another kind, or for a threshold without two classes.
  std::vector<std::string_view> classes(std::span<const double> outputs,
                                        std::optional<double> threshold = std::nullopt) const;
  std::vector<double> numbers(std::span<const double> outputs) const;
  std::vector<double> quantiles(std::span<const double> outputs) const;
  std::vector<double> intervals(std::span<const double> outputs) const;
  std::vector<double> probabilities(std::span<const double> outputs) const;

 private:
  TableModel(NetworkFile network, Preprocessor preprocessor, TableTarget target);
  void run_self_test(const StoredSelfTest& stored, const std::string& source) const;
  Json describe(WrittenTensors& tensors) const;
  void check_networks(const RecordFields& fields) const;
  std::vector<double> run(const std::vector<float>& inputs) const;
  std::int64_t row_count(std::span<const double> outputs) const;

  NetworkFile network_;
  std::vector<NetworkFile> others_;
  std::vector<double> shares_;  // of each network in the mean
  Preprocessor preprocessor_;
  TableTarget target_;
  Json record_;
  TensorCopies tensors_;  // of the preprocessor, the target and the shares
};

}  // namespace lamina
