// Describes the options of layers that work on single columns of a table.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "layers/describe_options.h"

namespace lamina {

namespace {

using kernels::ColumnKind;

// Where the kernels of column encodings clip their inputs.
constexpr double kFarthest = 1e15;

}  // namespace

namespace {

const char* name_of(ColumnKind kind) noexcept {
  switch (kind) {
    case ColumnKind::kCategory:
      return "category";
    case ColumnKind::kCode:
      return "code";
    case ColumnKind::kDate:
      return "date";
    case ColumnKind::kNumber:
      break;
  }
  return "number";
}

std::vector<double> edges_from(const JsonReader& from, const Json& list) {
  if (!list.is_array()) from.fail({"expected a list of numbers for 'edges', got ", list.dump()});
  std::vector<double> edges;
  for (const Json& element : list.elements()) {
    if (!element.is_number())
      from.fail({"expected numbers between -1e15 and 1e15 for 'edges', got ", element.dump()});
    edges.push_back(element.number());
  }
  return edges;
}

const auto read_edges = [](const JsonReader& from, const char* name, std::vector<double>& edges) {
  edges = edges_from(from, from.at(name));
};
const auto write_edges = [](const std::vector<double>& edges) {
  return Json(Json::Array(edges.begin(), edges.end()));
};

}  // namespace

void describe(OptionVisitor& visitor, ColumnOptions& o) {
  visitor.boolean("indicator", o.indicator);
  if (o.kind == ColumnKind::kCode)
    return visitor.integer("count", o.count, 1, kMostCategories, InJson::kRequired);
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

std::string column_place(size_t index) { return concat({"ColumnEncoding, column ", index}); }

ColumnOptions read_column(const Json& json, std::string_view where) {
  const std::string kind = JsonReader(json, where).text("kind");
  for (const ColumnKind known :
       {ColumnKind::kNumber, ColumnKind::kCategory, ColumnKind::kCode, ColumnKind::kDate})
    if (kind == name_of(known)) return read_options<ColumnOptions>(json, where, {.kind = known, .edges = {}});
  JsonReader(json, where).fail({"unknown kind '", kind, "'; expected one of number, category, code, date"});
}

// The same kind on both sides: its description has the same options.
Json write_column(ColumnOptions column) {
  Json json = {{"kind", name_of(column.kind)}};
  const auto own = [&](OptionVisitor& visitor) { describe(visitor, column); };
  write_described(json, own, own);
  return json;
}

}  // namespace

void describe(OptionVisitor& visitor, ColumnEncodingOptions& o) {
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
      from.fail(
          {"expected whole numbers between ", least, " and ", most, " for '", name, "', got ", found.dump()});
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

void describe(OptionVisitor& visitor, EmbeddingOptions& o) {
  visitor.value("columns", o.columns, read_columns, write_integers, InJson::kRequired);
  visitor.value("categories", o.categories, read_integers(1, kMostCategories), write_integers,
                InJson::kRequired);
  visitor.integer("units", o.units, 1, kMostColumns, InJson::kRequired);
  visitor.number("deviation", o.deviation, 0.0, 1e6);
  visitor.boolean("sparse", o.sparse);
  describe_learning(visitor, o.learning);
}

namespace {

// A name among `names`, in the order of the enumeration.
template <class Value>
auto read_choice(std::array<const char*, 2> names) {
  return [=](const JsonReader& from, const char* name, Value& value) {
    const std::string text = from.text(name);
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end())
      from.fail({"expected '", name, "' to be '", names[0], "' or '", names[1], "', got '", text, "'"});
    value = static_cast<Value>(found - names.begin());
  };
}
template <class Value>
auto write_choice(std::array<const char*, 2> names) {
  return [=](Value value) { return Json(names[static_cast<size_t>(value)]); };
}

const auto read_edge_lists = [](const JsonReader& from, const char* name,
                                std::vector<std::vector<double>>& lists) {
  lists.clear();
  if (!from.at(name).is_array())
    from.fail({"expected a list of lists of numbers for '", name, "', got ", from.at(name).dump()});
  for (const Json& list : from.at(name).elements()) {
    lists.push_back(edges_from(from, list));
  }
};
const auto write_edge_lists = [](const std::vector<std::vector<double>>& lists) {
  Json::Array json;
  for (const std::vector<double>& edges : lists) json.push_back(write_edges(edges));
  return Json(std::move(json));
};

}  // namespace

void describe(OptionVisitor& visitor, PiecewiseLinearOptions& o) {
  visitor.value("columns", o.columns, read_columns, write_integers, InJson::kRequired);
  visitor.value("edges", o.edges, read_edge_lists, write_edge_lists, InJson::kRequired);
  visitor.integer("units", o.units, 1, kMostColumns, InJson::kRequired);
  visitor.value("version", o.version, read_choice<PiecewiseVersion>({"A", "B"}),
                write_choice<PiecewiseVersion>({"A", "B"}));
  visitor.value("activation", o.activation, read_activation, write_activation);
  describe_learning(visitor, o.learning);
}

void describe(OptionVisitor& visitor, PeriodicOptions& o) {
  visitor.value("columns", o.columns, read_columns, write_integers, InJson::kRequired);
  // First: what else is left out has this form's default.
  visitor.value(
      "form", o,
      [](const JsonReader& from, const char* name, PeriodicOptions& options) {
        PeriodicForm form{};
        read_choice<PeriodicForm>({"plr", "pbld"})(from, name, form);
        PeriodicOptions defaults = PeriodicOptions::of(form);
        defaults.columns = std::move(options.columns);
        options = std::move(defaults);
      },
      [](const PeriodicOptions& options) {
        return write_choice<PeriodicForm>({"plr", "pbld"})(options.form);
      });
  visitor.integer("units", o.units, 1, kMostWaveUnits);
  visitor.integer("frequencies", o.frequencies, 1, kMostFrequencies);
  visitor.number("sigma", o.sigma, 0.0, 1e6);
  visitor.boolean("shared", o.shared);
  visitor.value("activation", o.activation, read_activation,
                [](const std::optional<ActivationSpec>& activation) {
                  return activation ? activation_to_json(*activation) : Json();
                });
  describe_learning(visitor, o.learning);
}

namespace {

void check_rising_edges(std::string_view where, const std::vector<double>& edges, bool strictly) {
  for (size_t i = 0; i < edges.size(); ++i) {
    if (!(std::abs(edges[i]) <= kFarthest))
      fail(where, {"expected numbers between -1e15 and 1e15 for 'edges', got ", shown(edges[i])});
    if (i > 0 && (edges[i] < edges[i - 1] || (strictly && edges[i] == edges[i - 1])))
      fail(where,
           {"expected rising 'edges', got ", Json(edges[i]).dump(), " after ", Json(edges[i - 1]).dump()});
  }
}

void check_column(std::string_view where, const ColumnOptions& o) {
  check_options(where, o);
  if (o.limit != 0.0 && o.limit < 1e-3)
    fail(where, {"expected 'limit' to be 0 or at least 0.001, got ", shown(o.limit)});
  check_rising_edges(where, o.edges, false);
  if (o.edges.size() == 1) fail(where, {"expected no 'edges', or at least two, got one"});
}

}  // namespace

void check_rest(std::string_view where, const ColumnEncodingOptions& o) {
  if (o.columns.empty()) fail(where, {"expected a list of at least one column, got none"});
  for (size_t i = 0; i < o.columns.size(); ++i) check_column(column_place(i), o.columns[i]);
}

namespace {

void check_range(std::string_view where, const char* name, const std::vector<int64_t>& values, int64_t least,
                 int64_t most) {
  for (const int64_t value : values)
    if (value < least || value > most)
      fail_outside(where, name, static_cast<double>(least), static_cast<double>(most),
                   static_cast<double>(value));
}

// Columns that a layer works on.
void check_columns(std::string_view where, const std::vector<int64_t>& columns) {
  if (columns.empty()) fail(where, {"expected at least one column, got none"});
  check_range(where, "columns", columns, 0, kMostColumns - 1);
  for (size_t i = 1; i < columns.size(); ++i)
    if (columns[i] <= columns[i - 1])
      fail(where, {"expected rising 'columns', got ", columns[i], " after ", columns[i - 1]});
}

void check_one_each(std::string_view where, const char* name, size_t count, size_t columns) {
  if (count != columns) fail(where, {"expected '", name, "' for each of ", columns, " columns, got ", count});
}

void check_relu(std::string_view where, const ActivationSpec& activation) {
  const bool relu = activation.is_elementwise() && activation.function == kernels::Activation::kRelu;
  if (!relu && !activation.is_identity())
    fail(where, {"expected the activation 'identity' or 'relu', got '", activation.name,
                 "'; put another as a layer of its own behind this one"});
}

}  // namespace

void check_rest(std::string_view where, const EmbeddingOptions& o) {
  check_columns(where, o.columns);
  check_one_each(where, "categories", o.categories.size(), o.columns.size());
  check_range(where, "categories", o.categories, 1, kMostCategories);
}

void check_rest(std::string_view where, const PiecewiseLinearOptions& o) {
  check_columns(where, o.columns);
  check_one_each(where, "edges", o.edges.size(), o.columns.size());
  for (size_t i = 0; i < o.edges.size(); ++i) {
    const std::string at = concat({where, ", column ", o.columns[i]});
    check_rising_edges(at, o.edges[i], true);
    if (o.edges[i].size() < 2) fail(at, {"expected at least two 'edges', got ", o.edges[i].size()});
    if (std::ssize(o.edges[i]) > kernels::kMostBins + 1)
      fail(at, {"expected at most ", kernels::kMostBins + 1, " 'edges', got ", o.edges[i].size()});
  }
  check_relu(where, o.activation);
  if (o.version == PiecewiseVersion::kB && !o.activation.is_identity())
    fail(where,
         {"expected no activation with version 'B', whose zero first weights would never learn through a "
          "relu; use version 'A'"});
}

void check_rest(std::string_view where, const PeriodicOptions& o) {
  check_columns(where, o.columns);
  if (o.form == PeriodicForm::kPbld && o.units < 2)
    fail(where,
         {"expected 'units' of at least 2 for the form 'pbld', whose first unit is the number itself, got ",
          o.units});
  if (!(o.sigma > 0.0)) fail(where, {"expected 'sigma' above 0, got ", shown(o.sigma)});
  if (o.activation) check_relu(where, *o.activation);
}

LAMINA_INSTANTIATE_OPTIONS(ColumnEncodingOptions)
LAMINA_INSTANTIATE_OPTIONS(EmbeddingOptions)
LAMINA_INSTANTIATE_OPTIONS(PiecewiseLinearOptions)
LAMINA_INSTANTIATE_OPTIONS(PeriodicOptions)

}  // namespace lamina
