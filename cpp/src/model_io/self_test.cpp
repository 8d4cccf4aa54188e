// Compares the outputs of a self-test with those stored.
#include "model_io/self_test.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/error.h"
#include "base/number_text.h"
#include "base/text.h"
#include "kernels/dispatch.h"
#include "tables/text_value.h"

namespace lamina {
namespace {

constexpr const char* kInstructionSet = "instruction_set";
constexpr const char* kDate = "date";

[[noreturn]] void fail(std::string_view source, TextParts what) {
  throw_error(Error::Kind::kFormat, {source, ": its self-test ", what});
}

bool same_bits(double a, double b) noexcept {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// What a value may differ by, of [rows, outputs] stored values in the column `output`.
double tolerance(std::span<const double> stored, std::int64_t outputs, std::int64_t output, bool single) {
  double greatest = 0.0;
  for (std::size_t i = static_cast<std::size_t>(output); i < stored.size();
       i += static_cast<std::size_t>(outputs))
    if (std::isfinite(stored[i])) greatest = std::max(greatest, std::abs(stored[i]));
  const double unit = single ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  return kSelfTestUlps * unit * greatest;
}

}  // namespace

Json self_test_record(Json rows) {
  Json record{{kInstructionSet, kernels::instruction_set()}};
  if (!rows.is_null()) record["rows"] = std::move(rows);
  return record;
}

Json cell_to_json(const Cell& cell) {
  return std::visit(
      []<class Value>(const Value& value) -> Json {
        if constexpr (std::is_same_v<Value, std::monostate>) {
          return {};
        } else if constexpr (std::is_same_v<Value, Date>) {
          return value.seconds == kNoDate ? Json() : Json{{kDate, value.seconds}};
        } else if constexpr (std::is_floating_point_v<Value>) {
          if (std::isinf(value))
            throw_error(Error::Kind::kValue, {"selftest: expected finite numbers, got infinity"});
          return value;  // JSON writes NaN, a missing value, as null
        } else {
          return value;
        }
      },
      cell);
}

Cell cell_from_json(const Json& json) {
  if (json.is_null()) return {};
  if (json.is_boolean()) return json.boolean();
  if (json.is_integer()) return json.integer();
  if (json.is_number()) return json.number();
  if (json.is_text()) return std::string_view(json.text());
  const Json* date = json.is_object() ? json.find(kDate) : nullptr;
  if (date == nullptr || !date->is_integer())
    throw_error(Error::Kind::kValue, {"selftest: expected cells of rows, got ", json.dump().substr(0, 60)});
  return Date{date->integer()};
}

void check_self_test_there(const StoredSelfTest& stored, std::int64_t outputs, const std::string& source) {
  if (stored.record.is_null() && !stored.outputs)
    throw_error(
        Error::Kind::kFormat,
        {source, ": expected a self-test in the file, but it has none; save it with rows (selftest)"});
  const Json* set = stored.record.find(kInstructionSet);
  if (set == nullptr || !set->is_text()) fail(source, {"expected the name of an instruction set"});
  if (!stored.outputs || stored.outputs->type != TensorType::kFloat64 || stored.outputs->shape.size() != 2 ||
      stored.outputs->shape[1] != outputs)
    fail(source, {"expected the tensor selftest.outputs of float64, [rows, ", outputs, "]"});
  if (stored.outputs->shape[0] < 1) fail(source, {"expected at least one row"});
}

void compare_self_test(const StoredSelfTest& stored, std::span<const double> got, std::int64_t outputs,
                       bool single, const std::string& source) {
  check_self_test_there(stored, outputs, source);
  if (std::cmp_not_equal(got.size(), stored.outputs->shape[0] * outputs))
    fail(source, {"expected outputs of as many rows as it has"});
  const std::span<const double> expected(static_cast<const double*>(stored.outputs->data), got.size());
  const std::string& set = stored.record.at(kInstructionSet).text();
  const bool exact = set == kernels::instruction_set();
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (same_bits(expected[i], got[i])) continue;
    const auto output = static_cast<std::int64_t>(i) % outputs;
    const double allowed = exact ? 0.0 : tolerance(expected, outputs, output, single);
    if (!exact && std::abs(expected[i] - got[i]) <= allowed) continue;
    fail(source,
         {"fails: row ", static_cast<std::int64_t>(i) / outputs, ", output ", output, " (from 0) was ",
          exact_number(expected[i]), " when it was saved, and is ", exact_number(got[i]), " now; allowed ",
          (exact ? concat({"is no difference, as both ran on ", set})
                 : concat({"is ", exact_number(allowed), ", as it was saved on ", set, " and runs on ",
                           kernels::instruction_set()}))});
  }
}

}  // namespace lamina
