// Targets of table models: decoding of classes, numbers, quantiles and intervals, and damaged records.
#include "tables/table_target.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "check.h"

namespace {

using lamina::Error;
using lamina::Json;
using lamina::RecordTensor;
using lamina::TableTarget;

RecordTensor tensor(const char* name, const std::vector<double>& values) {
  return {name, "float64", {std::ssize(values)}, values.data()};
}

Json head(const char* task, int version = 2) {
  return {{"schema", "lamina.tabular.target"}, {"version", version}, {"task", task}};
}

Json number(const char* name, int levels, bool interval) {
  return {{"name", name}, {"levels", levels}, {"interval", interval}};
}

// Of numbers: what the record and the tensors are made of.
struct Numbers {
  Json::Array targets{number("price", 3, true)};
  std::vector<double> scaling{100.0, 10.0}, levels{0.05, 0.5, 0.95}, quantiles{-2.0, 0.0, 2.0},
      interval{0.9, 0.5};
  bool has_interval = true;

  TableTarget read() const {
    Json record = head("regression");
    record["targets"] = targets;
    std::vector<RecordTensor> tensors{tensor("0.scaling", scaling), tensor("0.levels", levels),
                                      tensor("0.quantiles", quantiles)};
    if (has_interval) tensors.push_back(tensor("0.interval", interval));
    return {record, tensors};
  }
};

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind() == Error::Kind::kValue ? error.what() : "another kind of error";
  }
  return "";
}

LAMINA_TEST(quantiles_that_cross_are_put_in_order_and_the_median_is_the_prediction) {
  const TableTarget target = Numbers().read();
  CHECK(target.outputs() == 3);
  const std::vector<double> outputs{-1.0, 0.25, 1.0, 2.0, -3.0, 1.0};
  std::vector<double> numbers(2), quantiles(6), intervals(4);
  target.numbers(outputs.data(), 2, numbers.data());
  CHECK(numbers == (std::vector<double>{102.5, 110.0}));
  target.quantiles(outputs.data(), 2, quantiles.data());
  CHECK(quantiles == (std::vector<double>{90.0, 102.5, 110.0, 70.0, 110.0, 120.0}));
  target.intervals(outputs.data(), 2, intervals.data());
  CHECK(intervals == (std::vector<double>{85.0, 115.0, 65.0, 125.0}));
}

LAMINA_TEST(a_margin_below_0_narrows_an_interval_to_a_point_at_most) {
  Numbers parts;
  parts.interval[1] = -1.5;
  const TableTarget target = parts.read();
  const std::vector<double> outputs{-1.0, 0.5, 1.5, -2.0, 0.0, 2.0};
  std::vector<double> intervals(4);
  target.intervals(outputs.data(), 2, intervals.data());
  CHECK(intervals == (std::vector<double>{102.5, 102.5, 95.0, 105.0}));
}

LAMINA_TEST(an_output_that_is_no_number_stays_one) {
  const TableTarget target = Numbers().read();
  const std::vector<double> outputs{2.0, std::nan(""), 1.0};
  std::vector<double> numbers(1);
  target.numbers(outputs.data(), 1, numbers.data());
  CHECK(std::isnan(numbers[0]));
}

LAMINA_TEST(several_numbers_each_have_their_own_units) {
  Json record = head("regression");
  record["targets"] = Json::Array{number("a", 0, false), number("b", 0, false)};
  const std::vector<double> first{1.0, 2.0}, second{-1.0, 10.0}, none;
  const TableTarget target(
      record, {tensor("0.scaling", first), tensor("0.levels", none), tensor("0.quantiles", none),
               tensor("1.scaling", second), tensor("1.levels", none), tensor("1.quantiles", none)});
  CHECK(target.outputs() == 2);
  const std::vector<double> outputs{1.0, 1.0, 0.5, -1.0};
  std::vector<double> numbers(4);
  target.numbers(outputs.data(), 2, numbers.data());
  CHECK(numbers == (std::vector<double>{3.0, 9.0, 2.0, -11.0}));
  CHECK(refusal([&] { target.quantiles(outputs.data(), 2, numbers.data()); }) ==
        "the model was trained without quantiles");
  CHECK(refusal([&] { target.intervals(outputs.data(), 2, numbers.data()); }) ==
        "the model was trained without an interval");
}

