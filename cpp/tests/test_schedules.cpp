// Learning-rate schedules against their formulas, worked out by hand.
#include <numbers>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "check.h"
#include "training/schedules.h"

namespace lamina {
namespace {

// The rates of a training of four epochs of five steps.
std::vector<double> rates(const Schedule& schedule, int64_t first = 0, int64_t count = 20) {
  return schedule.rates({.first_step = first, .count = count, .epoch_steps = 5, .last_step = 20});
}

std::string sentence(const auto& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void check_rates(const Schedule& schedule, const std::vector<double>& expected) {
  const std::vector<double> got = rates(schedule, 0, static_cast<int64_t>(expected.size()));
  CHECK(got.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK_NEAR(got[i], expected[i], 1e-15);
}

double half_wave(double share) { return 0.5 * (1.0 + std::cos(std::numbers::pi * share)); }

LAMINA_TEST(a_constant_rate_stays) { check_rates(*make_schedule(0.5, ConstantOptions{}), {0.5, 0.5, 0.5}); }

LAMINA_TEST(a_staircase_falls_after_every_so_many_steps) {
  check_rates(*make_schedule(0.5, StepOptions{.every = 2, .factor = 0.1}), {0.5, 0.5, 0.05, 0.05, 0.005});
  check_rates(*make_schedule(8.0, MultiStepOptions{.milestones = {1, 3}, .factor = 0.5}),
              {8.0, 4.0, 4.0, 2.0, 2.0});
}

LAMINA_TEST(decays_have_their_closed_forms) {
  check_rates(*make_schedule(0.5, ExponentialOptions{.factor = 0.5}), {0.5, 0.25, 0.125, 0.0625});
  check_rates(*make_schedule(0.5, InverseScalingOptions{.power = 0.5}),
              {0.5, 0.5 / std::sqrt(2.0), 0.5 / std::sqrt(3.0)});
  check_rates(*make_schedule(1.0, InverseScalingOptions{.power = 1.0}), {1.0, 1.0 / 2.0, 1.0 / 3.0});
}

LAMINA_TEST(a_polynomial_reaches_its_end_and_stays_there) {
  check_rates(*make_schedule(1.0, PolynomialOptions{.length = 4, .power = 2.0, .end = 0.2}),
              {1.0, 0.2 + 0.8 * 0.5625, 0.2 + 0.8 * 0.25, 0.2 + 0.8 * 0.0625, 0.2, 0.2});
}

LAMINA_TEST(a_cosine_without_a_length_ends_with_the_training) {
  const std::vector<double> got =
      rates(*make_schedule(0.5, CosineOptions{.length = std::nullopt, .end = 0.1}));
  for (int t = 0; t < 20; ++t)
    CHECK_NEAR(got[static_cast<std::size_t>(t)], 0.5 * (0.1 + 0.9 * half_wave(t / 20.0)), 1e-15);
}

LAMINA_TEST(cosines_restart_in_waves_that_grow) {
  const auto equal = rates(*make_schedule(1.0, CosineRestartsOptions{.period = 4}));
  for (int t = 0; t < 20; ++t)
    CHECK_NEAR(equal[static_cast<std::size_t>(t)], half_wave((t % 4) / 4.0), 1e-15);
  // Waves of 2, 4 and 8 steps.
  const auto growing = rates(*make_schedule(1.0, CosineRestartsOptions{.period = 2, .growth = 2.0}));
  for (const auto& [begin, length] : {std::pair{0, 2}, {2, 4}, {6, 8}})
    for (int t = 0; t < length; ++t)
      CHECK_NEAR(growing[static_cast<std::size_t>(begin + t)], half_wave(static_cast<double>(t) / length),
                 1e-12);
}

LAMINA_TEST(one_cycle_rises_to_its_rate_and_falls_to_its_end) {
  const auto got = rates(*make_schedule(1.0, OneCycleOptions{.length = std::nullopt, .rise = 0.3}));
  CHECK_NEAR(got[0], 1.0 / 25.0, 1e-15);
  CHECK_NEAR(got[5], 1.0, 1e-15);  // 0.3 * 20 - 1
  CHECK_NEAR(got[19], 1.0 / 25e4, 1e-15);
  for (std::size_t t = 1; t < 20; ++t) CHECK(t <= 5 ? got[t] > got[t - 1] : got[t] < got[t - 1]);
}

LAMINA_TEST(logarithmic_cosines_touch_0_and_1_where_their_waves_do) {
  // log2(1 + 15 t / 30) is 0, 1/2, 1, ... at t = 0, 2 (sqrt(2) - 1), 2, ...
  const auto schedule = make_schedule(0.5, CosineLogOptions{.length = 30, .cycles = 4});
  const std::vector<double> got = schedule->rates({.first_step = 0, .count = 40});
  for (const std::size_t zero : {0, 2, 6, 14, 30, 39}) CHECK_NEAR(got[zero], 0.0, 1e-12);
  CHECK_NEAR(schedule->factors(std::vector{2.0 * (std::sqrt(2.0) - 1.0)}, 30.0)[0], 1.0, 1e-12);
}

LAMINA_TEST(a_flat_cosine_stays_and_then_falls) {
  const auto got = rates(*make_schedule(0.5, FlatCosineOptions{.length = std::nullopt, .flat = 0.5}));
  for (int t = 0; t < 20; ++t)
    CHECK_NEAR(got[static_cast<std::size_t>(t)], t < 10 ? 0.5 : 0.5 * half_wave((t - 10) / 10.0), 1e-15);
}

LAMINA_TEST(rates_by_epoch_change_between_epochs_alone) {
  const auto got = rates(*make_schedule(0.5, ExponentialOptions{.factor = 0.1}, Per::kEpoch));
  for (int step = 0; step < 20; ++step)
    CHECK_NEAR(got[static_cast<std::size_t>(step)], 0.5 * std::pow(0.1, step / 5), 1e-15);
  const auto cosine = rates(*make_schedule(1.0, CosineOptions{}, Per::kEpoch));
  for (int step = 0; step < 20; ++step)
    CHECK_NEAR(cosine[static_cast<std::size_t>(step)], half_wave((step / 5) / 4.0), 1e-15);
}

LAMINA_TEST(a_warm_up_comes_before_the_schedule_and_shortens_it) {
  const auto warm = make_warm_up(make_schedule(1.0, CosineOptions{}), {.steps = 4, .start = 0.2});
  const auto got = rates(*warm);
  for (int t = 0; t < 4; ++t) CHECK_NEAR(got[static_cast<std::size_t>(t)], 0.2 + 0.8 * (t + 1) / 4.0, 1e-15);
  for (int t = 0; t < 16; ++t) CHECK_NEAR(got[static_cast<std::size_t>(4 + t)], half_wave(t / 16.0), 1e-15);
  const auto later = rates(*warm, 7, 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(later[i] == got[7 + i]);
  const auto across = rates(*warm, 3, 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(across[i] == got[3 + i]);
}

LAMINA_TEST(a_warm_up_by_epoch_counts_epochs) {
  const auto warm = make_warm_up(make_schedule(1.0, StepOptions{.every = 1, .factor = 0.5}, Per::kEpoch),
                                 {.steps = 2}, Per::kEpoch);
  check_rates(*warm, {0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5});
}

LAMINA_TEST(the_longest_warm_up_of_the_longest_epochs_has_just_begun) {
  constexpr int64_t kMost = int64_t{1} << 44;
  const auto warm =
      make_warm_up(make_schedule(1.0, ConstantOptions{}), {.steps = kMost, .start = 0.25}, Per::kEpoch);
  const auto got = warm->rates({.first_step = 0, .count = 2, .epoch_steps = kMost});
  CHECK_NEAR(got[0], 0.25, 1e-12);
  CHECK_NEAR(got[1], 0.25, 1e-12);
}

LAMINA_TEST(a_function_gives_the_rate_itself_once_for_each_epoch) {
  int calls = 0;
  const auto schedule = make_function_schedule(
      [&](int64_t t) {
        ++calls;
        return 1.0 / static_cast<double>(1 + t);
      },
      Per::kEpoch);
  CHECK(schedule->rate() == 1.0);
  calls = 0;
  const auto got = rates(*schedule);
  CHECK(calls == 4);
  CHECK(got[4] == 1.0 && got[5] == 0.5 && got[19] == 0.25);
  CHECK(sentence([] { make_function_schedule([](int64_t) { return -1.0; }); }) ==
        "FunctionSchedule: expected a finite rate of at least 0 from your function, got -1.0 at step 0");
}

LAMINA_TEST(a_plateau_lowers_the_rate_after_its_patience_and_not_below_its_minimum) {
  const auto schedule = make_plateau(0.5, {.factor = 0.1, .patience = 2, .minimum = 0.01});
  std::vector<double> got;
  for (const double loss : {1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.4}) {
    schedule->note_epoch({{"loss", loss}});
    got.push_back(rates(*schedule, 0, 1)[0]);
  }
  const std::vector<double> expected = {0.5, 0.5, 0.5, 0.5, 0.05, 0.05, 0.05, 0.01, 0.01};
  for (std::size_t i = 0; i < got.size(); ++i) CHECK_NEAR(got[i], expected[i], 1e-15);
}

LAMINA_TEST(a_plateau_tolerates_a_cooldown_and_small_gains_do_not_count) {
  const auto schedule = make_plateau(1.0, {.factor = 0.5, .patience = 0, .threshold = 0.1, .cooldown = 2});
  std::vector<double> got;
  for (const double loss : {1.0, 0.95, 0.95, 0.95, 0.95, 0.8}) {
    schedule->note_epoch({{"loss", loss}});
    got.push_back(rates(*schedule, 0, 1)[0]);
  }
  CHECK(got == (std::vector<double>{1.0, 0.5, 0.5, 0.5, 0.25, 0.25}));
}

LAMINA_TEST(a_plateau_knows_which_figures_should_grow) {
  const auto schedule = make_plateau(0.5, {.factor = 0.1, .patience = 0, .monitor = "val_accuracy"});
  std::vector<double> got;
  for (const double accuracy : {0.5, 0.6, 0.7, 0.7, 0.6}) {
    schedule->note_epoch({{"loss", 1.0}, {"val_accuracy", accuracy}});
    got.push_back(rates(*schedule, 0, 1)[0]);
  }
  CHECK(got[2] == 0.5);
  CHECK_NEAR(got[3], 0.05, 1e-15);
  CHECK_NEAR(got[4], 0.005, 1e-15);
  CHECK(sentence([&] { schedule->watch({{"loss", Mode::kMin}}); }) ==
        "ReduceOnPlateau: no figure named 'val_accuracy'; there are loss");
  const auto unknown = make_plateau(0.5, {.monitor = "mine"});
  CHECK(sentence([&] {
          unknown->watch({{"mine", std::nullopt}});
        }).starts_with("ReduceOnPlateau: expected mode='min' or mode='max' for 'mine'"));
  unknown->watch({{"mine", Mode::kMax}});
}

LAMINA_TEST(the_first_figure_that_is_a_number_is_the_best_one) {
  const auto schedule = make_plateau(1.0, {.factor = 0.5, .patience = 1});
  for (const double loss : {std::nan(""), 1e9, 1.0}) schedule->note_epoch({{"loss", loss}});
  CHECK(schedule->get_state()->best == 1.0);
  CHECK(rates(*schedule, 0, 1)[0] == 1.0);
}

LAMINA_TEST(a_state_continues_where_it_was_got_also_through_a_warm_up) {
  const auto first = make_warm_up(make_plateau(1.0, {.factor = 0.5, .patience = 0}), {.steps = 1});
  for (const double loss : {1.0, 2.0, 0.5}) first->note_epoch({{"loss", loss}});
  const auto second = make_warm_up(make_plateau(1.0, {.factor = 0.5, .patience = 0}), {.steps = 1});
  second->set_state(*first->get_state());
  for (const auto& schedule : {first.get(), second.get()}) schedule->note_epoch({{"loss", 0.6}});
  CHECK(rates(*second) == rates(*first));
  CHECK(rates(*second)[5] == 0.25);
  // A copy goes its own way.
  const auto copy = second->clone();
  copy->note_epoch({{"loss", 0.7}});
  CHECK(rates(*copy)[5] == 0.125 && rates(*second)[5] == 0.25);
}

LAMINA_TEST(options_out_of_range_are_refused_in_a_sentence) {
  CHECK(sentence([] { make_schedule(-1.0, CosineOptions{}); }) ==
        "CosineSchedule: expected rate of at least 0, got -1");
  CHECK(sentence([] { make_schedule(0.1, CosineOptions{.length = 0}); }) ==
        "CosineSchedule: expected length as a whole number of at least 1, got 0");
  CHECK(sentence([] { make_schedule(0.1, StepOptions{.every = 2, .factor = 0.0}); }) ==
        "StepSchedule: expected factor above 0, got 0");
  CHECK(sentence([] { make_schedule(0.1, MultiStepOptions{.milestones = {5, 3}}); }) ==
        "MultiStepSchedule: expected milestones as ascending whole numbers, got 5, 3");
  CHECK(sentence([] { make_schedule(0.1, OneCycleOptions{.rise = 1.5}); }) ==
        "OneCycleSchedule: expected rise of at least 0 and at most 1, got 1.5");
  CHECK(sentence([] { make_plateau(0.1, {.factor = std::nan("")}); }) ==
        "ReduceOnPlateau: expected factor above 0 and at most 1, got nan");
  CHECK_THROWS(make_warm_up(nullptr, {}), Error);
}

LAMINA_TEST(what_a_training_alone_knows_is_asked_for) {
  const auto cosine = make_schedule(0.1, CosineOptions{});
  CHECK(sentence([&] {
          cosine->rates({.first_step = 0, .count = 1});
        }).starts_with("CosineSchedule: expected a length, or optimizer.set_length"));
  const auto epochs = make_schedule(0.1, ConstantOptions{}, Per::kEpoch);
  CHECK(sentence([&] {
          epochs->rates({.first_step = 0, .count = 1});
        }).starts_with("ConstantSchedule: expected per='step', or optimizer.set_length"));
}

LAMINA_TEST(json_reads_back_as_the_same_schedule) {
  const std::vector<std::unique_ptr<Schedule>> schedules = [] {
    std::vector<std::unique_ptr<Schedule>> list;
    list.push_back(make_schedule(0.5, ConstantOptions{}));
    list.push_back(make_schedule(0.5, StepOptions{.every = 3, .factor = 0.7}, Per::kEpoch));
    list.push_back(make_schedule(0.5, MultiStepOptions{.milestones = {2, 7}, .factor = 0.3}));
    list.push_back(make_schedule(0.5, ExponentialOptions{.factor = 0.9}));
    list.push_back(make_schedule(0.5, PolynomialOptions{.length = 9, .power = 1.5, .end = 0.1}));
    list.push_back(make_schedule(0.5, InverseScalingOptions{.power = 0.3}));
    list.push_back(make_schedule(0.5, CosineOptions{.length = std::nullopt, .end = 0.2}));
    list.push_back(make_schedule(0.5, CosineRestartsOptions{.period = 3, .growth = 1.5, .end = 0.1}));
    list.push_back(make_schedule(0.5, OneCycleOptions{.length = 12, .rise = 0.4}));
    list.push_back(make_schedule(0.5, CosineLogOptions{.length = 15, .cycles = 3}));
    list.push_back(make_schedule(0.5, FlatCosineOptions{.length = 18, .flat = 0.3}));
    list.push_back(make_plateau(0.5, {.factor = 0.2, .patience = 3, .monitor = "r2", .mode = Mode::kMax}));
    list.push_back(
        make_warm_up(make_schedule(0.5, CosineOptions{}), {.steps = 2, .start = 0.3}, Per::kEpoch));
    return list;
  }();
  for (const auto& schedule : schedules) {
    const Json spec = schedule->to_json();
    const auto again = schedule_from_json(Json::parse(spec.dump()));
    CHECK(again->to_json() == spec);
    CHECK(rates(*again) == rates(*schedule));
  }
}

LAMINA_TEST(json_that_is_no_schedule_is_refused) {
  CHECK(schedule_from_json(Json(0.25))->rate() == 0.25);
  CHECK(sentence([] {
          schedule_from_json(Json::parse(R"({"kind": "cosin", "rate": 1})"));
        }).starts_with("schedule: unknown kind 'cosin'; expected one of constant, step, multi_step"));
  CHECK(sentence([] { schedule_from_json(Json::parse(R"({"kind": "step", "rate": 1})")); }) ==
        "StepSchedule: expected 'every', which is missing");
  CHECK(sentence([] {
          schedule_from_json(Json::parse(R"({"kind": "cosine", "rate": 1, "ende": 0})"));
        }).starts_with("CosineSchedule: unknown option 'ende'; expected some of"));
  CHECK(sentence([] { schedule_from_json(Json::parse(R"({"kind": "cosine", "rate": 1, "per": "row"})")); }) ==
        "CosineSchedule: expected per 'step' or 'epoch', got 'row'");
}

}  // namespace
}  // namespace lamina

LAMINA_TEST_MAIN
