// Blocks follow the caches that are reported, and results do not depend on them.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/caches.h"
#include "check.h"
#include "fit_support.h"
#include "network/work_sizes.h"

namespace {

using namespace lamina;
using namespace lamina::test;
using kernels::Blocking;
using kernels::blocking_for;

constexpr int64_t kKiB = 1024, kMiB = 1024 * kKiB;

// Blocks in use for the length of a scope.
class Blocks {
 public:
  explicit Blocks(const Blocking& blocking) : before_(kernels::blocking()) {
    kernels::set_blocking(blocking);
  }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;
  ~Blocks() { kernels::set_blocking(before_); }

 private:
  const Blocking before_;
};

constexpr Caches kSmall{8 * kKiB, 64 * kKiB, 1 * kMiB, false},
    kSmallAndSlow{8 * kKiB, 64 * kKiB, 1 * kMiB, true};
constexpr Caches kZen4{32 * kKiB, 1 * kMiB, 32 * kMiB, false},
    kSapphireRapids{48 * kKiB, 2 * kMiB, 105 * kMiB, true};

// Blocks that no cache asks for: uneven, and smaller than a row.
Blocking odd_blocking() {
  Blocking odd;
  odd.panel_bytes = 1000;
  odd.row_major_rows = 7;
  odd.function_rows = 5;
  odd.packed_bytes = 300 * kKiB;
  odd.least_tile = 11;
  odd.small_bytes = 3 * kKiB;
  odd.medium_bytes = 5 * kKiB;
  odd.tile_bytes = 20 * kKiB;
  return odd;
}

// The weights after some steps of a network whose products have several panels, and whose layers end in
// activations that tiles apply and that blocks apply.
template <class T>
std::vector<T> trained(int64_t batch, int threads) {
  constexpr int64_t kRows = 600, kInputs = 70;
  const Json spec = Json::parse(R"({"inputs":70,"layers":[{"kind":"dense","units":290,"activation":"relu"},)"
                                R"({"kind":"dense","units":45,"activation":"tanh"},)"
                                R"({"kind":"dense","units":3,"activation":"softmax"}]})");
  Model<T> model(spec, 5, Execution(threads));
  std::vector<float> x(static_cast<size_t>(kRows * kInputs));
  std::vector<int32_t> y(static_cast<size_t>(kRows));
  const RandomStream random(7, StreamTag::kUser);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal(i));
  for (size_t i = 0; i < y.size(); ++i) y[i] = static_cast<int32_t>(i * 7 % 3);
  DataSet<T> data;
  data.inputs = {x.data(), kernels::SourceType::kF32, kRows, kInputs, 4 * kInputs, 4};
  data.targets.classes = y.data();
  const LossSpec loss = loss_from_json(Json("cross_entropy"));
  auto optimizer = model.make_optimizer(optimizer_from_json(Json::parse(R"({"kind":"adam"})")));
  for (int64_t epoch = 1; epoch <= 2; ++epoch)
    model.run_epoch(data, loss, {.epoch = epoch, .batch_size = batch}, optimizer, nullptr, nullptr,
                    [](int64_t) { return false; });
  return weights_of(model);
}

template <class T>
std::vector<T> predicted() {
  Problem problem(300, 0);
  const Network<T> network(network_spec(Problem::kInputs, 3, "softmax"), 3);
  const DataSet<float> rows = problem.part(0, 300);
  std::vector<T> out(900);
  Model<T> model(network_spec(Problem::kInputs, 3, "softmax"), 3, Execution(1));
  model.predict(rows.inputs, out.data(), [](int64_t) { return false; });
  return out;
}

template <class T>
void check_same_bits() {
  for (const int64_t batch : {17, 300, 600}) {
    const std::vector<T> usual = trained<T>(batch, 1);
    for (const Blocking& blocking : {odd_blocking(), blocking_for(kSmall), blocking_for(kSmallAndSlow),
                                     blocking_for(kZen4), blocking_for(kSapphireRapids)}) {
      const Blocks in_use(blocking);
      CHECK(trained<T>(batch, 1) == usual);
      if (batch == 300) CHECK(trained<T>(batch, 2) == usual);
    }
  }
  const std::vector<T> usual = predicted<T>();
  const Blocks in_use(odd_blocking());
  CHECK(predicted<T>() == usual);
}

LAMINA_TEST(training_and_prediction_have_the_same_bits_with_any_blocks) {
  check_same_bits<float>();
  check_same_bits<double>();
}

LAMINA_TEST(a_core_like_zen_4_has_the_blocks_that_were_measured_there) {
  const Blocking zen = blocking_for(kZen4), usual;
  CHECK(zen.panel_bytes == usual.panel_bytes && zen.row_major_rows == usual.row_major_rows);
  CHECK(zen.function_rows == usual.function_rows && zen.packed_bytes == 0);
  const Blocks in_use(zen);
  CHECK(row_tile(1 * kMiB, 8192) == 48);
  CHECK(row_tile(2 * kMiB, 8192) == 96);
  CHECK(row_tile(25 * kMiB, 8192) == 192);
}

LAMINA_TEST(where_the_third_level_is_slow_gradients_pass_over_32_rows_and_inputs_are_packed) {
  const Blocking blocking = blocking_for(kSapphireRapids);
  CHECK(blocking.row_major_rows == 32);
  CHECK(blocking.packed_bytes == 512 * kKiB);
  CHECK(blocking.panel_bytes == 512 * kKiB);
  const Blocks in_use(blocking);
  // A tile's rows, a panel and the next one fit the second level together.
  const int64_t rows = row_tile(25 * kMiB, 8256);
  CHECK(rows == 144);
  CHECK(rows * 8256 + 2 * blocking.panel_bytes <= kSapphireRapids.level2 + 256 * kKiB);
}

LAMINA_TEST(sizes_that_no_cache_has_give_way_to_usual_ones) {
  const Caches usual, none = plausible_caches({0, 0, 0, true}),
                      endless = plausible_caches({int64_t{1} << 40, -1, int64_t{1} << 50, false});
  CHECK(none.level1 == usual.level1 && none.level2 == usual.level2 && none.level3 == usual.level3);
  CHECK(none.slow_level3);
  CHECK(endless.level1 == usual.level1 && endless.level2 == usual.level2 && endless.level3 == usual.level3);
}

LAMINA_TEST(this_processor_reports_caches_that_grow_from_level_to_level) {
  CHECK(caches().level1 < caches().level2);
  CHECK(caches().level2 <= caches().level3);
}

}  // namespace

LAMINA_TEST_MAIN
