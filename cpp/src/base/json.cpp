// JSON values.
#include "base/json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/detail/conversions/to_chars.hpp>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace lamina {
namespace {

[[noreturn]] void fail(TextParts what) { throw_error(Error::Kind::kValue, {"JSON: ", what}); }

bool before(const Json::Member& a, const Json::Member& b) { return a.key < b.key; }

// Sorted by key; of equal keys the last stays.
void normalise(Json::Object& members) {
  std::ranges::stable_sort(members, before);
  const auto superseded = [&](const Json::Member& member) {
    const Json::Member* next = &member + 1;
    return next != members.data() + members.size() && next->key == member.key;
  };
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (superseded(members[i])) continue;
    if (kept != i) members[kept] = std::move(members[i]);
    ++kept;
  }
  members.erase(members.begin() + static_cast<std::ptrdiff_t>(kept), members.end());
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 64> digits;
  const char* end = nlohmann::detail::to_chars(digits.data(), digits.data() + digits.size(), value);
  out += std::string_view(digits.data(), end);
}

// Builds a value; containers that are still open lie on a stack.
class Builder final : public JsonEvents {
 public:
  Json take() { return std::move(root_); }
  bool too_deep() const noexcept { return too_deep_; }

  bool null() override {
    place();
    return true;
  }
  bool boolean(bool value) override { return add(value); }
  bool negative(std::int64_t value) override { return add(value); }
  bool whole(std::uint64_t value) override { return add(value); }
  bool fraction(double value) override { return add(value); }
  bool text(std::string& value) override { return add(std::move(value)); }
  bool begin_object() override { return begin(true); }
  bool key(std::string& name) override {
    open_.back().members.push_back({std::move(name), Json()});
    return true;
  }
  bool end_object() override {
    Json::Object members = std::move(open_.back().members);
    open_.pop_back();
    return add(Json::object(std::move(members)));
  }
  bool begin_array() override { return begin(false); }
  bool end_array() override {
    Json::Array elements = std::move(open_.back().elements);
    open_.pop_back();
    return add(std::move(elements));
  }

 private:
  struct Open {
    bool is_object;
    Json::Object members;
    Json::Array elements;
  };

  bool begin(bool is_object) {
    too_deep_ = open_.size() == Json::kDeepest;
    if (too_deep_) return false;
    open_.push_back({is_object, {}, {}});
    return true;
  }
  // Where the next value belongs, which is null until it is put there.
  Json& place() {
    if (open_.empty()) return root_;
    if (open_.back().is_object) return open_.back().members.back().value;
    return open_.back().elements.emplace_back();
  }
  bool add(Json value) {
    place() = std::move(value);
    return true;
  }

  std::vector<Open> open_;
  Json root_;
  bool too_deep_ = false;
};

}  // namespace

Json::Json() noexcept = default;
Json::Json(const char* text) : value_(std::string(text)) {}
Json::Json(std::string_view text) : value_(std::string(text)) {}
Json::Json(std::string text) noexcept : value_(std::move(text)) {}
Json::Json(Array elements) noexcept : value_(std::move(elements)) {}
Json::Json(std::initializer_list<Member> members) : Json(object(Object(members))) {}
// Not by the variant's own copy: where that fails, GCC 12's library destroys what was never made.
Json::Json(const Json& other) {
  std::visit([this](const auto& value) { value_ = std::decay_t<decltype(value)>(value); }, other.value_);
}
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(const Json& other) { return *this = Json(other); }
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;

Json Json::object(Object members) {
  normalise(members);
  Json json;
  json.value_ = std::move(members);
  return json;
}

Json Json::parse(std::string_view text) {
  Builder builder;
  std::string problem = read_json(text, builder);
  if (builder.too_deep()) problem = concat({"nested more than ", kDeepest, " deep"});
  if (!problem.empty()) throw_error(Error::Kind::kValue, {"description: ", problem});
  return builder.take();
}

std::string Json::dump() const {
  std::string text;
  write(text);
  return text;
}

void Json::write(std::string& out) const {
  if (is_array()) {
    out += '[';
    for (const Json& element : elements()) {
      if (&element != elements().data()) out += ',';
      element.write(out);
    }
    out += ']';
  } else if (is_object()) {
    out += '{';
    for (const Member& member : members()) {
      if (&member != members().data()) out += ',';
      append_json_text(out, member.key);
      out += ':';
      member.value.write(out);
    }
    out += '}';
  } else if (is_text()) {
    append_json_text(out, text());
  } else if (is_boolean()) {
    out += boolean() ? "true" : "false";
  } else if (const auto* whole = std::get_if<std::int64_t>(&value_)) {
    out += std::to_string(*whole);
  } else if (const auto* large = std::get_if<std::uint64_t>(&value_)) {
    out += std::to_string(*large);
  } else if (is_number()) {
    append_number(out, number());
  } else {
    out += "null";
  }
}

template <class Kind>
const Kind& Json::get(const char* expected) const {
  if (const Kind* value = std::get_if<Kind>(&value_)) return *value;
  fail({"expected ", expected, ", got ", dump()});
}

bool Json::boolean() const { return get<bool>("true or false"); }
const std::string& Json::text() const { return get<std::string>("text"); }
const Json::Array& Json::elements() const { return get<Array>("an array"); }
const Json::Object& Json::members() const { return get<Object>("an object"); }

double Json::number() const {
  if (const auto* whole = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*whole);
  if (const auto* large = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*large);
  return get<double>("a number");
}

std::int64_t Json::integer() const {
  if (std::holds_alternative<std::uint64_t>(value_)) return std::numeric_limits<std::int64_t>::max();
  return get<std::int64_t>("a whole number");
}

bool Json::is(std::string_view text) const noexcept {
  const auto* own = std::get_if<std::string>(&value_);
  return own != nullptr && *own == text;
}

const Json* Json::find(std::string_view key) const noexcept {
  const auto* object = std::get_if<Object>(&value_);
  if (object == nullptr) return nullptr;
  const auto place = std::ranges::lower_bound(*object, key, {}, &Member::key);
  return place != object->end() && place->key == key ? &place->value : nullptr;
}

const Json& Json::at(std::string_view key) const {
  if (const Json* value = find(key)) return *value;
  fail({"expected an object with '", key, "', got ", dump()});
}

Json& Json::operator[](std::string_view key) {
  (void)members();  // raises where it is no object
  auto& object = std::get<Object>(value_);
  auto place = std::ranges::lower_bound(object, key, {}, &Member::key);
  if (place == object.end() || place->key != key) place = object.insert(place, {std::string(key), Json()});
  return place->value;
}

bool Json::operator==(const Json& other) const noexcept { return value_ == other.value_; }

}  // namespace lamina
