// A table model of four columns, its tables and its file, for the tests of table models.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model_io/table_model.h"
#include "tables/text_value.h"

namespace lamina::test::tables {

namespace fs = std::filesystem;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A model of four columns: a number with edges, a category, a price with marks and a date.
struct Fixture {
  std::vector<double> scaling{30.0, 10.0, 30.0, 3.0}, edges{10.0, 20.0, 40.0, 80.0}, bounds{10.0, 80.0};
  std::vector<double> price_scaling{100.0, 50.0, 100.0, 0.0}, price_bounds{0.0, 200.0};
  std::vector<double> date_scaling{19000.0, 100.0, 19000.0, 3.0}, date_bounds{18900.0, 19100.0};
  std::vector<double> shares{0.75, 0.25};
  std::vector<float> weight, bias{0.1F};

  Json preprocessor() const {
    const Json columns(
        Json::Array{{{"kind", "number"}, {"name", "age"}, {"edges", 4}, {"indicator", true}},
                    {{"kind", "category"},
                     {"name", "colour"},
                     {"categories", Json::Array{"blue", "red", "7"}},
                     {"other", true},
                     {"missing", false},
                     {"rare", Json::Array{"green"}},
                     {"complete", true}},
                    {{"kind", "number"}, {"name", "price"}, {"edges", 0}, {"indicator", false}},
                    {{"kind", "date"}, {"name", "day"}, {"indicator", false}}});
    const Json numbers{{"price", Json{{"decimal", "."}, {"unit", "$"}}}};
    const Json dates{{"day", "%d.%m.%Y"}};
    return {{"schema", "lamina.tabular.preprocessor"},
            {"version", 2},
            {"missing_values", Json::Array{"", "?", "NA"}},
            {"formats", Json{{"numbers", numbers}, {"dates", dates}}},
            {"ignored", Json{{"id", "a running number"}}},
            {"width", 5 + 4 + 1 + 7},
            {"columns", columns}};
  }
  static Json target() {
    return {{"schema", "lamina.tabular.target"},
            {"version", 1},
            {"task", "classification"},
            {"name", "paid"},
            {"classes", Json::Array{"no", "yes"}}};
  }
  Json contents() const {
    const Json record{{"schema", "lamina.tabular.model"},
                      {"version", 2},
                      {"preprocessor", preprocessor()},
                      {"target", target()},
                      {"training", Json{{"epochs", 3}}}};
    const Preprocessor known(preprocessor(), tensors_of_preprocessor());
    const Json dense{{"kind", "dense"}, {"units", 1}, {"activation", "sigmoid"}};
    const Json network{{"inputs", 5}, {"layers", Json::Array{known.layer(), dense}}};
    return {
        {"network", network}, {"dtype", "float32"}, {"seed", 1}, {"epochs_trained", 3}, {"record", record}};
  }
  std::vector<RecordTensor> tensors_of_preprocessor() const {
    const auto tensor = [](const char* name, const std::vector<double>& values) {
      return RecordTensor{name, "float64", {std::ssize(values)}, values.data()};
    };
    static const std::vector<double> none;
    return {tensor("0.scaling", scaling),      tensor("0.edges", edges),
            tensor("0.bounds", bounds),        tensor("2.scaling", price_scaling),
            tensor("2.edges", none),           tensor("2.bounds", price_bounds),
            tensor("3.scaling", date_scaling), tensor("3.bounds", date_bounds)};
  }
  std::vector<TensorView> tensors() {
    weight.resize(17);
    for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = 0.05F * static_cast<float>(i) - 0.3F;
    std::vector<TensorView> views;
    for (const RecordTensor& tensor : tensors_of_preprocessor())
      views.push_back({"preprocessor." + tensor.name, TensorType::kFloat64, tensor.shape, tensor.values});
    views.push_back({"target.shares", TensorType::kFloat64, {2}, shares.data()});
    views.push_back({"layers.1.weight", TensorType::kFloat32, {1, 17}, weight.data()});
    views.push_back({"layers.1.bias", TensorType::kFloat32, {1}, bias.data()});
    return views;
  }
  void write(const fs::path& path, const Json& json) { write_model_file(path, json.dump(), tensors()); }
};

inline fs::path place() { return fs::temp_directory_path() / "lamina_test_table_model.lamina"; }

inline const TableModel& model() {
  static const TableModel loaded = [] {
    Fixture fixture;
    fixture.write(place(), fixture.contents());
    return TableModel::load(place());
  }();
  return loaded;
}

// What a call refuses, or an empty string.
inline std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

struct Table {
  std::vector<double> ages{12.5, kNaN, 79.0, 300.0};
  std::vector<std::int32_t> colours{0, 1, 2, 3}, prices{0, 1, 0, 1}, days{0, 0, 1, 2};
  std::vector<NamedColumn> columns() const {
    return {{"day", TextColumn{days.data(), 4, {"31.12.2021", "1.1.2022", std::nullopt}}},
            {"id", TextColumn{days.data(), 4, {"a", "b", "c"}}},
            {"age", NumberColumn{ages.data(), NumberType::kF64, sizeof(double), 4}},
            {"colour", TextColumn{colours.data(), 4, {"red", "7.0", "pink", "green"}}},
            {"price", TextColumn{prices.data(), 4, {"$1,000.50", "(3)"}}}};
  }
  std::vector<std::vector<Cell>> rows() const {
    using std::string_view;
    return {{12.5, string_view("red"), string_view("$1,000.50"), string_view("31.12.2021")},
            {Cell(), std::int64_t{7}, string_view("(3)"), string_view("31.12.2021")},
            {std::int64_t{79}, string_view("pink"), 1000.5, Date{18993 * kDaySeconds}},
            {300.0F, string_view("green"), -3.0, Cell()}};
  }
};

// Sets the value at a path of keys and, for lists, indices.
inline Json with(Json json, const std::vector<std::string>& path, const Json& value) {
  const std::function<Json(const Json&, std::size_t)> set = [&](const Json& at, std::size_t depth) -> Json {
    if (depth == path.size()) return value;
    if (at.is_array()) {
      Json::Array elements = at.elements();
      Json& element = elements[static_cast<std::size_t>(std::stoi(path[depth]))];
      element = set(Json(element), depth + 1);
      return elements;
    }
    Json changed = at;
    const Json* old = at.find(path[depth]);
    changed[path[depth]] = set(old == nullptr ? Json() : *old, depth + 1);
    return changed;
  };
  return set(json, 0);
}

}  // namespace lamina::test::tables
