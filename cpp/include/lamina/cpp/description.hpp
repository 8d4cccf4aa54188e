// Things by name with options (layers, losses, optimizers, ...): from structs of options to what lamina.h
// takes.
#pragma once

#include <lamina/cpp/error.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace lamina {
inline namespace v1 {
namespace detail {

// A whole number of any type, without narrowing.
class Integer {
 public:
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  constexpr Integer(T value)  // NOLINT: options are written as plain numbers
      : value_(std::in_range<std::int64_t>(value) ? static_cast<std::int64_t>(value)
                                                  : std::numeric_limits<std::int64_t>::max()) {}
  [[nodiscard]] constexpr std::int64_t value() const noexcept { return value_; }

 private:
  std::int64_t value_;
};

// A number, or one for each column.
class Numbers {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  Numbers(T value) : values_{static_cast<double>(value)}, single_(true) {}  // NOLINT
  Numbers(std::initializer_list<double> values) : values_(values) {}
  Numbers(std::vector<double> values) : values_(std::move(values)) {}  // NOLINT
  [[nodiscard]] const std::vector<double>& values() const noexcept { return values_; }
  [[nodiscard]] bool is_single() const noexcept { return single_; }

 private:
  std::vector<double> values_;
  bool single_ = false;
};

// Options that are left out have the library's defaults.
using Whole = std::optional<Integer>;
using Number = std::optional<double>;
using Flag = std::optional<bool>;
using Text = std::optional<std::string>;

struct Option {
  const char* name = nullptr;
  lamina_option_kind kind = LAMINA_OPTION_INTEGER;
  std::int64_t integer = 0;  // of booleans too
  double number = 0.0;
  std::string text = {};
  std::vector<std::int64_t> integers = {};
  std::vector<double> numbers = {};
  std::vector<Option> options = {};
};

struct Description {
  std::string kind = {};
  std::vector<Option> options = {};
};

// Options as lamina.h has them; the arrays live as long as this object and the descriptions.
class CArguments {
 public:
  const std::vector<lamina_option>& of(const std::vector<Option>& options) {
    std::vector<lamina_option> array;
    array.reserve(options.size());
    for (const Option& option : options) array.push_back(of(option));
    return arrays_.emplace_back(std::move(array));
  }
  lamina_description of(const Description& description) {
    if (description.kind.empty()) return {nullptr, nullptr, 0};
    const std::vector<lamina_option>& array = of(description.options);
    return {description.kind.c_str(), array.data(), array.size()};
  }

 private:
  lamina_option of(const Option& option) {
    switch (option.kind) {
      case LAMINA_OPTION_BOOLEAN:
        return lamina_boolean(option.name, static_cast<int>(option.integer));
      case LAMINA_OPTION_INTEGER:
        return lamina_integer(option.name, option.integer);
      case LAMINA_OPTION_NUMBER:
        return lamina_number(option.name, option.number);
      case LAMINA_OPTION_TEXT:
        return lamina_text(option.name, option.text.c_str());
      case LAMINA_OPTION_INTEGERS:
        return lamina_integers(option.name, option.integers.data(), option.integers.size());
      case LAMINA_OPTION_NUMBERS:
        return lamina_numbers(option.name, option.numbers.data(), option.numbers.size());
      case LAMINA_OPTION_OPTIONS:
      case LAMINA_OPTION_LIST:
      case LAMINA_OPTION_FUNCTION:  // of a custom loss alone, which makes it itself
        break;
    }
    const std::vector<lamina_option>& within = of(option.options);
    if (option.kind == LAMINA_OPTION_LIST) return lamina_list(option.name, within.data(), within.size());
    return lamina_options(option.name, within.data(), within.size());
  }

  std::deque<std::vector<lamina_option>> arrays_;  // a deque: growing moves none of them
};

// What a struct of options says that it is: `static constexpr KindOf<LossRole> kind{"huber"};`
template <class Role>
struct KindOf {
  const char* name;
};

template <class T, class Role>
concept Describes = requires {
  { std::remove_cvref_t<T>::kind } -> std::convertible_to<KindOf<Role>>;
};

template <class T>
concept TextLike = std::convertible_to<const T&, std::string>;

class Collector;

// A thing of one role, from its name or from a struct of options.
template <class Role>
class Described {
 public:
  template <TextLike T>
  Described(const T& name) : description_{checked_text(std::string(name)), {}} {}  // NOLINT
  template <Describes<Role> T>
  Described(const T& options);  // NOLINT
  [[nodiscard]] const Description& description() const noexcept { return description_; }

 private:
  Description description_;
};

// Collects the options of a struct, which names each of them.
class Collector {
 public:
  explicit Collector(std::vector<Option>& options) : options_(options) {}

  template <class T>
  Collector& operator()(const char* name, const std::optional<T>& value) {
    return value ? (*this)(name, *value) : *this;
  }
  Collector& operator()(const char* name, bool value) {
    add(name, LAMINA_OPTION_BOOLEAN).integer = value ? 1 : 0;
    return *this;
  }
  Collector& operator()(const char* name, Integer value) {
    add(name, LAMINA_OPTION_INTEGER).integer = value.value();
    return *this;
  }
  Collector& operator()(const char* name, double value) {
    add(name, LAMINA_OPTION_NUMBER).number = value;
    return *this;
  }
  Collector& operator()(const char* name, const std::string& value) {
    add(name, LAMINA_OPTION_TEXT).text = checked_text(value);
    return *this;
  }
  Collector& operator()(const char* name, const std::vector<std::int64_t>& values) {
    add(name, LAMINA_OPTION_INTEGERS).integers = values;
    return *this;
  }
  Collector& operator()(const char* name, const std::vector<double>& values) {
    add(name, LAMINA_OPTION_NUMBERS).numbers = values;
    return *this;
  }
  Collector& operator()(const char* name, const std::vector<std::vector<double>>& lists) {
    Collector within(add(name, LAMINA_OPTION_LIST).options);
    for (const std::vector<double>& list : lists) within(nullptr, list);
    return *this;
  }
  Collector& operator()(const char* name, const Numbers& value) {
    return value.is_single() ? (*this)(name, value.values().front()) : (*this)(name, value.values());
  }
  Collector& operator()(const char* name, const std::variant<bool, std::string>& value) {
    std::visit([&](const auto& held) { (*this)(name, held); }, value);
    return *this;
  }
  template <class Role>
  Collector& operator()(const char* name, const Described<Role>& value) {
    const Description& description = value.description();
    return description.options.empty() ? (*this)(name, description.kind) : group(name, description);
  }
  // A list of things, each with its kind among its options.
  template <class Role>
  Collector& operator()(const char* name, const std::vector<Described<Role>>& things) {
    Collector within(add(name, LAMINA_OPTION_LIST).options);
    for (const Described<Role>& thing : things) within.group(nullptr, thing.description());
    return *this;
  }
  Collector& group(const char* name, const Description& description) {
    std::vector<Option>& within = add(name, LAMINA_OPTION_OPTIONS).options;
    Collector inner(within);
    inner("kind", description.kind);
    within.insert(within.end(), description.options.begin(), description.options.end());
    return *this;
  }

 private:
  Option& add(const char* name, lamina_option_kind kind) {
    Option& option = options_.emplace_back();
    option.name = name;
    option.kind = kind;
    return option;
  }

  std::vector<Option>& options_;
};

template <class T>
Description description_of(const T& options) {
  Description description{T::kind.name, {}};
  Collector collector(description.options);
  options.describe(collector);
  return description;
}

template <class Role>
template <Describes<Role> T>
Described<Role>::Described(const T& options) : description_(description_of(options)) {}

struct ActivationRole;
struct InitializerRole;
struct EncodingRole;
struct LayerRole;
struct LossRole;
struct OptimizerRole;
struct ScheduleRole;
struct MetricRole;
struct AverageRole;

}  // namespace detail
}  // namespace v1
}  // namespace lamina
