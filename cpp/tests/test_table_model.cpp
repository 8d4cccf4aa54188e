// Table models from files: predictions for columns and rows, wrong tables and damaged records.
//
// With the arguments MODEL TABLE OUTPUTS, a model that Python has saved, the CSV table of its columns and
// Python's outputs of it (float64), it says instead whether its own outputs are the same to the bit.
#include "model_io/table_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_count.h"
#include "check.h"
#include "csv_table.h"
#include "table_model_fixture.h"
#include "tables/text_value.h"

namespace {

using lamina::Cell;
using lamina::CellError;
using lamina::Column;
using lamina::ColumnIssue;
using lamina::Error;
using lamina::Json;
using lamina::NamedColumn;
using lamina::NumberType;
using lamina::TableModel;
using lamina::TensorType;
using lamina::TensorView;
using lamina::TextColumn;
using lamina::test::CsvTable;
namespace fs = std::filesystem;

using namespace lamina::test::tables;  // NOLINT: the fixture of these files alone

LAMINA_TEST(columns_and_rows_give_the_same_outputs_for_any_number_of_threads) {
  const Table table;
  const std::vector<double> outputs = model().outputs(table.columns());
  CHECK(outputs.size() == 4);
  const auto rows = table.rows();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const double alone = model().outputs(std::span<const Cell>(rows[row]))[0];
    CHECK(std::abs(alone - outputs[row]) < 1e-6);
  }
  const int threads = lamina::get_num_threads();
  lamina::set_num_threads(4);
  CHECK(model().outputs(table.columns()) == outputs);
  lamina::set_num_threads(threads);
}

LAMINA_TEST(outputs_become_classes_and_probabilities) {
  const std::vector<double> outputs{0.25, 0.5, 0.75};
  CHECK((model().classes(outputs) == std::vector<std::string_view>{"no", "no", "yes"}));
  CHECK((model().classes(outputs, 0.4) == std::vector<std::string_view>{"no", "yes", "yes"}));
  CHECK((model().probabilities(outputs) == std::vector<double>{0.75, 0.25, 0.5, 0.5, 0.25, 0.75}));
  CHECK(refusal([&] { model().numbers(outputs); }).find("gives no numbers") != std::string::npos);
  CHECK(refusal([&] { model().classes(outputs, 1.5); }) == "expected a threshold from 0 to 1, got 1.5");
}

LAMINA_TEST(what_training_did_not_see_is_told_by_column) {
  std::vector<ColumnIssue> issues;
  model().outputs(Table().columns(), &issues);
  std::string told;
  for (const ColumnIssue& issue : issues)
    told += issue.column + " " + std::to_string(static_cast<int>(issue.kind)) + " " +
            std::to_string(issue.rows) + " " + issue.example + "; ";
  CHECK(told == "age 3 1 300; colour 2 1 'pink'; price 3 2 1000.5; day 1 1 ; ");
}

LAMINA_TEST(wrong_tables_are_refused_in_sentences) {
  const Table table;
  const auto with = [&](std::size_t column, const Column& other) {
    std::vector<NamedColumn> columns = table.columns();
    columns[column].column = other;
    return refusal([&] { model().outputs(columns); });
  };
  std::vector<NamedColumn> columns = table.columns();
  columns.pop_back();
  CHECK(refusal([&] { model().outputs(columns); }) ==
        "the table has no column 'price', which the model reads");
  columns = table.columns();
  columns.push_back(columns[2]);
  CHECK(refusal([&] { model().outputs(columns); }) == "the table has two columns named 'age'");
  const std::vector<std::int32_t> codes{0, 0, 1, 0}, wild{0, -1, 0, 0};
  CHECK(with(2, TextColumn{codes.data(), 4, {"5", "old"}}) ==
        "column 'age', row 3: expected a number, got 'old'");
  CHECK(with(2, TextColumn{wild.data(), 4, {"5"}}) == "column 'age': expected codes of its 1 texts, got -1");
  CHECK(with(2, TextColumn{codes.data(), 3, {"5", "6"}}) ==
        "expected columns of one length, got 3 and 4 rows");
  const std::vector<double> great{1.0, 2.0, 3.0, -1e200};
  CHECK(with(2, lamina::NumberColumn{great.data(), NumberType::kF64, 8, 4}) ==
        "column 'age', row 4: expected a number of at most 1e+100, got -1e+200");
  const std::vector<std::int64_t> days{0, 1, 2, 3};
  CHECK(with(2, lamina::DateColumn{days.data(), 4}) == "column 'age': expected numbers, got dates");
  CHECK(with(4, TextColumn{codes.data(), 4, {"$1", "€2"}}) ==
        "column 'price': '$1' and '€2' are in different units; give them one, or each a column");
  CHECK(with(4, TextColumn{codes.data(), 4, {"1", "2%"}}).find("units") != std::string::npos);
  CHECK(with(0, TextColumn{codes.data(), 4, {"1.2.2022", "2022"}}) ==
        "column 'day', row 3: expected a date written as %d.%m.%Y, got '2022'");
  const std::vector<Cell> short_row{1.0};
  CHECK(refusal([&] { model().outputs(short_row); }) == "expected 4 cells in a row, got 1");
}

