// Targets and sample weights as users give them, class weights, rows held back, and numbers in sentences.
#include "training/check_targets.h"

#include <algorithm>
#include <array>
#include <clocale>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/number_text.h"
#include "check.h"
#include "training/class_weights.h"
#include "training/hold_out.h"

using namespace lamina;
using kernels::SourceType;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <class Value>
ArraySource source(const std::vector<Value>& values, SourceType type, int64_t columns = 1) {
  const auto rows = static_cast<int64_t>(values.size()) / columns;
  const auto size = static_cast<int64_t>(sizeof(Value));
  return {values.data(), type, rows, columns, columns * size, size};
}

LossSpec loss(const char* name) { return loss_from_json(Json(name)); }

// What an error says; empty where there is none.
template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string classes_refused(const ArraySource& y) {
  std::vector<int32_t> classes(static_cast<size_t>(y.rows));
  return refusal([&] { read_classes(y, 3, "fit", classes.data()); });
}

std::string values_refused(const char* name, const std::vector<double>& values, int64_t columns = 1) {
  std::vector<float> read(values.size());
  return refusal(
      [&] { read_values(source(values, SourceType::kF64, columns), loss(name), "fit", read.data()); });
}

std::string weights_refused(const std::vector<double>& values, WeightScale scale = WeightScale::kRelative) {
  std::vector<double> read(values.size());
  return refusal([&] { read_weights(source(values, SourceType::kF64), scale, "fit", read.data()); });
}

HoldOut held_out(const std::vector<int64_t>& classes, double fraction, uint64_t seed = 0) {
  return hold_out(static_cast<int64_t>(classes.size()), fraction, seed, classes, "fit: validation_fraction");
}

}  // namespace

LAMINA_TEST(class_indices_of_any_type_are_read) {
  const std::vector<int32_t> expected{2, 0, 1};
  std::vector<int32_t> found(3);
  const auto reads = [&](const ArraySource& y) {
    std::fill(found.begin(), found.end(), -1);
    read_classes(y, 3, "fit", found.data());
    return found == expected;
  };
  CHECK(reads(source(std::vector<int64_t>{2, 0, 1}, SourceType::kI64)));
  CHECK(reads(source(std::vector<uint8_t>{2, 0, 1}, SourceType::kU8)));
  CHECK(reads(source(std::vector<double>{2.0, 0.0, 1.0}, SourceType::kF64)));
  CHECK(reads(source(std::vector<uint16_t>{0x4000, 0, 0x3c00}, SourceType::kF16)));
  ArraySource backwards = source(std::vector<int64_t>(), SourceType::kI64);
  const std::vector<int64_t> reversed{1, 0, 2};
  backwards = {reversed.data() + 2, SourceType::kI64, 3, 1, -8, 8};
  CHECK(reads(backwards));
}

LAMINA_TEST(a_class_that_is_not_there_is_refused_with_row_and_value) {
  const std::string range = "fit: expected class indices from 0 to 2 in y for 3 outputs, got ";
  CHECK(classes_refused(source(std::vector<int64_t>{0, 2, 3}, SourceType::kI64)) == range + "3 in row 2");
  CHECK(classes_refused(source(std::vector<int8_t>{0, -1}, SourceType::kI8)) == range + "-1 in row 1");
  CHECK(classes_refused(source(std::vector<uint64_t>{1ull << 63}, SourceType::kU64)) ==
        range + "9223372036854775808 in row 0");
  CHECK(classes_refused(source(std::vector<double>{1e300}, SourceType::kF64)) == range + "1e+300 in row 0");
  CHECK(classes_refused(source(std::vector<float>{0.0f, 0.5f}, SourceType::kF32)) ==
        "fit: expected whole class indices in y, got 0.5 in row 1");
  CHECK(classes_refused(source(std::vector<double>{0.0, kNan}, SourceType::kF64)) ==
        "fit: expected finite numbers in y, got nan in row 1, column 0");
  CHECK(classes_refused(source(std::vector<uint16_t>{0x7c00}, SourceType::kF16)) ==
        "fit: expected finite numbers in y, got inf in row 0, column 0");
}