LAMINA_TEST(a_temperature_divides_the_logits) {
  Json record = head("classification");
  record["name"] = "y";
  const std::vector<double> two{0.5, 0.5}, three{0.2, 0.3, 0.5}, temperature{2.0};
  record["classes"] = Json::Array{"no", "yes"};
  const TableTarget binary(record, {tensor("shares", two), tensor("temperature", temperature)});
  std::vector<double> outputs{0.8, 1.0, 0.0};
  binary.calibrate(outputs.data(), 3);
  CHECK_NEAR(outputs[0], 1.0 / (1.0 + std::exp(-std::log(4.0) / 2.0)), 1e-15);
  CHECK(outputs[1] == 1.0);
  CHECK(outputs[2] == 0.0);
  record["classes"] = Json::Array{"a", "b", "c"};
  const TableTarget several(record, {tensor("shares", three), tensor("temperature", temperature)});
  std::vector<double> row{0.64, 0.32, 0.04};
  several.calibrate(row.data(), 1);
  const double sum = 0.8 + std::sqrt(0.32) + 0.2;
  CHECK_NEAR(row[0], 0.8 / sum, 1e-15);
  CHECK_NEAR(row[2], 0.2 / sum, 1e-15);
}

LAMINA_TEST(records_of_the_first_version_are_read) {
  Json record = head("regression", 1);
  record["name"] = "price";
  const std::vector<double> scaling{100.0, 10.0}, shares{0.25, 0.75};
  const TableTarget target(record, {tensor("scaling", scaling)});
  const double output = 1.5;
  double value = 0.0;
  target.numbers(&output, 1, &value);
  CHECK(value == 115.0);
  CHECK(target.name() == "price");
  Json classes = head("classification", 1);
  classes["name"] = "paid";
  classes["classes"] = Json::Array{"no", "yes"};
  CHECK(TableTarget(classes, {tensor("shares", shares)}).classes().size() == 2);
}

LAMINA_TEST(wrong_records_of_numbers_are_refused_in_sentences) {
  const auto refused = [](const std::function<void(Numbers&)>& change) {
    Numbers parts;
    change(parts);
    return refusal([&] { parts.read(); });
  };
  CHECK(refused([](Numbers&) {}).empty());
  CHECK(refused([](Numbers& parts) { parts.targets.clear(); }) == "target: expected at least one number");
  CHECK(refused([](Numbers& parts) { parts.scaling[1] = 0.0; }) == "target 0: expected a scale above 0");
  const std::string levels = "target 0: expected rising levels between 0 and 1, and 0.5 among them";
  CHECK(refused([](Numbers& parts) { parts.levels = {0.5, 0.05, 0.95}; }) == levels);
  CHECK(refused([](Numbers& parts) { parts.levels = {0.1, 0.2, 0.95}; }) == levels);
  CHECK(refused([](Numbers& parts) { parts.levels = {0.05, 0.5, 1.0}; }) == levels);
  CHECK(refused([](Numbers& parts) { parts.interval[0] = 1.0; }) ==
        "target 0: expected an interval of levels, and a coverage between 0 and 1");
  CHECK(refused([](Numbers& parts) { parts.has_interval = false; }).find("tensor 'interval' is missing") !=
        std::string::npos);
  CHECK(refused([](Numbers& parts) { parts.targets[0] = number("price", -1, true); }) ==
        "target 0: expected no level, or at least 2");
  CHECK(refused([](Numbers& parts) {
          parts.targets[0] = number("price", 4, true);
        }).find("expected tensor 'levels' to be float64 of shape (4,)") != std::string::npos);
  CHECK(refused([](Numbers& parts) {
          parts.targets.push_back(number("price", 3, true));
        }).find("tensor 'scaling' is missing") != std::string::npos);
}

}  // namespace

LAMINA_TEST_MAIN