LAMINA_TEST(a_text_that_no_row_holds_refuses_nothing) {
  const Table table;
  std::vector<NamedColumn> columns = table.columns();
  const std::vector<std::int32_t> codes{0, 0, 0, 0};
  columns[2].column = TextColumn{codes.data(), 4, {"5", "old"}};
  CHECK(refusal([&] { model().outputs(columns); }).empty());
}

LAMINA_TEST(a_model_is_written_and_read_again) {
  const fs::path copy = fs::temp_directory_path() / "lamina_test_table_model_copy.lamina";
  model().save(copy);
  CHECK(TableModel::load(copy).outputs(Table().columns()) == model().outputs(Table().columns()));
  fs::remove(copy);
}

LAMINA_TEST(a_model_in_memory_is_that_of_its_file) {
  Fixture fixture;
  const std::vector<std::byte> bytes = serialize_model_file(fixture.contents().dump(), fixture.tensors());
  CHECK(TableModel::parse(bytes).outputs(Table().columns()) == model().outputs(Table().columns()));
  CHECK(refusal([&] {
          TableModel::parse(std::span(bytes).first(bytes.size() - 1));
        }).starts_with("model data: "));
}

LAMINA_TEST(wrong_records_are_refused_in_sentences) {
  Fixture fixture;
  const Json right = fixture.contents();
  const auto refused = [&](const std::vector<std::string>& path, const Json& value) {
    fixture.write(place(), with(right, path, value));
    const std::string sentence = refusal([] { TableModel::load(place()); });
    fixture.write(place(), right);
    return sentence;
  };
  const auto holds = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(holds(refused({"record"}, Json::object({})), "got a network alone"));
  CHECK(holds(refused({"record", "version"}, 4), "version 4 is newer than this lamina reads (2 to 3)"));
  CHECK(holds(refused({"record", "version"}, 3), "field 'networks' is missing"));
  CHECK(holds(refused({"record", "version"}, true), "expected field 'version' to be int, got bool"));
  CHECK(holds(refused({"record", "more"}, 1), "unknown field 'more'"));
  const std::vector<std::string> at{"record", "preprocessor"};
  const auto within = [&](std::vector<std::string> rest, const Json& value) {
    rest.insert(rest.begin(), at.begin(), at.end());
    return refused(rest, value);
  };
  CHECK(holds(within({"width"}, 7), "expected width 17 of its columns, got 7"));
  CHECK(holds(within({"columns"}, Json::Array{}), "unknown tensor '0.bounds'"));
  CHECK(holds(within({"columns", "0"}, 3), "column 0: expected a JSON object, got int"));
  CHECK(
      holds(within({"columns", "0", "kind"}, "image"), "expected kind to be one of number, category, date"));
  CHECK(holds(within({"columns", "0", "edges"}, 3),
              "expected tensor 'edges' to be float64 of shape (3,), got float64"));
  CHECK(holds(within({"columns", "0", "edges"}, -1), "expected tensor 'edges'"));
  CHECK(holds(within({"columns", "1", "name"}, "age"), "none twice"));
  CHECK(holds(within({"columns", "1", "categories"}, Json::Array{"a", "a"}), "holds a text twice"));
  CHECK(holds(within({"missing_values"}, "?"), "expected field 'missing_values' to be list, got str"));
  CHECK(holds(within({"formats", "numbers", "price", "decimal"}, ";"), "expected a decimal point or comma"));
  CHECK(holds(within({"formats", "dates", "day"}, "%U"), "dates written as %U cannot be read: it holds %U"));
  CHECK(
      holds(refused({"record", "target", "task"}, "ranking"), "expected task classification or regression"));
  CHECK(holds(refused({"record", "target", "classes"}, Json::Array{"a"}), "of shape (1,)"));
  CHECK(holds(refused({"network", "layers", "1", "units"}, 2), "expected shape [2, 17], got [1, 17]"));
  CHECK(holds(refused({"network"}, 1), "expected 'network' as a description of layers"));
  CHECK(holds(refused({"dtype"}, "float16"), "expected dtype float32 or float64"));
}

