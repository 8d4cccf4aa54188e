// The encoders of numbers, categories and dates.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "base/text.h"
#include "tables/column_encoder.h"
#include "tables/plain_number.h"
#include "tables/text_value.h"
#include "tables/utf8.h"

namespace lamina {
namespace {

// The farthest number that the layer tells from others.
constexpr double kFarthest = 1e15;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Scaling take_scaling(const RecordFields& fields, RecordTensors& tensors) {
  const auto values = tensors.take("scaling", 4);
  if (values[1] <= 0.0 || values[3] < 0.0)
    fields.fail({"expected a scale above 0 and a limit of at least 0"});
  return {values[0], values[1], values[2], values[3]};
}

double clipped(double value) noexcept {
  return value > kFarthest ? kFarthest : value < -kFarthest ? -kFarthest : value;
}

}  // namespace

void ColumnEncoder::take_bounds(const RecordFields& fields, RecordTensors& tensors) {
  const auto values = tensors.take("bounds", 2);
  if (values[0] > values[1]) fields.fail({"expected bounds in rising order"});
  low_ = values[0];
  high_ = values[1];
  low_limit_ = low_ - kFarOutside * (high_ - low_);
  high_limit_ = high_ + kFarOutside * (high_ - low_);
}

// Numbers.

NumberEncoder::NumberEncoder(std::string name, std::shared_ptr<const MissingTexts> missing,
                             RecordFields& fields, RecordTensors& tensors)
    : ColumnEncoder(Kind::kNumber, std::move(name), std::move(missing)) {
  const auto edges = tensors.take("edges", fields.integer("edges"));
  edges_.assign(edges.begin(), edges.end());
  const bool rising =
      std::adjacent_find(edges_.begin(), edges_.end(), std::greater_equal<>()) == edges_.end();
  if (edges_.size() == 1 || !rising) fields.fail({"expected none, or two and more rising edges"});
  padded_edges_ = edges_;
  padded_edges_.resize(std::bit_ceil(edges_.size() + 1), std::numeric_limits<double>::infinity());
  scaling_ = take_scaling(fields, tensors);
  set_indicator(fields.boolean("indicator"));
  take_bounds(fields, tensors);
}

Json NumberEncoder::layer_column() const {
  Json::Array edges;
  for (const double edge : edges_) edges.emplace_back(clipped((edge - scaling_.center) / scaling_.scale));
  return {{"kind", "number"},
          {"edges", std::move(edges)},
          {"limit", scaling_.limit},
          {"fill", compact(scaling_.fill)},
          {"indicator", indicator()}};
}

std::string NumberEncoder::example(double value) const { return write_rounded(value); }

// p = k + the share of the way from edge k to edge k + 1, going on in the same way beyond both ends.
double NumberEncoder::compact(double x) const noexcept {
  if (edges_.empty()) return clipped((x - scaling_.center) / scaling_.scale);
  const double* const edges = edges_.data();
  std::size_t below = 0;  // edges that are not above x: all where it is NaN
  for (std::size_t step = padded_edges_.size() / 2; step > 0; step /= 2)
    below += padded_edges_[below + step - 1] > x ? 0 : step;
  const std::size_t k = std::clamp<std::size_t>(below, 1, edges_.size() - 1) - 1;
  return clipped(static_cast<double>(k) + (x - edges[k]) / (edges[k + 1] - edges[k]));
}

Finding NumberEncoder::write_value(double number, float* out) const noexcept {
  if (std::abs(number) > kGreatestNumber) return {Finding::Kind::kBeyond, number};
  out[0] = static_cast<float>(compact(number));
  return finding_of(number);
}

std::optional<double> NumberEncoder::read_text(std::string_view text) const {
  double number = 0.0;
  if (missing().contains(text)) return kNaN;
  if (text.find('_') != std::string_view::npos || !parse_float(text, number)) return std::nullopt;
  return number;
}

void NumberEncoder::replace_truths(std::vector<Cell>& cells) const {
  const auto truth = [](const Cell& cell) {
    const auto* text = std::get_if<std::string_view>(&cell);
    return text != nullptr && is_truth(*text) ? text : nullptr;
  };
  if (std::none_of(cells.begin(), cells.end(), truth)) return;
  for (const Cell& cell : cells) {
    const auto* text = std::get_if<std::string_view>(&cell);
    const std::optional<double> number = text == nullptr ? std::nullopt : read_text(*text);
    if (number && !std::isnan(*number) && *number != 0.0 && *number != 1.0) return;
  }
  for (Cell& cell : cells)
    if (const auto* text = truth(cell); text != nullptr && !missing().contains(*text))
      cell = (text->front() | 0x20) == 't';
}

Finding NumberEncoder::write(const Cell& cell, float* out) const {
  return std::visit(
      [&]<class Value>(const Value& value) {
        if constexpr (std::is_same_v<Value, std::monostate>) {
          return write_value(kNaN, out);
        } else if constexpr (std::is_same_v<Value, Date>) {
          throw_error(Error::Kind::kValue, {"column '", name(), "': expected numbers, got dates"});
          return Finding{};
        } else if constexpr (std::is_same_v<Value, std::string_view>) {
          const std::optional<double> number = read_text(value);
          if (!number)
            throw CellError(name(), 1, concat({"expected a number, got ", shorten(value)}),
                            std::string(value));
          return write_value(*number, out);
        } else {
          return write_number(value, out);
        }
      },
      cell);
}

// Categories.

TextMap<int> places_of(const std::vector<std::string>& names) {
  TextMap<int> places;
  for (std::size_t i = 0; i < names.size(); ++i) places[same_value(names[i])] = static_cast<int>(i);
  using Pair = std::array<const char*, 2>;
  for (const auto& [ours, theirs] : {std::pair<Pair, Pair>{{"0", "1"}, {"false", "true"}},
                                     std::pair<Pair, Pair>{{"false", "true"}, {"0", "1"}}}) {
    const bool all = std::all_of(places.begin(), places.end(), [&](const auto& place) {
      return place.first == ours[0] || place.first == ours[1];
    });
    if (places.empty() || !all) continue;
    for (std::size_t i = 0; i < 2; ++i)
      if (const auto found = places.find(ours[i]); found != places.end()) {
        const int place = found->second;
        places[theirs[i]] = place;
      }
    break;
  }
  return places;
}

CategoryEncoder::CategoryEncoder(std::string name, std::shared_ptr<const MissingTexts> missing,
                                 RecordFields& fields, bool tells_embedded)
    : ColumnEncoder(Kind::kCategory, std::move(name), std::move(missing)) {
  categories_ = fields.texts("categories");
  std::vector<std::string> known = fields.texts("rare");
  other_ = fields.boolean("other");
  set_indicator(fields.boolean("missing"));
  if (categories_.empty() && !other_) fields.fail({"expected at least one category, or a place for others"});
  complete_ = fields.boolean("complete");
  embedded_ = tells_embedded && fields.boolean("embedded");
  places_ = places_of(categories_);
  known.insert(known.begin(), categories_.begin(), categories_.end());
  known_ = places_of(known);
}

Json CategoryEncoder::layer_column() const {
  return {{"kind", embedded_ ? "code" : "category"}, {"count", codes()}, {"indicator", indicator()}};
}

bool CategoryEncoder::read(std::string_view text, std::string& value) const {
  if (missing().is_written(text)) return true;
  value = same_value(text);
  return may_be_value(text) && missing().is_value(value);
}

Finding CategoryEncoder::write(const Cell& cell, float* out) const {
  std::string value;
  const auto* text = std::get_if<std::string_view>(&cell);
  const std::optional<std::string> written = text == nullptr ? write_cell(cell) : std::nullopt;
  if ((text == nullptr && !written) || read(text == nullptr ? std::string_view(*written) : *text, value)) {
    out[0] = std::numeric_limits<float>::quiet_NaN();
    return missing_finding();
  }
  const auto place = places_.find(value);
  const int others = other_ ? static_cast<int>(categories_.size()) : -1;
  out[0] = static_cast<float>(place == places_.end() ? others : place->second);
  if (!complete_ || known_.contains(value)) return {};
  return {Finding::Kind::kUnseen};
}

// Dates.

DateEncoder::DateEncoder(std::string name, std::shared_ptr<const MissingTexts> missing, RecordFields& fields,
                         RecordTensors& tensors)
    : ColumnEncoder(Kind::kDate, std::move(name), std::move(missing)) {
  scaling_ = take_scaling(fields, tensors);
  set_indicator(fields.boolean("indicator"));
  take_bounds(fields, tensors);
}

Json DateEncoder::layer_column() const {
  return {{"kind", "date"},          {"center", scaling_.center}, {"scale", scaling_.scale},
          {"limit", scaling_.limit}, {"fill", scaling_.fill},     {"indicator", indicator()}};
}

std::string DateEncoder::example(double value) const {
  double days = 0.0;
  parse_float(write_rounded(value), days);
  return write_day(static_cast<std::int64_t>(days));
}

Finding DateEncoder::write_date(std::int64_t seconds, float* out) const noexcept {
  if (seconds != kNoDate && !missing().contains_date(seconds)) return write_seconds(seconds, out);
  out[0] = out[1] = std::numeric_limits<float>::quiet_NaN();
  return missing_finding();
}

Finding DateEncoder::write_seconds(std::int64_t seconds, float* out) const noexcept {
  const auto [days, clock] = days_and_clock(seconds);
  const double part = static_cast<double>(clock) / static_cast<double>(kDaySeconds);
  out[0] = static_cast<float>(static_cast<double>(days));
  out[1] = static_cast<float>(part);
  return finding_of(static_cast<double>(days) + part);
}

Finding DateEncoder::write(const Cell& cell, float* out) const {
  if (const auto* date = std::get_if<Date>(&cell)) return write_date(date->seconds, out);
  const std::optional<std::string> text = write_cell(cell);
  if (!text || missing().contains(*text)) return write_date(kNoDate, out);
  const std::optional<std::int64_t> seconds = parse_date(*text);
  if (!seconds) {
    const std::string shown = is_truth(*text) ? *text : same_value(*text);
    throw CellError(name(), 1, concat({"expected a date such as 2024-03-31, got ", shorten(shown)}));
  }
  // Its text was looked up among the missing ones already.
  return write_seconds(*seconds, out);
}

}  // namespace lamina