LAMINA_TEST(values_that_a_loss_does_not_take_are_refused_with_row_and_value) {
  CHECK(values_refused("mse", {1.0, kNan}) ==
        "fit: expected finite numbers in y, got nan in row 1, column 0");
  CHECK(values_refused("mse", {1.0, 2.0, 3.0, -HUGE_VAL}, 2) ==
        "fit: expected finite numbers in y, got -inf in row 1, column 1");
  CHECK(values_refused("mse", {1e39}).find("beyond float32's range") != std::string::npos);
  CHECK(values_refused("mse", {1e30, -1e30}).empty());
  CHECK(values_refused("bce", {0.0, 1.5}) ==
        "fit: expected targets between 0 and 1 for binary_cross_entropy, got 1.5 in row 1");
  CHECK(values_refused("cross_entropy", {0.25, 0.75, 0.5, 0.25}, 2) ==
        "fit: expected the targets of each row to sum to 1 for cross_entropy, got 0.75 in row 1");
  CHECK(values_refused("poisson", {0.0, -1.0}) ==
        "fit: expected targets of at least 0 for poisson, got -1.0 in row 1");
  CHECK(values_refused("gamma", {1.0, 0.0}) ==
        "fit: expected targets above 0 for gamma, got 0.0 in row 1; tweedie takes 0 too");
  CHECK(values_refused("hinge", {1.0, 2.0}) ==
        "fit: expected targets of -1 and 1, or of 0 and 1, for hinge, got 2.0 in row 1");
  CHECK(
      values_refused("hinge", {1.0, -1.0, 0.0}) ==
      "fit: expected targets of -1 and 1, or of 0 and 1, for hinge, got -1 and 0 together, in rows 1 and 2");
}

LAMINA_TEST(hinge_targets_of_0_stand_for_minus_1) {
  std::vector<double> read(3);
  read_values(source(std::vector<double>{0.0, 1.0, 0.0}, SourceType::kF64), loss("hinge"), "fit",
              read.data());
  CHECK((read == std::vector<double>{-1.0, 1.0, -1.0}));
}

LAMINA_TEST(weights_that_weigh_nothing_or_less_are_refused) {
  CHECK(weights_refused({1.0, -0.5}) == "fit: expected sample_weight of at least 0, got -0.5 in row 1");
  CHECK(weights_refused({0.0, 0.0}) == "fit: expected a sample_weight above 0 somewhere, got only zeros");
  CHECK(weights_refused({1.0, kNan}).find("finite numbers in sample_weight, got nan in row 1") !=
        std::string::npos);
  CHECK(
      weights_refused({1e-50}, WeightScale::kFloat32) ==
      "fit: expected the largest sample_weight between 1.2e-38 and 3.4e+38, since its size counts here, got "
      "1e-50");
}

LAMINA_TEST(very_small_weights_of_a_mean_are_scaled_by_a_power_of_two) {
  std::vector<double> read(2);
  read_weights(source(std::vector<double>{0x1p-1000, 0x1.8p-1001}, SourceType::kF64), WeightScale::kRelative,
               "fit", read.data());
  CHECK((read == std::vector<double>{0.5, 0.375}));
  read_weights(source(std::vector<double>{0x1p-300, 0.0}, SourceType::kF64), WeightScale::kRelative, "fit",
               read.data());
  CHECK((read == std::vector<double>{0x1p-300, 0.0}));
}

LAMINA_TEST(a_data_set_in_the_core_s_types_is_checked_too) {
  const std::vector<float> x(4), values{0.0f, 1.0f, 0.0f, 1.0f};
  const std::vector<int32_t> classes{0, 1, 2, 5};
  DataSet<float> data;
  data.inputs = source(x, SourceType::kF32);
  data.targets.classes = classes.data();
  const auto said = [&](const char* name, int64_t outputs) {
    return refusal([&] { check_targets(data, loss(name), outputs, "fit"); });
  };
  CHECK(said("cross_entropy", 6).empty());
  CHECK(said("cross_entropy", 5) ==
        "fit: expected class indices from 0 to 4 in y for 5 outputs, got 5 in row 3");
  CHECK(said("mse", 1) == "fit: expected values [rows, 1] for mean_squared_error, got class indices");
  data.targets = {};
  CHECK(said("mse", 1) ==
        "fit: expected y of shape [4, 1] for this network and mean_squared_error, got none");
  data.targets = {nullptr, values.data(), 1, 1};
  CHECK(said("mse", 1).empty());
  CHECK(said("mse", 3) ==
        "fit: expected y of shape [4, 3] for this network and mean_squared_error, got 1 columns");
  CHECK(said("hinge", 1) == "fit: expected targets of -1 and 1 for hinge, got 0 in row 0");
  const std::vector<double> weights{1.0, 0.0, -1.0, 1.0};
  data.sample_weights = weights.data();
  CHECK(said("mse", 1) == "fit: expected sample_weight of at least 0, got -1.0 in row 2");
}

