// Checks options by name and turns them into JSON.
#include "c_api/options.h"

#include <cmath>
#include <utility>

#include "base/json_reader.h"
#include "base/text.h"

namespace lamina::c {
namespace {

constexpr std::size_t kMostOptions = std::size_t{1} << 24;
constexpr int kDeepest = 32;

bool is_utf8(const std::string& text) {
  std::string quoted;
  try {
    append_json_text(quoted, text);
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::kValue) throw;
    return false;
  }
  return true;
}

class OptionReader {
 public:
  explicit OptionReader(std::string where, int depth = 0) : where_(std::move(where)), depth_(depth) {}

  void add(Json& to, const lamina_option* options, std::size_t count) const {
    check_array(options, count, "options");
    for (std::size_t i = 0; i < count; ++i) {
      std::string name = text_of(options[i].name, concat({where_, ": the name of option ", i}));
      if (to.find(name) != nullptr) refuse(name, {"is given twice; expected it once"});
      Json value = read(options[i], name);
      to[name] = std::move(value);
    }
  }

 private:
  Json read(const lamina_option& option, const std::string& name) const {
    if (depth_ > kDeepest) refuse(name, {"holds options more than ", kDeepest, " deep"});
    switch (number_of(option.kind)) {
      case LAMINA_OPTION_BOOLEAN:
        return option.value.boolean != 0;
      case LAMINA_OPTION_INTEGER:
        return option.value.integer;
      case LAMINA_OPTION_NUMBER:
        return finite(option.value.number, name);
      case LAMINA_OPTION_TEXT:
        return text_of(option.value.text, concat({where_, ": option '", name, "'"}));
      case LAMINA_OPTION_INTEGERS:
        check_array(option.value.integers, option.count, name);
        return Json::Array(option.value.integers, option.value.integers + option.count);
      case LAMINA_OPTION_NUMBERS:
        return numbers(option, name);
      case LAMINA_OPTION_OPTIONS:
        return members(option, name);
      case LAMINA_OPTION_LIST:
        return list(option, name);
      case LAMINA_OPTION_FUNCTION:
        refuse(name, {"is a function, which a loss of kind 'custom' alone takes"});
      default:
        refuse(name, {"has kind ", number_of(option.kind),
                      "; expected one of lamina_option_kind, as lamina_integer and its like set it"});
    }
  }
  Json numbers(const lamina_option& option, const std::string& name) const {
    check_array(option.value.numbers, option.count, name);
    Json::Array elements;
    for (std::size_t i = 0; i < option.count; ++i)
      elements.emplace_back(finite(option.value.numbers[i], name));
    return elements;
  }
  Json members(const lamina_option& option, const std::string& name) const {
    Json object = Json::object({});
    OptionReader(concat({where_, ", ", name}), depth_ + 1).add(object, option.value.options, option.count);
    return object;
  }
  Json list(const lamina_option& option, const std::string& name) const {
    check_array(option.value.options, option.count, name);
    const OptionReader within(where_, depth_ + 1);
    Json::Array elements;
    for (std::size_t i = 0; i < option.count; ++i)
      elements.push_back(within.read(option.value.options[i], name));
    return elements;
  }
  double finite(double number, const std::string& name) const {
    if (!std::isfinite(number))
      refuse(name,
             {"is ", shown(number), "; expected a finite number, or leave the option out for its default"});
    return number;
  }
  void check_array(const void* array, std::size_t count, const std::string& name) const {
    if (count > kMostOptions)
      fail_value({where_, ": '", name, "' has a count of ", count, "; expected at most 2^24"});
    if (array == nullptr && count > 0)
      fail_value({where_, ": '", name, "' is NULL; expected an array of ", count});
  }
  [[noreturn]] void refuse(std::string_view option, TextParts what) const {
    fail_value({where_, ": option '", option, "' ", what});
  }

  std::string where_;
  int depth_;
};

}  // namespace

std::string text_of(const char* text, const std::string& what) {
  if (text == nullptr) fail_value({what, " is NULL; expected a text"});
  std::string own(text);
  if (!is_utf8(own)) fail_value({what, " is no UTF-8; expected a text in that encoding"});
  return own;
}

void add_options(Json& to, const lamina_option* options, std::size_t count, const std::string& where) {
  OptionReader(where).add(to, options, count);
}

std::optional<Json> read_description(const lamina_description& description, const char* what) {
  if (description.kind != nullptr)
    return required_description(description.kind, description.options, description.count, what);
  if (description.options != nullptr || description.count > 0)
    fail_value({what, " has options, but its kind is NULL; expected a name"});
  return std::nullopt;
}

Json required_description(const char* kind, const lamina_option* options, std::size_t count,
                          const char* what) {
  Json described{{"kind", text_of(kind, concat({"the kind of ", what}))}};
  add_options(described, options, count, concat({what, " '", kind, "'"}));
  return described;
}

std::int64_t count_of(std::size_t count, const char* what) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  if (static_cast<std::uint64_t>(count) > static_cast<std::uint64_t>(kMost))
    fail_value({what, " is ", count, "; expected at most 2^40"});
  return static_cast<std::int64_t>(count);
}

}  // namespace lamina::c
