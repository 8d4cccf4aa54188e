// The self-test of a model file: rows, and the outputs that the model gave for them when it was saved.
//
// A network's rows are the tensor "selftest.inputs" [rows, inputs] of float32 or float64; a table model's are
// lists of cells in the order of its columns, in the contents' field selftest.rows. The outputs are the
// tensor "selftest.outputs" [rows, outputs] of float64.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model_file/model_file.h"
#include "tables/column.h"

namespace lamina {

inline constexpr std::string_view kSelfTestField = "selftest";
inline constexpr std::string_view kSelfTestPrefix = "selftest.";
inline constexpr std::string_view kSelfTestInputs = "selftest.inputs";
inline constexpr std::string_view kSelfTestOutputs = "selftest.outputs";

// Sums run in another order on another instruction set: there a value may differ by so many units in the last
// place, of the network's type, of the greatest value stored in the same output. On the set that stored them
// every bit must be equal.
inline constexpr double kSelfTestUlps = 1024.0;

// As a file holds it: `record` is null where there is none.
struct StoredSelfTest {
  Json record;
  std::optional<TensorView> inputs, outputs;
};

// The record that a file written by this process has; `rows` null: they are a tensor.
Json self_test_record(Json rows);

// A cell of a table as JSON, and back; texts lie in `json`. Dates are {"date": seconds since 1970}.
Json cell_to_json(const Cell& cell);
Cell cell_from_json(const Json& json);

// Raise Error kFormat in a sentence that opens with `source`: where there is no self-test, it is no such one,
// or `got` [rows, outputs] are other values than the stored; `single`: the network's type is float32.
void check_self_test_there(const StoredSelfTest& stored, std::int64_t outputs, const std::string& source);
void compare_self_test(const StoredSelfTest& stored, std::span<const double> got, std::int64_t outputs,
                       bool single, const std::string& source);

}  // namespace lamina
