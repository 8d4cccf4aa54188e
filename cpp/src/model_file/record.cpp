// Checks a model record's JSON text event by event, without building a tree.
#include "model_file/record.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "model_file/in_quotes.h"

namespace lamina {
namespace {

using nlohmann::json;

constexpr std::size_t kDeepest = 64;

// nlohmann's event interface: a false result stops the parse.
class RecordChecker {
 public:
  const std::string& problem() const noexcept { return problem_; }

  bool null() { return scalar(); }
  bool boolean(bool) { return scalar(); }
  bool number_integer(std::int64_t) { return scalar(); }
  bool number_unsigned(std::uint64_t) { return scalar(); }
  bool number_float(double, const std::string&) { return scalar(); }
  bool string(std::string&) { return scalar(); }
  bool binary(json::binary_t&) { return scalar(); }
  bool start_object(std::size_t) { return enter(); }
  bool end_object() { return leave(); }
  bool start_array(std::size_t) { return levels_.empty() ? scalar() : enter(); }
  bool end_array() { return leave(); }

  bool key(std::string& name) {
    if (levels_.back().insert(name).second) return true;
    return fail("the key " + in_quotes(name) + " appears twice in one object");
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception&) {
    return fail("not valid JSON at byte " + std::to_string(position) + " (JSON has no NaN or infinity)");
  }

 private:
  bool scalar() { return !levels_.empty() || fail("expected a JSON object"); }

  bool enter() {
    if (levels_.size() == kDeepest) return fail("nested more than " + std::to_string(kDeepest) + " deep");
    levels_.emplace_back();
    return true;
  }

  bool leave() {
    levels_.pop_back();
    return true;
  }

  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  std::vector<std::set<std::string>> levels_;  // the keys seen so far, of each open object
  std::string problem_;
};

}  // namespace

std::string record_problem(std::string_view text) {
  // The JSON library takes a zero byte for the end of the text.
  if (text.find('\0') != std::string_view::npos) return "not valid JSON: it holds a zero byte";
  RecordChecker checker;
  json::sax_parse(text, &checker);
  return checker.problem();
}

}  // namespace lamina