LAMINA_TEST(balanced_class_weights_give_every_class_that_is_there_the_same_sum) {
  const std::vector<int32_t> classes{0, 0, 0, 2};
  const Targets<float> targets{classes.data(), nullptr, 0, 0};
  const std::vector<double> found =
      class_weighted(targets, 4, nullptr, loss("cross_entropy"), 3, std::nullopt, "fit");
  CHECK((found == std::vector<double>{4.0 / 6.0, 4.0 / 6.0, 4.0 / 6.0, 2.0}));
}

LAMINA_TEST(class_weights_multiply_sample_weights_and_mix_by_probabilities) {
  const std::vector<ClassWeight> table{{0.0, 0.5}, {1.0, 3.0}};
  const std::vector<double> sample{2.0, 1.0};
  const std::vector<float> soft{0.25f, 0.5f, 0.25f, 0.0f, 0.0f, 1.0f};
  const Targets<float> rows{nullptr, soft.data(), 3, 3};
  CHECK((class_weighted(rows, 2, sample.data(), loss("cross_entropy"), 3, table, "fit") ==
         std::vector<double>{2.0 * (0.125 + 1.5 + 0.25), 1.0}));
  const std::vector<float> signs{-1.0f, 1.0f};
  const Targets<float> hinge{nullptr, signs.data(), 1, 1};
  const std::vector<ClassWeight> by_sign{{-1.0, 4.0}, {1.0, 0.25}};
  CHECK((class_weighted(hinge, 2, nullptr, loss("hinge"), 1, by_sign, "fit") ==
         std::vector<double>{4.0, 0.25}));
}

LAMINA_TEST(class_weights_that_mean_nothing_are_refused) {
  const std::vector<int32_t> classes{0, 1};
  const Targets<float> targets{classes.data(), nullptr, 0, 0};
  const auto said = [&](const char* name, int64_t outputs, std::vector<ClassWeight> table) {
    return refusal([&] { class_weighted(targets, 2, nullptr, loss(name), outputs, table, "fit"); });
  };
  CHECK(said("cross_entropy", 3, {{3.0, 1.0}}) == "fit: expected classes from 0 to 2 in class_weight, got 3");
  CHECK(said("cross_entropy", 3, {{0.5, 1.0}}) ==
        "fit: expected classes from 0 to 2 in class_weight, got 0.5");
  CHECK(said("cross_entropy", 3, {{1.0, -1.0}}) ==
        "fit: expected finite class weights of at least 0, got -1.0 for class 1");
  CHECK(said("cross_entropy", 2, {{0.0, 0.0}, {1.0, 0.0}}) ==
        "fit: class_weight and sample_weight leave every row with weight 0");
  CHECK(said("mse", 1, {}).find("a loss of classes, such as cross_entropy, got mean_squared_error") !=
        std::string::npos);
  CHECK(said("bce", 2, {}).find("one class a row beside class_weight, got 2 outputs") != std::string::npos);
}

LAMINA_TEST(held_out_rows_are_a_random_share_that_the_seed_decides) {
  const HoldOut found = hold_out(1000, 0.25, 3, {}, "fit");
  CHECK(found.held.size() == 250 && found.train.size() == 750);
  CHECK(std::is_sorted(found.held.begin(), found.held.end()));
  std::vector<int64_t> all(found.held);
  all.insert(all.end(), found.train.begin(), found.train.end());
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i < all.size(); ++i) CHECK(all[i] == static_cast<int64_t>(i));
  CHECK(hold_out(1000, 0.25, 3, {}, "fit").held == found.held);
  CHECK(hold_out(1000, 0.25, 4, {}, "fit").held != found.held);
  // Their mean lies within four standard deviations of that of all rows.
  const double sum = std::accumulate(found.held.begin(), found.held.end(), 0.0);
  CHECK_NEAR(sum / 250.0, 499.5, 4.0 * 288.7 * std::sqrt(0.75 / 250.0));
  // Recorded: the same rows on every platform and in every version.
  CHECK((hold_out(10, 0.3, 0, {}, "fit").held == std::vector<int64_t>{2, 6, 7}));
}

