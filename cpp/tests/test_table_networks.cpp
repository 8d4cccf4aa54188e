// Table models of several networks: means of their outputs, and files whose parts do not fit each other.
#include <cmath>
#include <string>
#include <vector>

#include "check.h"
#include "table_model_fixture.h"

namespace lamina::test::tables {
namespace {

// The model's file with a second network, whose weights are those of the first with another sign.
struct TwoNetworks {
  Fixture fixture;
  std::vector<double> shares{0.75, 0.25};
  std::vector<float> weight, bias{-0.1F};
  Json contents = fixture.contents();
  std::vector<TensorView> tensors = fixture.tensors();

  TwoNetworks() {
    for (const float value : fixture.weight) weight.push_back(-value);
    Json other = contents;
    other["record"] = Json::object({});
    Json record = contents.at("record");
    record["version"] = 3;
    record["networks"] = Json::Array{other};
    contents["record"] = record;
    tensors.push_back({"networks.shares", TensorType::kFloat64, {2}, shares.data()});
    tensors.push_back({"networks.1.layers.1.weight", TensorType::kFloat32, {1, 17}, weight.data()});
    tensors.push_back({"networks.1.layers.1.bias", TensorType::kFloat32, {1}, bias.data()});
  }
  std::string refused() const {
    write_model_file(place(), contents.dump(), tensors);
    return refusal([] { TableModel::load(place()); });
  }
};

LAMINA_TEST(the_outputs_of_several_networks_are_averaged_by_their_shares) {
  const TwoNetworks two;
  CHECK(two.refused().empty());
  const TableModel both = TableModel::load(place());
  CHECK(both.networks() == 2);
  const std::vector<double> one = model().outputs(Table().columns());
  const std::vector<double> mean = both.outputs(Table().columns());
  for (std::size_t row = 0; row < one.size(); ++row)
    CHECK(std::abs(mean[row] - (0.75 * one[row] + 0.25 * (1.0 - one[row]))) < 1e-6);
}

LAMINA_TEST(networks_that_do_not_fit_their_model_are_refused) {
  const auto with_tensor = [](std::size_t from_end, const auto& change) {
    TwoNetworks two;
    change(two.tensors[two.tensors.size() - from_end], two);
    return two.refused();
  };
  const auto holds = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(holds(with_tensor(3, [](TensorView& t, TwoNetworks&) { t.shape = {1}; }), "'shares'"));
  CHECK(holds(with_tensor(3, [](TensorView&, TwoNetworks& two) { two.shares[1] = 0.0; }), "above 0"));
  CHECK(holds(with_tensor(3, [](TensorView& t, TwoNetworks&) { t.name = "networks.weights"; }),
              "unknown tensor 'networks.weights'"));
  CHECK(holds(with_tensor(2, [](TensorView& t, TwoNetworks&) { t.name = "networks.2.layers.1.weight"; }),
              "unknown tensor 'networks.2.layers.1.weight'"));
  CHECK(holds(with_tensor(2, [](TensorView& t, TwoNetworks&) { t.shape = {17, 1}; }), "expected shape"));
  TwoNetworks none;
  none.contents = with(none.contents, {"record", "networks", "0"}, 3);
  CHECK(holds(none.refused(), "network 1: the description of the network is wrong"));
  TwoNetworks wide;
  wide.contents = with(wide.contents, {"record", "networks", "0", "network", "layers", "1", "units"}, 2);
  CHECK(holds(wide.refused(), "expected shape [2, 17]"));
}

}  // namespace
}  // namespace lamina::test::tables

LAMINA_TEST_MAIN
