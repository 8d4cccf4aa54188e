// What is done with described options.
#include "base/options.h"

#include <optional>
#include <vector>

namespace lamina {

namespace {

class OptionNames final : public OptionVisitor {
 public:
  void number(const char* name, double&, double, double, InJson) override { names.emplace_back(name); }
  void integer(const char* name, int64_t&, int64_t, int64_t, InJson) override { names.emplace_back(name); }
  void boolean(const char* name, bool&, InJson) override { names.emplace_back(name); }
  void other(const char* name, Read, Write, InJson) override { names.emplace_back(name); }

  std::vector<std::string> names = {"kind"};
};

class OptionReader final : public OptionVisitor {
 public:
  explicit OptionReader(const JsonReader& from) : from_(from) {}
  void number(const char* name, double& value, double minimum, double maximum, InJson in) override {
    value = from_.number(name, fallback(value, in), minimum, maximum);
  }
  void integer(const char* name, int64_t& value, int64_t minimum, int64_t maximum, InJson in) override {
    value = from_.integer(name, fallback(value, in), minimum, maximum);
  }
  void boolean(const char* name, bool& value, InJson) override { value = from_.boolean(name, value); }
  void other(const char* name, Read read, Write, InJson in) override {
    if (in == InJson::kRequired || from_.has(name)) read(from_);
  }

 private:
  template <class Value>
  static std::optional<Value> fallback(Value value, InJson in) {
    return in == InJson::kRequired ? std::nullopt : std::optional<Value>(value);
  }
  const JsonReader& from_;
};

class OptionWriter final : public OptionVisitor {
 public:
  void number(const char* name, double& value, double, double, InJson in) override { add(name, value, in); }
  void integer(const char* name, int64_t& value, int64_t, int64_t, InJson in) override {
    add(name, value, in);
  }
  void boolean(const char* name, bool& value, InJson in) override { add(name, value, in); }
  void other(const char* name, Read, Write write, InJson in) override { add(name, write(), in); }

  struct Option {
    const char* name;
    Json value;
    InJson in;
  };
  std::vector<Option> written;

 private:
  void add(const char* name, Json value, InJson in) { written.push_back({name, std::move(value), in}); }
};

class OptionChecker final : public OptionVisitor {
 public:
  explicit OptionChecker(std::string_view where) : where_(where) {}
  void number(const char* name, double& value, double minimum, double maximum, InJson) override {
    check(name, value, minimum, maximum);
  }
  void integer(const char* name, int64_t& value, int64_t minimum, int64_t maximum, InJson) override {
    check(name, static_cast<double>(value), static_cast<double>(minimum), static_cast<double>(maximum));
  }
  void boolean(const char*, bool&, InJson) override {}
  void other(const char*, Read, Write, InJson) override {}

 private:
  void check(const char* name, double value, double minimum, double maximum) const {
    if (!(value >= minimum && value <= maximum)) fail_outside(where_, name, minimum, maximum, value);
  }
  std::string_view where_;
};

}  // namespace

void read_described(const Json& json, std::string_view where, DescribedOptions options) {
  const JsonReader reader(json, std::string(where));
  OptionNames names;
  options(names);
  reader.allow_only(names.names);
  OptionReader visitor(reader);
  options(visitor);
}

void write_described(Json& to, DescribedOptions options, DescribedOptions defaults) {
  OptionWriter own, untouched;
  options(own);
  defaults(untouched);
  for (size_t i = 0; i < own.written.size(); ++i) {
    const auto& [name, value, in] = own.written[i];
    const bool left_out = in == InJson::kUnlessDefault && value == untouched.written[i].value;
    if (!left_out && !value.is_null()) to[name] = value;
  }
}

void check_described(std::string_view where, DescribedOptions options) {
  OptionChecker visitor(where);
  options(visitor);
}

}  // namespace lamina
