// Options of layers, losses and optimizers: described once; read from JSON, written to it, and checked by
// that.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/json_reader.h"

namespace lamina {

// A struct of options has one function describe(visitor, options), which calls number, integer, boolean or
// value for each of them, by name and with its range. Defaults are the values that the struct has at first.
enum class InJson {
  kOptional,       // may be left out; is always written
  kRequired,       // must be given
  kUnlessDefault,  // may be left out, and is where it has its default
};

// The largest number that an option may be: JSON has no infinity.
inline constexpr double kAnyNumber = std::numeric_limits<double>::max();

class OptionNames {
 public:
  void number(const char* name, double, double, double, InJson = {}) { names.emplace_back(name); }
  void integer(const char* name, int64_t, int64_t, int64_t, InJson = {}) { names.emplace_back(name); }
  void boolean(const char* name, bool, InJson = {}) { names.emplace_back(name); }
  template <class Value, class Read, class Write>
  void value(const char* name, const Value&, Read, Write, InJson = {}) {
    names.emplace_back(name);
  }
  std::vector<std::string> names = {"kind"};
};

class OptionReader {
 public:
  explicit OptionReader(const JsonReader& from) : from_(from) {}
  void number(const char* name, double& value, double minimum, double maximum, InJson in = {}) {
    value = from_.number(name, fallback(value, in), minimum, maximum);
  }
  void integer(const char* name, int64_t& value, int64_t minimum, int64_t maximum, InJson in = {}) {
    value = from_.integer(name, fallback(value, in), minimum, maximum);
  }
  void boolean(const char* name, bool& value, InJson = {}) { value = from_.boolean(name, value); }
  // read(reader, name, value) where the option is given.
  template <class Value, class Read, class Write>
  void value(const char* name, Value& value, Read read, Write, InJson in = {}) {
    if (in == InJson::kRequired || from_.has(name)) read(from_, name, value);
  }

 private:
  template <class Value>
  static std::optional<Value> fallback(Value value, InJson in) {
    return in == InJson::kRequired ? std::nullopt : std::optional<Value>(value);
  }
  const JsonReader& from_;
};

class OptionWriter {
 public:
  void number(const char* name, double value, double, double, InJson in = {}) { add(name, value, in); }
  void integer(const char* name, int64_t value, int64_t, int64_t, InJson in = {}) { add(name, value, in); }
  void boolean(const char* name, bool value, InJson in = {}) { add(name, value, in); }
  // write(value) is its JSON; null: left out.
  template <class Value, class Read, class Write>
  void value(const char* name, const Value& value, Read, Write write, InJson in = {}) {
    add(name, write(value), in);
  }
  // Members for JSON, but for those that equal `defaults`, the same options described at their defaults.
  void take(Json& to, const OptionWriter& defaults) {
    for (size_t i = 0; i < written_.size(); ++i) {
      const auto& [name, value, in] = written_[i];
      const bool left_out = in == InJson::kUnlessDefault && value == defaults.written_[i].value;
      if (!left_out && !value.is_null()) to[name] = value;
    }
  }

 private:
  struct Option {
    const char* name;
    Json value;
    InJson in;
  };
  void add(const char* name, Json value, InJson in) { written_.push_back({name, std::move(value), in}); }
  std::vector<Option> written_;
};

// Of options that no JSON has been through. `where` opens its sentences.
class OptionChecker {
 public:
  explicit OptionChecker(std::string where) : where_(std::move(where)) {}
  void number(const char* name, double value, double minimum, double maximum, InJson = {}) {
    if (!(value >= minimum && value <= maximum)) fail_outside(where_, name, minimum, maximum, value);
  }
  void integer(const char* name, int64_t value, int64_t minimum, int64_t maximum, InJson = {}) {
    number(name, static_cast<double>(value), static_cast<double>(minimum), static_cast<double>(maximum));
  }
  void boolean(const char*, bool, InJson = {}) {}
  template <class Value, class Read, class Write>
  void value(const char*, const Value&, Read, Write, InJson = {}) {}

 private:
  std::string where_;
};

// What `json` gives, the rest as in `options`; unknown names and values out of range raise kValue.
template <class Options>
Options read_options(const Json& json, const std::string& where, Options options = {}) {
  const JsonReader reader(json, where);
  OptionNames names;
  describe(names, options);
  reader.allow_only(names.names);
  OptionReader visitor(reader);
  describe(visitor, options);
  return options;
}

template <class Options>
Json write_options(const char* kind, Options options) {
  Json json = {{"kind", kind}};
  OptionWriter own, defaults;
  Options untouched{};
  describe(own, options);
  describe(defaults, untouched);
  own.take(json, defaults);
  return json;
}

template <class Options>
void check_options(const std::string& where, Options options) {
  OptionChecker visitor(where);
  describe(visitor, options);
}

}  // namespace lamina
