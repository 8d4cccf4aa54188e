// Options out of JSON, checked.
#include "base/json_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/number_text.h"
#include "base/text.h"

namespace lamina {
namespace {

std::string range(double minimum, double maximum) {
  if (maximum == std::numeric_limits<double>::max() || std::isinf(maximum))
    return concat({"of at least ", shown(minimum)});
  // The number before 1 stands for 1 itself left out.
  if (maximum == std::nextafter(1.0, 0.0)) return concat({"of at least ", shown(minimum), " and below 1"});
  return concat({"between ", shown(minimum), " and ", shown(maximum)});
}

}  // namespace

std::string shown(double value) {
  if (!std::isfinite(value)) return exact_number(value);
  return value == std::floor(value) && std::abs(value) < 1e15 ? std::to_string(static_cast<int64_t>(value))
                                                              : Json(value).dump();
}

void fail_outside(std::string_view where, std::string_view key, double minimum, double maximum,
                  double value) {
  throw_error(Error::Kind::kValue,
              {where, ": expected '", key, "' ", range(minimum, maximum), ", got ", shown(value)});
}

Json as_object(const Json& json) {
  if (json.is_text()) return Json{{"kind", json}};  // no list in a conditional, see Dense::parameters
  return json;
}

JsonReader::JsonReader(const Json& object, std::string_view where) : object_(object), where_(where) {
  if (!object_.is_object()) fail({"expected an object of options, got ", object_.dump()});
}

bool JsonReader::has(std::string_view key) const {
  const Json* value = object_.find(key);
  return value != nullptr && !value->is_null();
}

const Json& JsonReader::at(std::string_view key) const {
  if (!has(key)) fail({"expected '", key, "', which is missing"});
  return object_.at(key);
}

const Json::Array& JsonReader::list(std::string_view key, const char* of_what) const {
  const Json& value = at(key);
  if (!value.is_array() || value.elements().empty())
    fail({"expected a list of at least one ", of_what, ", got ", value.dump()});
  return value.elements();
}

std::string JsonReader::text(std::string_view key) const {
  const Json& value = at(key);
  if (!value.is_text()) fail({"expected text for '", key, "', got ", value.dump()});
  return value.text();
}

bool JsonReader::boolean(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  const Json& value = at(key);
  if (!value.is_boolean()) fail({"expected true or false for '", key, "', got ", value.dump()});
  return value.boolean();
}

double JsonReader::number(std::string_view key, std::optional<double> fallback, double minimum,
                          double maximum) const {
  if (!has(key) && fallback) return *fallback;
  const Json& json = at(key);
  if (!json.is_number()) fail({"expected a number for '", key, "', got ", json.dump()});
  const double value = json.number();
  if (!(value >= minimum && value <= maximum))
    fail({"expected '", key, "' ", range(minimum, maximum), ", got ", json.dump()});
  return value;
}

int64_t JsonReader::integer(std::string_view key, std::optional<int64_t> fallback, int64_t minimum,
                            int64_t maximum) const {
  if (!has(key) && fallback) return *fallback;
  const Json& json = at(key);
  if (!json.is_integer()) fail({"expected a whole number for '", key, "', got ", json.dump()});
  const int64_t value = json.integer();
  if (value < minimum || value > maximum)
    fail({"expected '", key, "' ", range(static_cast<double>(minimum), static_cast<double>(maximum)),
          ", got ", json.dump()});
  return value;
}

void JsonReader::allow_only(const std::vector<std::string>& keys) const {
  std::vector<std::string> options = keys;
  std::erase(options, "kind");  // the caller's own choice, no option of it
  for (const Json::Member& member : object_.members())
    if (std::find(keys.begin(), keys.end(), member.key) == keys.end())
      fail({"unknown option '", member.key, "'; ",
            (options.empty() ? "there are none" : concat({"expected some of ", join(options)}))});
}

void JsonReader::fail(TextParts what) const { throw_error(Error::Kind::kValue, {where_, ": ", what}); }

}  // namespace lamina