// Every value of the record in turn becomes each of some others: an error or a model, and nothing else.
LAMINA_TEST(a_record_damaged_anywhere_is_refused_or_loads) {
  Fixture fixture;
  const Json right = fixture.contents().at("record");
  std::vector<std::vector<std::string>> paths;
  const std::function<void(const Json&, std::vector<std::string>)> collect =
      [&](const Json& at, std::vector<std::string> path) {
        paths.push_back(path);
        path.emplace_back();
        if (at.is_array()) {
          for (std::size_t i = 0; i < at.elements().size(); ++i) {
            path.back() = std::to_string(i);
            collect(at.elements()[i], path);
          }
        } else if (at.is_object()) {
          for (const Json::Member& member : at.members()) {
            path.back() = member.key;
            collect(member.value, path);
          }
        }
      };
  collect(right, {});
  const std::vector<Json> others{
      Json(), true, 0, -1, 1 << 30, 1e300, "", "x", Json::Array{}, Json::Array{"x"}, Json::object({})};
  int refused = 0;
  for (const auto& path : paths) {
    for (const Json& other : others) {
      std::vector<lamina::RecordTensor> tensors = fixture.tensors_of_preprocessor();
      const Json record = with(right, path, other);
      const std::string sentence = refusal([&] {
        lamina::RecordFields fields("record", record);
        lamina::Preprocessor known(fields.value("preprocessor"), tensors);
        lamina::TableTarget target(fields.value("target"),
                                   {{"shares", "float64", {2}, fixture.shares.data()}});
      });
      refused += sentence.empty() ? 0 : 1;
    }
  }
  CHECK(paths.size() > 40);
  CHECK(refused > static_cast<int>(paths.size()));
}

LAMINA_TEST(a_file_damaged_in_any_byte_is_refused) {
  Fixture fixture;
  fixture.write(place(), fixture.contents());
  std::ifstream in(place(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    // With a right checksum, so that what is read behind it is reached too.
    const std::span<std::byte> view(reinterpret_cast<std::byte*>(damaged.data()), damaged.size());
    if (at >= lamina::kChecksumEnd) lamina::stamp_checksum(view);
    std::ofstream(place(), std::ios::binary) << damaged;
    try {
      TableModel::load(place()).outputs(Table().columns());
    } catch (const Error&) {
    }
  }
  fixture.write(place(), fixture.contents());
}

// Python's outputs.

std::string read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

int compare_with_python(const char* model_path, const char* table_path, const char* outputs_path) {
  const TableModel loaded = TableModel::load(model_path);
  const CsvTable table(read_file(table_path));
  const std::vector<double> outputs = loaded.outputs(table.columns);
  const std::string expected = read_file(outputs_path);
  const bool same = expected.size() == outputs.size() * sizeof(double) &&
                    std::memcmp(expected.data(), outputs.data(), expected.size()) == 0;
  std::printf("%zu outputs %s Python's\n", outputs.size(), same ? "equal" : "differ from");
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4) return compare_with_python(argv[1], argv[2], argv[3]);
  return lamina::test::run_all(argc, argv);
}
