// Reads configuration out of JSON with errors that name the place, what was expected and what came.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace lamina {

// The description {"kind": name} for a plain name, and any other as it is.
inline nlohmann::json as_object(const nlohmann::json& json) {
  return json.is_string() ? nlohmann::json{{"kind", json}} : json;
}

// One object of options. Each reader raises Error kValue, in a sentence that opens with `where`.
class JsonReader {
 public:
  JsonReader(nlohmann::json object, std::string where)
      : object_(std::move(object)), where_(std::move(where)) {
    if (!object_.is_object()) fail("expected an object of options, got " + object_.dump());
  }

  bool has(const std::string& key) const { return object_.contains(key) && !object_[key].is_null(); }
  const nlohmann::json& at(const std::string& key) const {
    if (!has(key)) fail("expected '" + key + "', which is missing");
    return object_[key];
  }
  std::string text(const std::string& key) const {
    if (!at(key).is_string()) fail("expected text for '" + key + "', got " + at(key).dump());
    return object_[key].get<std::string>();
  }
  bool boolean(const std::string& key, bool fallback) const {
    if (!has(key)) return fallback;
    if (!at(key).is_boolean()) fail("expected true or false for '" + key + "', got " + at(key).dump());
    return object_[key].get<bool>();
  }
  double number(const std::string& key, std::optional<double> fallback,
                double minimum = -std::numeric_limits<double>::infinity(),
                double maximum = std::numeric_limits<double>::infinity()) const {
    if (!has(key) && fallback) return *fallback;
    if (!at(key).is_number()) fail("expected a number for '" + key + "', got " + at(key).dump());
    const double value = object_[key].get<double>();
    if (!(value >= minimum && value <= maximum))
      fail("expected '" + key + "' " + range(minimum, maximum) + ", got " + at(key).dump());
    return value;
  }
  int64_t integer(const std::string& key, std::optional<int64_t> fallback, int64_t minimum,
                  int64_t maximum = int64_t{1} << 31) const {
    if (!has(key) && fallback) return *fallback;
    if (!at(key).is_number_integer())
      fail("expected a whole number for '" + key + "', got " + at(key).dump());
    const auto value = object_[key].get<int64_t>();
    if (value < minimum || value > maximum)
      fail("expected '" + key + "' " + range(static_cast<double>(minimum), static_cast<double>(maximum)) +
           ", got " + at(key).dump());
    return value;
  }
  // Refuses options that nobody reads: a misspelt one would silently do nothing.
  void allow_only(const std::vector<std::string>& keys) const {
    std::vector<std::string> options = keys;
    std::erase(options, "kind");  // the caller's own choice, no option of it
    for (const auto& item : object_.items())
      if (std::find(keys.begin(), keys.end(), item.key()) == keys.end())
        fail("unknown option '" + item.key() + "'; " +
             (options.empty() ? "there are none" : "expected some of " + join(options)));
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Error::Kind::kValue, where_ + ": " + what);
  }

 private:
  static std::string range(double minimum, double maximum) {
    const auto show = [](double value) {
      return value == std::floor(value) && std::abs(value) < 1e15
                 ? std::to_string(static_cast<int64_t>(value))
                 : nlohmann::json(value).dump();
    };
    if (maximum == std::numeric_limits<double>::max() || std::isinf(maximum))
      return "of at least " + show(minimum);
    // The number before 1 stands for 1 itself left out.
    if (maximum == std::nextafter(1.0, 0.0)) return "of at least " + show(minimum) + " and below 1";
    return "between " + show(minimum) + " and " + show(maximum);
  }

  nlohmann::json object_;
  std::string where_;
};

}  // namespace lamina
