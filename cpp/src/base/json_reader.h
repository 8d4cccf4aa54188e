// Reads options out of JSON with errors that name the place, what was expected and what came.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace lamina {

// The description {"kind": name} for a plain name, and any other as it is.
Json as_object(const Json& json);

// A number as such a sentence shows it; and the sentence of one that is out of its range.
std::string shown(double value);
[[noreturn]] void fail_outside(std::string_view where, std::string_view key, double minimum, double maximum,
                               double value);

// One object of options, which must outlive the reader. Each reader raises Error kValue, in a sentence that
// opens with `where`.
class JsonReader {
 public:
  JsonReader(const Json& object, std::string_view where);
  JsonReader(Json&& object, std::string_view where) = delete;

  bool has(std::string_view key) const;
  const Json& at(std::string_view key) const;
  // At least one of them.
  const Json::Array& list(std::string_view key, const char* of_what) const;
  std::string text(std::string_view key) const;
  bool boolean(std::string_view key, bool fallback) const;
  double number(std::string_view key, std::optional<double> fallback,
                double minimum = -std::numeric_limits<double>::infinity(),
                double maximum = std::numeric_limits<double>::infinity()) const;
  int64_t integer(std::string_view key, std::optional<int64_t> fallback, int64_t minimum,
                  int64_t maximum = int64_t{1} << 31) const;
  // Refuses options that nobody reads: a misspelt one would silently do nothing.
  void allow_only(const std::vector<std::string>& keys) const;
  [[noreturn]] void fail(TextParts what) const;

 private:
  const Json& object_;
  std::string where_;
};

}  // namespace lamina
