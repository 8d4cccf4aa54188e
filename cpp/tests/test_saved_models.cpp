// What files may hold beside a model, by the C++ interface: weights in half the bits, and self-tests.
#include <bit>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "model_file/half_floats.h"
#include "model_io/network_file.h"
#include "table_model_fixture.h"

namespace {

using namespace lamina;
using test::tables::refusal;

NetworkFile network(float weight) {
  const std::vector<float> weights{weight, 0.1F, -3.0F, 1e-8F}, bias{0.3F, 70000.0F};
  const std::vector<TensorView> tensors{{"layers.0.weight", TensorType::kFloat32, {2, 2}, weights.data()},
                                        {"layers.0.bias", TensorType::kFloat32, {2}, bias.data()}};
  const Json contents{{"network", Json::parse(R"({"inputs":2,"layers":[{"kind":"dense","units":2}]})")},
                      {"dtype", "float32"},
                      {"seed", 0},
                      {"epochs_trained", 0},
                      {"record", Json::object({})}};
  return NetworkFile::of(contents, tensors, "test");
}

std::vector<double> outputs_of(const NetworkFile& file, const ArraySource& rows) {
  std::vector<double> outputs(static_cast<std::size_t>(rows.rows * file.outputs()));
  CHECK(file.predict(rows, outputs.data(), [](std::int64_t) { return false; }));
  return outputs;
}

const std::vector<double> kRows{1.0, 2.0, 0.5, -4.0, 0.0, 1e3};
const ArraySource kSource{kRows.data(), kernels::SourceType::kF64, 3, 2, 16, 8};

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

LAMINA_TEST(numbers_of_16_bits_widen_and_come_back) {
  for (const TensorType type : {TensorType::kFloat16, TensorType::kBfloat16})
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
      const float wide = widened(static_cast<std::uint16_t>(bits), type);
      if (!std::isnan(wide)) CHECK(narrowed(wide, type) == bits);
      if (std::isnan(wide)) CHECK(std::isnan(widened(narrowed(wide, type), type)));
    }
}

LAMINA_TEST(halves_are_rounded_to_even_and_to_infinity) {
  CHECK(widened(narrowed(2049.0F, TensorType::kFloat16), TensorType::kFloat16) == 2048.0F);
  CHECK(widened(narrowed(2051.0F, TensorType::kFloat16), TensorType::kFloat16) == 2052.0F);
  CHECK(narrowed(65519.996F, TensorType::kFloat16) == 0x7BFF);
  CHECK(narrowed(65520.0F, TensorType::kFloat16) == 0x7C00);
  CHECK(narrowed(std::ldexp(1.0F, -25), TensorType::kFloat16) == 0);  // half of the least, to even
  CHECK(narrowed(std::ldexp(1.5F, -25), TensorType::kFloat16) == 1);
  CHECK(narrowed(std::numeric_limits<float>::max(), TensorType::kBfloat16) == 0x7F80);
}

LAMINA_TEST(a_network_is_stored_in_16_bits_with_a_self_test_of_what_was_stored) {
  const NetworkFile original = network(0.7F);
  for (const TensorType type : {TensorType::kFloat16, TensorType::kBfloat16}) {
    const std::vector<std::byte> file = original.bytes({.weights = type, .selftest = kSource});
    const NetworkFile loaded = NetworkFile::parse(file, {.selftest = true});
    CHECK(!loaded.is_double() && loaded.tensors().empty());
    CHECK(outputs_of(loaded, kSource) != outputs_of(original, kSource));
    // Vectors stay as they are, whatever the type can hold.
    const std::vector<double> zeros(2),
        bias = outputs_of(loaded, {zeros.data(), kernels::SourceType::kF64, 1, 2, 16, 8});
    CHECK(bias[1] == 70000.0);
    CHECK(NetworkFile::parse(loaded.bytes()).bytes() == loaded.bytes());
  }
  CHECK(contains(refusal([] { (void)network(70000.0F).bytes({.weights = TensorType::kFloat16}); }),
                 "save: layers.0.weight holds 70000.0, beyond 65504.0, the greatest number of float16"));
  CHECK(contains(refusal([] { (void)network(1.0F).bytes({.weights = TensorType::kUint8}); }), "got uint8"));
}

LAMINA_TEST(a_self_test_of_other_outputs_or_rows_is_refused) {
  const std::vector<std::byte> file = network(0.7F).bytes({.selftest = kSource});
  ModelFile parsed = parse_model_file(file);
  std::vector<double> outputs(6);
  for (TensorView& tensor : parsed.tensors)
    if (tensor.name == kSelfTestOutputs) {
      std::copy_n(static_cast<const double*>(tensor.data), outputs.size(), outputs.begin());
      outputs[3] = std::nextafter(outputs[3], 1e9);
      tensor.data = outputs.data();
    }
  const std::vector<std::byte> changed = serialize_model_file(parsed.record, parsed.tensors, kFormatMinor);
  CHECK(contains(refusal([&] { NetworkFile::parse(changed, {.selftest = true}); }),
                 "its self-test fails: row 1, output 1 (from 0) was "));
  CHECK(refusal([&] { NetworkFile::parse(changed); }).empty());
  CHECK(contains(refusal([] { NetworkFile::parse(network(1.0F).bytes(), {.selftest = true}); }),
                 "expected a self-test in the file, but it has none"));
  const ArraySource narrow{kRows.data(), kernels::SourceType::kF64, 3, 1, 16, 8};
  CHECK(contains(refusal([&] { (void)network(1.0F).bytes({.selftest = narrow}); }), "save: selftest"));
}

LAMINA_TEST(a_table_model_stores_rows_of_cells_and_is_read_by_pages) {
  const test::tables::Table table;
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / "lamina_saved_table_model.lamina";
  test::tables::model().save(
      path, {.weights = TensorType::kBfloat16, .selftest = {}, .selftest_rows = table.rows()});
  for (const bool map : {false, true}) {
    const TableModel loaded = TableModel::load(path, {.map = map, .selftest = true});
    CHECK(loaded.outputs(table.columns()).size() == 4);
    CHECK(TableModel::parse(loaded.bytes()).outputs(table.columns()) == loaded.outputs(table.columns()));
  }
  std::filesystem::remove(path);
  const std::vector<std::vector<Cell>> endless{
      {std::numeric_limits<double>::infinity(), Cell(), Cell(), Cell()}};
  CHECK(contains(refusal([&] {
                   (void)test::tables::model().bytes(
                       {.weights = {}, .selftest = {}, .selftest_rows = endless});
                 }),
                 "expected finite numbers, got infinity"));
}

}  // namespace

LAMINA_TEST_MAIN
