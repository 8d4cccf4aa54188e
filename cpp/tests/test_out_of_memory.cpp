// Lets every single allocation fail in turn: each call then raises, leaks nothing, leaves its object as it
// was.
#include <array>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "base/json.h"
#include "check.h"
#include "failing_allocator.h"
#include "inference/predictor.h"
#include "model_file/model_file.h"
#include "training/model.h"

namespace {

using namespace lamina;
using namespace lamina::test;

const char* const kSpec = R"({"inputs": 4, "layers": [{"kind": "dense", "units": 6,
  "activation": {"kind": "leaky_relu", "negative_slope": 0.1}}, {"kind": "batch_norm"},
  {"kind": "residual", "layers": [{"kind": "dense", "units": 6}, {"kind": "prelu"}]},
  {"kind": "affine", "scale": [1, 2, 3, 4, 5, 6]}, {"kind": "dense", "units": 2, "activation": "softmax"}]})";

// Calls `call` with its n-th allocation failing, alone or with all after it, for n from 1 until it succeeds.
// Returns how many n there were.
template <class Call>
long try_all(const char* name, bool alone, Call call) {
  call();  // caches and statics are there from now on
  for (long n = 1;; ++n) {
    const long before = live_blocks;
    bool failed = false;
    only_one = alone;
    allocations = 0;
    fail_at = n;
    try {
      call();
    } catch (const std::bad_alloc&) {
      failed = true;
    } catch (const Error& error) {
      failed = error.kind() == Error::Kind::kMemory;
      if (!failed) lamina::test::fail(name, static_cast<int>(n), error.what());
    }
    fail_at = 0;
    if (live_blocks != before)
      lamina::test::fail(name, static_cast<int>(n), std::to_string(live_blocks - before) + " blocks leak");
    if (!failed && allocations < n) return n - 1;
  }
}

template <class Call>
void check_all(const char* name, Call call) {
  for (const bool alone : {false, true}) CHECK(try_all(name, alone, call) > 0);
}

DataSet<float> data_set(const std::vector<float>& x, const std::vector<int32_t>& y) {
  DataSet<float> data;
  const auto rows = static_cast<int64_t>(y.size());
  data.inputs = {x.data(), kernels::SourceType::kF32, rows, 4, 16, 4};
  data.targets.classes = y.data();
  return data;
}

constexpr auto never = [](int64_t) { return false; };

struct Example {
  Model<float> model{Json::parse(kSpec), 1};
  std::vector<float> x;
  std::vector<int32_t> y;

  Example() {
    for (int i = 0; i < 4 * 40; ++i) x.push_back(static_cast<float>(i * 37 % 101) / 101.0F);
    for (int i = 0; i < 40; ++i) y.push_back(i % 2);
  }
  std::vector<float> weights() const {
    const Network<float>& network = model.network();
    return {network.weights(), network.weights() + network.flat_size()};
  }
};

LAMINA_TEST(descriptions_are_read_and_written) {
  check_all("json", [] { (void)Json::parse(kSpec).dump(); });
  check_all("network", [] { (void)Network<float>(Json::parse(kSpec), 1).spec(); });
  check_all("loss",
            [] { (void)loss_from_json(Json::parse(R"({"kind": "quantile", "level": [0.1, 0.9]})")); });
  check_all("optimizer", [] {
    (void)optimizer_to_json(optimizer_from_json(Json::parse(R"({"kind": "nadam", "clip_norm": 1})"))).dump();
  });
}

LAMINA_TEST(errors_of_descriptions_are_made_or_replaced) {
  for (const char* text : {"{\"kind\": \"dense\", \"units\": \"x\"}", "[1, {}", "{\"kind\": \"nothing\"}"})
    check_all("error", [&] {
      try {
        (void)make_layer<float>(Json::parse(text));
      } catch (const Error& error) {
        if (error.kind() != Error::Kind::kValue) throw;
      }
    });
}

LAMINA_TEST(model_files_are_written_and_read) {
  const std::vector<float> values(12, 0.5F);
  const std::vector<TensorView> tensors = {{"layers.0.weight", TensorType::kFloat32, {3, 4}, values.data()},
                                           {"extra", TensorType::kUint8, {5}, values.data()}};
  const std::string path = (std::filesystem::temp_directory_path() / "lamina_out_of_memory.lamina").string();
  check_all("write", [&] { write_model_file(path, R"({"a": [1, {"b": "c"}]})", tensors); });
  check_all("read", [&] { (void)read_model_file(path); });
  check_all("serialize and parse",
            [&] { (void)parse_model_file(serialize_model_file(R"({"a": [1, {"b": "c"}]})", tensors)); });
  std::filesystem::remove(path);
}

LAMINA_TEST(predicting_and_evaluating_fail_alone) {
  set_num_threads(2, true);
  const Example example;
  const LossSpec loss = loss_from_json("cross_entropy");
  std::vector<float> outputs(80);
  const DataSet<float> data = data_set(example.x, example.y);
  check_all("predict", [&] { example.model.predict(data.inputs, outputs.data(), never); });
  check_all("evaluate", [&] { (void)example.model.evaluate(data, loss, nullptr, never); });
  check_all("predictor", [&] {
    const Predictor<float> predictor(example.model.network(), example.model.network().weights());
    predictor.predict_row(example.x.data(), outputs.data());
  });
}

// An epoch that fails for want of memory has changed nothing, and the same epoch succeeds afterwards.
template <class Train>
void check_training(const char* name, Train train) {
  for (const bool alone : {false, true})
    for (long n = 1;; ++n) {
      Example example;
      const std::vector<float> before = example.weights();
      bool failed = false;
      only_one = alone;
      allocations = 0;
      fail_at = n;
      try {
        train(example);
      } catch (const std::bad_alloc&) {
        failed = true;
      } catch (const Error& error) {
        failed = true;
        CHECK(error.kind() == Error::Kind::kMemory);
      }
      fail_at = 0;
      if (!failed && allocations < n) break;
      if (!failed) continue;
      if (example.weights() != before) lamina::test::fail(name, static_cast<int>(n), "weights have changed");
      train(example);
      CHECK(example.weights() != before);
    }
}

LAMINA_TEST(training_fails_with_the_weights_as_they_were) {
  set_num_threads(2, true);
  for (const char* rule : {"adam", "muon"}) {
    check_training(rule, [&](Example& example) {
      Optimizer<float> optimizer = example.model.make_optimizer(optimizer_from_json(rule));
      const LossSpec loss = loss_from_json("cross_entropy");
      const DataSet<float> data = data_set(example.x, example.y);
      const EpochRequest request{.epoch = 0, .batch_size = 8, .seed = 1, .accumulate = 2};
      (void)example.model.run_epoch(data, loss, request, optimizer, nullptr, nullptr, never);
    });
    check_training(rule, [&](Example& example) {
      Optimizer<float> optimizer = example.model.make_optimizer(optimizer_from_json(rule));
      const DataSet<float> data = data_set(example.x, example.y);
      (void)example.model.value_and_gradient(data, loss_from_json("cross_entropy"), 1, 0, false, never);
      example.model.apply_gradients(optimizer);
    });
  }
}

}  // namespace

LAMINA_TEST_MAIN
