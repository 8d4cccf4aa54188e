// Options of layers, losses and optimizers: described once; read from JSON, written to it, and checked by
// that.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "base/function_ref.h"
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

// What is done with each option of a struct: one description serves all of it, and is compiled once.
class OptionVisitor {
 public:
  virtual void number(const char* name, double& value, double minimum, double maximum, InJson in = {}) = 0;
  virtual void integer(const char* name, int64_t& value, int64_t minimum, int64_t maximum,
                       InJson in = {}) = 0;
  virtual void boolean(const char* name, bool& value, InJson in = {}) = 0;
  // read(reader, name, value) where the option is given; write(value) is its JSON, null: left out.
  template <class Value, class Read, class Write>
  void value(const char* name, Value& value, const Read& read, const Write& write, InJson in = {}) {
    const auto read_value = [&](const JsonReader& from) { read(from, name, value); };
    other(name, read_value, [&] { return Json(write(value)); }, in);
  }

 protected:
  using Read = FunctionRef<void(const JsonReader&)>;
  using Write = FunctionRef<Json()>;
  ~OptionVisitor() = default;
  virtual void other(const char* name, Read read, Write write, InJson in) = 0;
};

using DescribedOptions = FunctionRef<void(OptionVisitor&)>;

// Takes what `json` gives, and leaves the rest as it is; unknown names and values out of range raise kValue
// in a sentence that `where` opens.
void read_described(const Json& json, std::string_view where, DescribedOptions options);
// Adds the options as members, but for those that may be left out and equal `defaults`.
void write_described(Json& to, DescribedOptions options, DescribedOptions defaults);
// The same for options that no JSON has been through.
void check_described(std::string_view where, DescribedOptions options);

// What `json` gives, the rest as in `options`.
template <class Options>
Options read_options(const Json& json, std::string_view where, Options options = {}) {
  read_described(json, where, [&](OptionVisitor& visitor) { describe(visitor, options); });
  return options;
}

template <class Options>
Json write_options(const char* kind, Options options) {
  Json json = {{"kind", kind}};
  Options untouched{};
  write_described(
      json, [&](OptionVisitor& visitor) { describe(visitor, options); },
      [&](OptionVisitor& visitor) { describe(visitor, untouched); });
  return json;
}

template <class Options>
void check_options(std::string_view where, Options options) {
  check_described(where, [&](OptionVisitor& visitor) { describe(visitor, options); });
}

}  // namespace lamina
