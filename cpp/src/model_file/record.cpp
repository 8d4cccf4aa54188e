// Checks a model record's JSON text event by event, without building a tree.
#include "model_file/record.h"

#include <cstdint>
#include <set>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "model_file/in_quotes.h"

namespace lamina {
namespace {

constexpr std::size_t kDeepest = 64;

class RecordChecker final : public JsonEvents {
 public:
  const std::string& problem() const noexcept { return problem_; }

  bool null() override { return scalar(); }
  bool boolean(bool) override { return scalar(); }
  bool negative(std::int64_t) override { return scalar(); }
  bool whole(std::uint64_t) override { return scalar(); }
  bool fraction(double) override { return scalar(); }
  bool text(std::string&) override { return scalar(); }
  bool begin_object() override { return enter(); }
  bool end_object() override { return leave(); }
  bool begin_array() override { return levels_.empty() ? scalar() : enter(); }
  bool end_array() override { return leave(); }

  bool key(std::string& name) override {
    if (levels_.back().insert(name).second) return true;
    return fail({"the key ", in_quotes(name), " appears twice in one object"});
  }

 private:
  bool scalar() { return !levels_.empty() || fail({"expected a JSON object"}); }

  bool enter() {
    if (levels_.size() == kDeepest) return fail({"nested more than ", kDeepest, " deep"});
    levels_.emplace_back();
    return true;
  }

  bool leave() {
    levels_.pop_back();
    return true;
  }

  bool fail(TextParts problem) {
    problem_ = concat(problem);
    return false;
  }

  std::vector<std::set<std::string>> levels_;  // the keys seen so far, of each open object
  std::string problem_;
};

}  // namespace

std::string record_problem(std::string_view text) {
  RecordChecker checker;
  std::string problem = read_json(text, checker);
  return problem.empty() ? checker.problem() : problem;
}

}  // namespace lamina
