// Describes the options of layers that work on single columns of a table.
#include <cmath>

#include "layers/describe_options.h"

namespace lamina {

namespace {

using kernels::ColumnKind;

// Where the kernels of column encodings clip their inputs.
constexpr double kFarthest = 1e15;

}  // namespace

namespace {

const char* name_of(ColumnKind kind) noexcept {
  return kind == ColumnKind::kCategory ? "category" : kind == ColumnKind::kDate ? "date" : "number";
}

const auto read_edges = [](const JsonReader& from, const char* name, std::vector<double>& edges) {
  const Json& list = from.at(name);
  if (!list.is_array()) from.fail("expected a list of numbers for 'edges', got " + list.dump());
  for (const Json& element : list.elements()) {
    if (!element.is_number())
      from.fail("expected numbers between -1e15 and 1e15 for 'edges', got " + element.dump());
    edges.push_back(element.number());
  }
};
const auto write_edges = [](const std::vector<double>& edges) {
  return Json(Json::Array(edges.begin(), edges.end()));
};

}  // namespace

template <class Visitor>
void describe(Visitor& visitor, ColumnOptions& o) {
  visitor.boolean("indicator", o.indicator);
  if (o.kind == ColumnKind::kCategory)
    return visitor.integer("count", o.count, 1, kMostColumns, InJson::kRequired);
  if (o.kind == ColumnKind::kNumber) visitor.value("edges", o.edges, read_edges, write_edges);
  visitor.number("limit", o.limit, 0.0, 1e6);
  if (o.kind == ColumnKind::kDate) {
    visitor.number("center", o.center, -kFarthest, kFarthest);
    visitor.number("scale", o.scale, 1.0 / kFarthest, kFarthest);
  }
  visitor.number("fill", o.fill, -kFarthest, kFarthest);
}

namespace {

std::string column_place(size_t index) { return "ColumnEncoding, column " + std::to_string(index); }

ColumnOptions read_column(const Json& json, const std::string& where) {
  const std::string kind = JsonReader(json, where).text("kind");
  for (const ColumnKind known : {ColumnKind::kNumber, ColumnKind::kCategory, ColumnKind::kDate})
    if (kind == name_of(known)) return read_options<ColumnOptions>(json, where, {.kind = known, .edges = {}});
  JsonReader(json, where).fail("unknown kind '" + kind + "'; expected one of number, category, date");
}

// The same kind on both sides: its description has the same options.
Json write_column(ColumnOptions column) {
  Json json = {{"kind", name_of(column.kind)}};
  OptionWriter own;
  describe(own, column);
  own.take(json, own);
  return json;
}

}  // namespace

template <class Visitor>
void describe(Visitor& visitor, ColumnEncodingOptions& o) {
  visitor.value(
      "columns", o.columns,
      [](const JsonReader& from, const char* name, std::vector<ColumnOptions>& columns) {
        for (const Json& column : from.list(name, "column"))
          columns.push_back(read_column(column, column_place(columns.size())));
      },
      [](const std::vector<ColumnOptions>& columns) {
        Json::Array list;
        for (const ColumnOptions& column : columns) list.push_back(write_column(column));
        return Json(std::move(list));
      },
      InJson::kRequired);
}

namespace {

// A list of whole numbers in [least, most].
auto read_integers(int64_t least, int64_t most) {
  return [=](const JsonReader& from, const char* name, std::vector<int64_t>& values) {
    values.clear();
    const auto refuse = [&](const Json& found) {
      from.fail(std::string("expected whole numbers between ") + std::to_string(least) + " and " +
                std::to_string(most) + " for '" + name + "', got " + found.dump());
    };
    if (!from.at(name).is_array()) refuse(from.at(name));
    for (const Json& element : from.at(name).elements()) {
      if (!element.is_integer() || element.integer() < least || element.integer() > most) refuse(element);
      values.push_back(element.integer());
    }
  };
}
const auto write_integers = [](const std::vector<int64_t>& values) {
  return Json(Json::Array(values.begin(), values.end()));
};
// Columns that layers are told to work on.
const auto read_columns = read_integers(0, kMostColumns - 1);

}  // namespace

template <class Visitor>
void describe(Visitor& visitor, EmbeddingOptions& o) {
  visitor.value("columns", o.columns, read_columns, write_integers, InJson::kRequired);
  visitor.value("categories", o.categories, read_integers(1, kMostCategories), write_integers,
                InJson::kRequired);
  visitor.integer("units", o.units, 1, kMostColumns, InJson::kRequired);
  visitor.number("deviation", o.deviation, 0.0, 1e6);
  visitor.boolean("sparse", o.sparse);
  describe_learning(visitor, o.learning);
}

namespace {

void check_column(const std::string& where, const ColumnOptions& o) {
  check_options(where, o);
  if (o.limit != 0.0 && o.limit < 1e-3)
    fail(where, "expected 'limit' to be 0 or at least 0.001, got " + shown(o.limit));
  for (size_t i = 0; i < o.edges.size(); ++i) {
    if (!(std::abs(o.edges[i]) <= kFarthest))
      fail(where, "expected numbers between -1e15 and 1e15 for 'edges', got " + shown(o.edges[i]));
    if (i > 0 && o.edges[i] < o.edges[i - 1])
      fail(where, "expected rising 'edges', got " + Json(o.edges[i]).dump() + " after " +
                      Json(o.edges[i - 1]).dump());
  }
  if (o.edges.size() == 1) fail(where, "expected no 'edges', or at least two, got one");
}

}  // namespace

void check_rest(const std::string& where, const ColumnEncodingOptions& o) {
  if (o.columns.empty()) fail(where, "expected a list of at least one column, got none");
  for (size_t i = 0; i < o.columns.size(); ++i) check_column(column_place(i), o.columns[i]);
}

namespace {

// Of a layer that works on some columns: they must rise, and be as many as what is told of each.
void check_columns(const std::string& where, const std::vector<int64_t>& columns, size_t told,
                   const char* what) {
  if (columns.empty()) fail(where, "expected at least one column, got none");
  for (size_t i = 1; i < columns.size(); ++i)
    if (columns[i] <= columns[i - 1])
      fail(where, "expected rising 'columns', got " + std::to_string(columns[i]) + " after " +
                      std::to_string(columns[i - 1]));
  if (told != columns.size())
    fail(where, std::string("expected '") + what + "' for each of " + std::to_string(columns.size()) +
                    " columns, got " + std::to_string(told));
}

}  // namespace

void check_rest(const std::string& where, const EmbeddingOptions& o) {
  check_columns(where, o.columns, o.categories.size(), "categories");
  const auto check_range = [&](const char* name, const std::vector<int64_t>& values, int64_t least,
                               int64_t most) {
    for (const int64_t value : values)
      if (value < least || value > most)
        fail_outside(where, name, static_cast<double>(least), static_cast<double>(most),
                     static_cast<double>(value));
  };
  check_range("columns", o.columns, 0, kMostColumns - 1);
  check_range("categories", o.categories, 1, kMostCategories);
}

LAMINA_INSTANTIATE_OPTIONS(ColumnEncodingOptions)
LAMINA_INSTANTIATE_OPTIONS(EmbeddingOptions)

}  // namespace lamina
