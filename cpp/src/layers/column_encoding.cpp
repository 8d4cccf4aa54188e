// Reads the descriptions of columns, and hands rows to the kernels.
#include "layers/column_encoding.h"

#include <cmath>

#include "base/json_reader.h"

namespace lamina {

namespace {

using kernels::ColumnKind;

// Where the kernels clip their inputs.
constexpr double kFarthest = 1e15;
constexpr int64_t kMostFeatures = int64_t{1} << 24;  // as of the network's inputs
constexpr int64_t kDateFeatures = 7;

// 0 (no bend), or a number whose quotients are far from the ends of float's range.
double read_limit(const JsonReader& spec) {
  const double limit = spec.number("limit", 0.0, 0.0, 1e6);
  if (limit != 0.0 && limit < 1e-3)
    spec.fail("expected 'limit' to be 0 or at least 0.001, got " + spec.at("limit").dump());
  return limit;
}

std::vector<double> read_edges(const JsonReader& spec) {
  std::vector<double> edges;
  if (!spec.has("edges")) return edges;
  const Json& list = spec.at("edges");
  if (!list.is_array()) spec.fail("expected a list of numbers for 'edges', got " + list.dump());
  for (const Json& element : list.elements()) {
    if (!element.is_number() || !(std::abs(element.number()) <= kFarthest))
      spec.fail("expected numbers between -1e15 and 1e15 for 'edges', got " + element.dump());
    const double edge = element.number();
    if (!edges.empty() && edge < edges.back())
      spec.fail("expected rising 'edges', got " + element.dump() + " after " + Json(edges.back()).dump());
    edges.push_back(edge);
  }
  if (edges.size() == 1) spec.fail("expected no 'edges', or at least two, got one");
  return edges;
}

}  // namespace

template <class T>
ColumnEncoding<T>::ColumnEncoding(const Json& json) {
  const JsonReader spec(json, "ColumnEncoding");
  spec.allow_only({"kind", "columns"});
  for (const Json& column : spec.list("columns", "column"))
    add_column(column, "ColumnEncoding, column " + std::to_string(codes_.size()));
  for (size_t i = 0; i < codes_.size(); ++i)
    if (!knots_[i].empty()) codes_[i].knots = knots_[i].data();
}

template <class T>
void ColumnEncoding<T>::add_column(const Json& json, const std::string& where) {
  const JsonReader spec(json, where);
  const std::string kind = spec.text("kind");
  kernels::ColumnCode<T> code{};
  code.indicator = spec.boolean("indicator", false);
  std::vector<double> edges;
  double limit = 0.0;
  int64_t inputs = 1, features = 0;
  if (kind == "number") {
    spec.allow_only({"kind", "edges", "limit", "fill", "indicator"});
    code.kind = ColumnKind::kNumber;
    edges = read_edges(spec);
    limit = read_limit(spec);
    code.fill = spec.number("fill", 0.0, -kFarthest, kFarthest);
    code.count = edges.empty() ? 0 : static_cast<int64_t>(edges.size()) - 1;
    features = 1 + code.count;
  } else if (kind == "category") {
    spec.allow_only({"kind", "count", "indicator"});
    code.kind = ColumnKind::kCategory;
    code.count = spec.integer("count", std::nullopt, 1, kMostFeatures);
    features = code.count;
  } else if (kind == "date") {
    spec.allow_only({"kind", "center", "scale", "limit", "fill", "indicator"});
    code.kind = ColumnKind::kDate;
    limit = read_limit(spec);
    code.center = spec.number("center", 0.0, -kFarthest, kFarthest);
    code.scale = spec.number("scale", 1.0, 1.0 / kFarthest, kFarthest);
    code.fill = spec.number("fill", 0.0, -kFarthest, kFarthest);
    inputs = 2;
    features = kDateFeatures;
  } else {
    spec.fail("unknown kind '" + kind + "'; expected one of number, category, date");
  }
  code.limit = static_cast<T>(limit);
  inputs_ += inputs;
  features_ += features + (code.indicator ? 1 : 0);
  if (features_ > kMostFeatures) spec.fail("the columns up to here make more than 16777216 features");
  knots_.emplace_back(edges.begin(), edges.end());
  edges_.push_back(std::move(edges));
  limits_.push_back(limit);
  codes_.push_back(code);
}

template <class T>
Json ColumnEncoding<T>::spec() const {
  Json::Array columns;
  for (size_t i = 0; i < codes_.size(); ++i) {
    const kernels::ColumnCode<T>& code = codes_[i];
    Json column = {{"indicator", code.indicator}};
    if (code.kind == ColumnKind::kCategory) {
      column["kind"] = "category";
      column["count"] = code.count;
    } else {
      column["limit"] = limits_[i];
      column["fill"] = code.fill;
    }
    if (code.kind == ColumnKind::kNumber) {
      column["kind"] = "number";
      column["edges"] = Json::Array(edges_[i].begin(), edges_[i].end());
    } else if (code.kind == ColumnKind::kDate) {
      column["kind"] = "date";
      column["center"] = code.center;
      column["scale"] = code.scale;
    }
    columns.push_back(std::move(column));
  }
  return {{"kind", kind()}, {"columns", std::move(columns)}};
}

template <class T>
int64_t ColumnEncoding<T>::build(int64_t inputs, ParameterAllocator&) {
  if (inputs != inputs_)
    throw Error(Error::Kind::kValue, "ColumnEncoding: expected " + std::to_string(inputs_) +
                                         " inputs (one for each number or category, two for a date), got " +
                                         std::to_string(inputs));
  return features_;
}

template <class T>
void ColumnEncoding<T>::forward(const RowPass<T>& pass) const noexcept {
  pass.kernels.encode_columns({pass.rows, codes_.data(), static_cast<int64_t>(codes_.size()),
                               pass.input_values(), pass.input.row_stride, pass.output_values(),
                               pass.output.row_stride});
}

template <class T>
void ColumnEncoding<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  pass.kernels.encode_columns_backward({pass.rows, codes_.data(), static_cast<int64_t>(codes_.size()),
                                        pass.input_values(), pass.input.row_stride, pass.output_delta(),
                                        pass.output.row_stride, pass.input_delta(), pass.input.row_stride});
}

template class ColumnEncoding<float>;
template class ColumnEncoding<double>;

}  // namespace lamina
