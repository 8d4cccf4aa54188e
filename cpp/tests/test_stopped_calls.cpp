// Calls that a poll stops: epochs leave the weights of the last whole update, the others those there were.
#include <cstdint>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/thread_count.h"
#include "check.h"
#include "fit_support.h"
#include "training/model.h"

using namespace lamina;
using namespace lamina::test;

namespace {

constexpr int64_t kBatch = 500;
constexpr size_t kRows = 15000, kInputs = 300;

constexpr const char* kNetwork = R"({"inputs":300,"layers":[
  {"kind":"dense","units":300,"activation":"relu"}, {"kind":"batch_norm"},
  {"kind":"dense","units":3,"activation":"softmax"}]})";

// Long epochs, since a poll is asked every 20 ms at most.
struct Case {
  Case();
  EpochRecord run(int64_t rows, const char* optimizer, int64_t accumulate, Poll poll);

  std::vector<float> x;
  std::vector<int32_t> y;
  Model<float> model;
};

Case::Case() : x(kRows * kInputs), y(kRows), model(Json::parse(kNetwork), 1) {
  const RandomStream random(3, StreamTag::kUser);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal(i));
  for (size_t i = 0; i < y.size(); ++i) y[i] = x[i * kInputs] > 0.0f ? 1 : 0;
}

EpochRecord Case::run(int64_t rows, const char* optimizer, int64_t accumulate, Poll poll) {
  DataSet<float> data;
  data.inputs = {x.data(), kernels::SourceType::kF32, rows, int64_t{kInputs}, int64_t{4 * kInputs}, 4};
  data.targets.classes = y.data();
  Optimizer<float> by = model.make_optimizer(optimizer_from_json(Json::parse(optimizer)));
  const EpochRequest request{
      .epoch = 1, .batch_size = kBatch, .shuffle = false, .seed = 0, .accumulate = accumulate};
  return model.run_epoch(data, loss_from_json(Json("cross_entropy")), request, by, nullptr, nullptr, poll);
}

// Stops at the `times`-th time the poll is asked, and compares with the whole updates alone.
void stop_at(int times, const char* optimizer, int64_t accumulate) {
  Case stopped, whole;
  int asked = 0;
  const EpochRecord record =
      stopped.run(int64_t{kRows}, optimizer, accumulate, [&](int64_t) { return ++asked == times; });
  CHECK(record.cancelled == (asked >= times));
  CHECK(record.cancelled || times > 1);
  CHECK(record.cancelled || record.steps * kBatch * accumulate == int64_t{kRows});
  if (record.steps > 0)
    CHECK(!whole.run(record.steps * kBatch * accumulate, optimizer, accumulate, [](int64_t) { return false; })
               .cancelled);
  CHECK(weights_of(stopped.model) == weights_of(whole.model));
}

}  // namespace

LAMINA_TEST(an_epoch_that_is_stopped_has_the_weights_of_its_whole_updates) {
  for (const int threads : {1, 2}) {
    set_num_threads(threads, true);
    for (const int times : {1, 2, 4}) {
      stop_at(times, R"({"kind":"adam"})", 1);
      stop_at(times, R"({"kind":"adam"})", 3);
      stop_at(times, R"({"kind":"muon","first_and_last":true})", 1);
    }
  }
}

LAMINA_TEST(drawing_first_weights_and_predicting_say_whether_they_were_stopped) {
  constexpr const char* kWide = R"({"inputs":2000,"layers":[{"kind":"dense","units":3000},
    {"kind":"dense","units":1}]})";
  const auto never = [](int64_t) { return false; };
  const auto at_once = [](int64_t) { return true; };
  Model<float> model(Json::parse(kWide), 1);
  const std::vector<float> first = weights_of(model);
  CHECK(!model.initialize(2, at_once));
  CHECK(weights_of(model) == first);
  CHECK(model.initialize(2, never));
  CHECK(weights_of(model) != first);

  const std::vector<float> x(2000 * 2000, 0.5f);
  std::vector<float> outputs(2000, -1.0f);
  const ArraySource rows{x.data(), kernels::SourceType::kF32, 2000, 2000, 4 * 2000, 4};
  CHECK(!model.predict(rows, outputs.data(), at_once));
  CHECK(model.predict(rows, outputs.data(), never));
  CHECK(outputs.back() == outputs.front());
}

LAMINA_TEST_MAIN
