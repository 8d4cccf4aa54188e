// Networks in model files, read in C++.
#include "model_io/network_file.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "check.h"
#include "layers/parameter.h"
#include "network/network.h"

using namespace lamina;

namespace {

constexpr const char* kNetwork = R"({"inputs":2,"layers":[{"kind":"layer_norm"},{"kind":"prelu"},
  {"kind":"residual","layers":[{"kind":"rms_norm"},{"kind":"scale","shift":true}]},
  {"kind":"dense","units":2},{"kind":"target_scaling"}]})";

// The outputs for one row of a network whose parameter k has the values k + 1, k + 2, ..., under the names
// that `rename` gives.
template <class Rename>
std::vector<double> outputs_of(Rename rename) {
  const Json network = Json::parse(kNetwork);
  const std::vector<Parameter> parameters = Network<float>::describe_parameters(network);
  std::vector<std::vector<float>> values;
  std::vector<TensorView> tensors;
  for (const Parameter& parameter : parameters) {
    std::vector<float> own(static_cast<std::size_t>(parameter.element_count()));
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = static_cast<float>(values.size() + i + 1);
    values.push_back(std::move(own));
  }
  for (std::size_t k = 0; k < parameters.size(); ++k)
    tensors.push_back(
        {rename(parameters[k].name), TensorType::kFloat32, parameters[k].shape, values[k].data()});
  const Json contents{{"network", network},
                      {"dtype", "float32"},
                      {"seed", 0},
                      {"epochs_trained", 0},
                      {"record", Json::parse("{}")}};
  const NetworkFile file =
      NetworkFile::parse(parse_model_file(serialize_model_file(contents.dump(), tensors)), "test");
  const double row[] = {1.0, -3.0};
  std::vector<double> outputs(2);
  CHECK(file.predict({row, kernels::SourceType::kF64, 1, 2, 16, 8}, outputs.data(),
                     [](int64_t) { return false; }));
  return outputs;
}

std::string replaced(std::string name, const std::string& from, const std::string& to) {
  const std::size_t at = name.find(from);
  return at == std::string::npos ? name : name.replace(at, from.size(), to);
}

}  // namespace

LAMINA_TEST(files_with_the_former_names_of_weights_are_read) {
  const std::vector<double> expected = outputs_of([](const std::string& name) { return name; });
  const std::vector<double> got = outputs_of([](std::string name) {
    name = replaced(name, "layers.0.weight", "layers.0.scale");
    name = replaced(name, "layers.0.bias", "layers.0.shift");
    name = replaced(name, "layers.1.weight", "layers.1.slope");
    name = replaced(name, "layers.2.layers.0.weight", "layers.2.layers.0.scale");
    name = replaced(name, "layers.2.layers.1.weight", "layers.2.layers.1.scale");
    return replaced(name, "layers.2.layers.1.bias", "layers.2.layers.1.shift");
  });
  CHECK(got == expected);
  CHECK(got[0] != got[1]);
}

LAMINA_TEST(names_that_no_version_wrote_are_refused) {
  for (const char* wrong : {"layers.0.slopes", "layers.0.shift"})
    CHECK_THROWS(
        outputs_of([&](const std::string& name) { return replaced(name, "layers.0.weight", wrong); }), Error);
  // The last layer has a scale of its own still.
  CHECK_THROWS(
      outputs_of([](const std::string& name) { return replaced(name, "layers.4.scale", "layers.4.weight"); }),
      Error);
}

LAMINA_TEST_MAIN
