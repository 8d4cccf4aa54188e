// Tests of JSON values: text there and back, errors, and depth.
#include "base/json.h"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "check.h"

namespace {

using lamina::Error;
using lamina::Json;

static_assert(std::is_nothrow_move_constructible_v<Json> && std::is_nothrow_move_assignable_v<Json> &&
              std::is_nothrow_destructible_v<Json>);

std::string error_of(const std::string& text) {
  try {
    (void)Json::parse(text);
  } catch (const Error& error) {
    return error.kind() == Error::Kind::kValue ? error.what() : "another kind";
  }
  return "";
}

bool is_same_again(const std::string& text) { return Json::parse(text).dump() == text; }

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

LAMINA_TEST(text_that_is_read_is_written_again) {
  for (const char* text : {"null", "true", "false", "0", "-1", "18446744073709551615", "-9223372036854775808",
                           "0.1", "1e-08", "1e+300", "-0.0", "\"\"", "[]", "{}", "[1,[2,{\"a\":[]}],\"x\"]",
                           R"("\u0000\u001f\b\t\n\f\r\"\\/")", "\"k\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\""})
    CHECK(is_same_again(text));
}

LAMINA_TEST(numbers_read_back_as_they_were) {
  double value = 1e-320;
  for (int i = 0; i < 2000; ++i, value *= -2.0718281828)
    if (std::isfinite(value)) CHECK(Json::parse(Json(value).dump()).number() == value);
  CHECK(Json(std::numeric_limits<double>::infinity()).dump() == "null");
  CHECK(Json(3.0).dump() == "3.0" && Json(3).dump() == "3");
}

LAMINA_TEST(members_are_sorted_and_the_last_of_a_key_stays) {
  CHECK(Json::parse(R"({"b":1,"a":2,"b":3,"a":{"z":0,"y":1}})").dump() == R"({"a":{"y":1,"z":0},"b":3})");
  Json json = {{"b", true}, {"a", "x"}};
  json["ab"] = 0.5;
  json["b"] = Json();
  CHECK(json.dump() == R"({"a":"x","ab":0.5,"b":null})");
  CHECK(json.at("a").is("x") && json.find("c") == nullptr && Json(1).find("a") == nullptr);
}

LAMINA_TEST(what_is_not_json_is_refused_with_its_place) {
  for (const char* text : {"", "{", "[1,]", "nul", "NaN", "Infinity", "1e999", "{}x", "\"\\ud800\"", "{1:2}"})
    CHECK(error_of(text).find("not valid JSON at byte") != std::string::npos);
  CHECK(error_of(std::string("{}\0", 3)).find("zero byte") != std::string::npos);
}

LAMINA_TEST(depth_is_bounded_where_text_is_read) {
  CHECK(is_same_again(nested(Json::kDeepest)));
  CHECK(error_of(nested(Json::kDeepest + 1)) == "description: nested more than 512 deep");
  CHECK(error_of(std::string(1'000'000, '[')) == "description: nested more than 512 deep");
}

LAMINA_TEST(a_value_of_another_kind_is_an_error_that_shows_it) {
  try {
    (void)Json{{"a", 1}}.at("a").text();
    CHECK(false);
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "JSON: expected text, got 1");
  }
}

LAMINA_TEST(bytes_that_are_no_characters_are_replaced_or_refused) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\xFF"
       "b",
       "\"a\xEF\xBF\xBD"
       "b\""},
      {"\xC3", "\"\xEF\xBF\xBD\""},
      {"\xE2\x82(", "\"\xEF\xBF\xBD(\""},
      {"\xC0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}};
  for (const auto& [bytes, expected] : cases) {
    std::string text;
    lamina::append_json_text(text, bytes, true);
    CHECK(text == expected);
    try {
      (void)Json(bytes).dump();
      CHECK(false);
    } catch (const Error& error) {
      CHECK(error.kind() == Error::Kind::kValue);
    }
  }
}

}  // namespace

LAMINA_TEST_MAIN
