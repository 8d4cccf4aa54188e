// JSON values and text. Destruction and moves never allocate or throw, so that running out of memory while
// values are made or dropped is an exception like any other.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lamina {

// Null, true or false, a number, text, an array, or an object whose members are sorted by key.
class Json {
 public:
  struct Member;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;
  // Of parsed text: so deep a value is destroyed by as many nested calls.
  static constexpr std::size_t kDeepest = 512;

  Json() noexcept;
  Json(std::same_as<bool> auto value) noexcept;
  Json(std::floating_point auto value) noexcept;
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  Json(Integer value) noexcept;
  Json(const char* text);
  Json(std::string_view text);
  Json(std::string text) noexcept;
  Json(Array elements) noexcept;
  // An object: {{"kind", "dense"}, {"units", 10}}; of members with the same key the last one stays.
  Json(std::initializer_list<Member> members);
  static Json object(Object members);

  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();

  // Raises Error kValue where `text` is not JSON (which has no NaN or infinity) or too deep.
  static Json parse(std::string_view text);
  // Without spaces; numbers in the fewest digits that read back as they are, NaN and infinity as null.
  // Raises Error kValue where a text is not UTF-8.
  std::string dump() const;

  bool is_null() const noexcept { return std::holds_alternative<std::monostate>(value_); }
  bool is_boolean() const noexcept { return std::holds_alternative<bool>(value_); }
  bool is_integer() const noexcept {
    return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<std::uint64_t>(value_);
  }
  bool is_number() const noexcept { return is_integer() || std::holds_alternative<double>(value_); }
  bool is_text() const noexcept { return std::holds_alternative<std::string>(value_); }
  bool is_array() const noexcept { return std::holds_alternative<Array>(value_); }
  bool is_object() const noexcept { return std::holds_alternative<Object>(value_); }

  // Each raises Error kValue where the value is of another kind; an integer beyond 63 bits becomes the
  // nearest that fits.
  bool boolean() const;
  double number() const;
  std::int64_t integer() const;
  const std::string& text() const;
  const Array& elements() const;
  const Object& members() const;

  // True for this text and no other value.
  bool is(std::string_view text) const noexcept;
  // The value of an object's member, or null where there is none.
  const Json* find(std::string_view key) const noexcept;
  // Raises Error kValue where there is none.
  const Json& at(std::string_view key) const;
  // Of an object: the member's value, a new null where there was none.
  Json& operator[](std::string_view key);

  bool operator==(const Json& other) const noexcept;

 private:
  template <class Kind>
  const Kind& get(const char* expected) const;
  void write(std::string& out) const;

  // The unsigned type holds only what the signed one does not.
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
};

struct Json::Member {
  std::string key;
  Json value;
  bool operator==(const Member&) const noexcept = default;
};

// Below Member: Clang makes the variant's destructor where it reads these, and that needs the whole type.
Json::Json(std::same_as<bool> auto value) noexcept : value_(value) {}

Json::Json(std::floating_point auto value) noexcept : value_(static_cast<double>(value)) {}

template <std::integral Integer>
  requires(!std::same_as<Integer, bool>)
Json::Json(Integer value) noexcept {
  if (std::in_range<std::int64_t>(value))
    value_ = static_cast<std::int64_t>(value);
  else
    value_ = static_cast<std::uint64_t>(value);
}

// Receives the events of a text that is read; false stops the reading.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual bool null() = 0;
  virtual bool boolean(bool value) = 0;
  virtual bool negative(std::int64_t value) = 0;
  virtual bool whole(std::uint64_t value) = 0;
  // Also of a whole number that 64 bits do not hold.
  virtual bool fraction(double value) = 0;
  virtual bool text(std::string& value) = 0;
  virtual bool begin_object() = 0;
  virtual bool key(std::string& name) = 0;
  virtual bool end_object() = 0;
  virtual bool begin_array() = 0;
  virtual bool end_array() = 0;
};

// Reads one JSON value. Returns what is wrong with `text` as JSON, or an empty string: also where an event
// has returned false, which is for `events` to tell.
std::string read_json(std::string_view text, JsonEvents& events);

// Appends `text` as JSON text in quotes. Bytes that are not UTF-8 become U+FFFD where `replaces`, and raise
// Error kValue elsewhere.
void append_json_text(std::string& out, std::string_view text, bool replaces = false);

}  // namespace lamina