LAMINA_TEST(each_row_is_held_out_as_often_as_any_other) {
  std::array<int, 8> counts{};
  for (uint64_t seed = 0; seed < 4000; ++seed)
    for (const int64_t row : hold_out(8, 0.25, seed, {}, "fit").held) ++counts[static_cast<size_t>(row)];
  // 1000 each, with a standard deviation of 27.
  for (const int count : counts) CHECK(count > 880 && count < 1120);
}

LAMINA_TEST(every_class_is_held_out_in_its_share_and_keeps_a_row) {
  std::vector<int64_t> classes(93);
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = i < 60 ? 7 : i < 90 ? -2 : i < 92 ? 100 : 5;
  for (const double fraction : {0.1, 0.5, 0.9, 0.99}) {
    const HoldOut found = held_out(classes, fraction);
    std::set<int64_t> left;
    for (const int64_t row : found.train) left.insert(classes[static_cast<size_t>(row)]);
    CHECK(left.size() == 4);
    const auto first = static_cast<double>(
        std::count_if(found.held.begin(), found.held.end(), [](int64_t r) { return r < 60; }));
    CHECK_NEAR(first, std::min(60.0 * fraction, 59.0), 1.0);
  }
}

LAMINA_TEST(many_small_classes_are_held_out_by_lot) {
  std::vector<int64_t> classes(100);
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int64_t>(i / 2);
  const HoldOut found = held_out(classes, 0.2);
  CHECK(found.held.size() == 20);
  std::set<int64_t> chosen;
  for (const int64_t row : found.held) chosen.insert(row / 2);
  CHECK(chosen.size() == 20);
  CHECK(*chosen.rbegin() > 30);
  CHECK(held_out(classes, 0.2, 1).held != found.held);
}

LAMINA_TEST(a_share_that_leaves_a_side_without_rows_is_refused) {
  const auto said = [](int64_t rows, double fraction) {
    return refusal([&] { hold_out(rows, fraction, 0, {}, "fit: validation_fraction"); });
  };
  CHECK(said(3, 0.1) == "fit: validation_fraction 0.1 of 3 rows leaves no row on one side");
  CHECK(said(1, 0.9) == "fit: validation_fraction 0.9 of 1 rows leaves no row on one side");
  CHECK(said(0, 0.5) == "fit: validation_fraction 0.5 of 0 rows leaves no row on one side");
  CHECK(said(9, 1.0) == "fit: validation_fraction: expected a share above 0 and below 1, got 1.0");
  CHECK(said(9, kNan) == "fit: validation_fraction: expected a share above 0 and below 1, got nan");
}

LAMINA_TEST(numbers_in_sentences_are_short_or_exact) {
  CHECK(short_number(0.1 + 0.2) == "0.3" && short_number(1e-7) == "1e-07" && short_number(-2.5) == "-2.5");
  CHECK(short_number(kNan) == "nan" && short_number(-HUGE_VAL) == "-inf");
  CHECK(short_number(1234567.0) == "1.23457e+06" && short_number(3.0) == "3");
  CHECK(exact_number(0.1f) == "0.1" && exact_number(0.1) == "0.1" && exact_number(7.0f) == "7.0");
  CHECK(exact_number(16777216.0f) == "16777216.0" && exact_number(0.1 + 0.2) == "0.30000000000000004");
  CHECK(exact_number(std::numeric_limits<float>::infinity()) == "inf");
  if (std::setlocale(LC_NUMERIC, "de_DE.UTF-8") != nullptr) {
    CHECK(short_number(0.25) == "0.25" && exact_number(0.1f) == "0.1");
    std::setlocale(LC_NUMERIC, "C");
  }
}

LAMINA_TEST_MAIN
