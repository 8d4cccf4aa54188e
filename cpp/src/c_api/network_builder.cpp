// Networks built by calls: the description of their layers, each checked as it is added.
#include <utility>

#include "c_api/handles.h"
#include "c_api/network_builder.h"
#include "c_api/options.h"
#include "layers/layer.h"

namespace lamina::c {
namespace {

lamina_network& given_network(lamina_network* network) {
  check_given(network, "network", "one that lamina_network_create gave");
  return *network;
}

void add_layer(lamina_network& network, Json layer) {
  make_layer<float>(layer);
  network.open.back().layers.push_back(std::move(layer));
}

}  // namespace

Json layers_of(const lamina_network* network) {
  check_given(network, "network", "one that lamina_network_create gave");
  if (network->open.size() > 1)
    fail(Error::Kind::kState, {"the block '", network->open.back().block.at("kind").text(),
                               "' is still open; call lamina_network_end first"});
  if (network->open.front().layers.empty()) fail_value({"network has no layers; expected at least one"});
  return {{"inputs", network->inputs}, {"layers", network->open.front().layers}};
}

}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

lamina_status lamina_network_create(size_t inputs, lamina_network** network) {
  return guarded(__func__, [&] {
    check_given(network, "network", "where the network is to go");
    if (inputs < 1 || inputs > static_cast<size_t>(kMostColumns))
      fail_value({"inputs is ", inputs, "; expected 1 to ", kMostColumns});
    auto made = std::make_unique<lamina_network>();
    made->inputs = static_cast<int64_t>(inputs);
    made->open.emplace_back();
    *network = made.release();
  });
}

void lamina_network_free(lamina_network* network) { delete network; }

lamina_status lamina_network_add_dense(lamina_network* network, size_t units, const char* activation) {
  return guarded(__func__, [&] {
    Json layer{{"kind", "dense"}, {"units", count_of(units, "units")}};
    if (activation != nullptr) layer["activation"] = text_of(activation, "activation");
    add_layer(given_network(network), std::move(layer));
  });
}

lamina_status lamina_network_add(lamina_network* network, const char* kind, const lamina_option* options,
                                 size_t count) {
  return guarded(__func__, [&] {
    add_layer(given_network(network), required_description(kind, options, count, "layer"));
  });
}

lamina_status lamina_network_begin(lamina_network* network, const char* kind, const lamina_option* options,
                                   size_t count) {
  return guarded(__func__, [&] {
    lamina_network& given = given_network(network);
    Json block = required_description(kind, options, count, "layer");
    if (!block.at("kind").is("residual") && !block.at("kind").is("ensemble"))
      fail_value({"kind is '", kind, "'; expected a layer that holds layers, 'residual' or 'ensemble'"});
    if (block.find("layers") != nullptr)
      fail_value({"option 'layers' is given; expected the layers from the calls until lamina_network_end"});
    given.open.push_back({std::move(block), {}});
  });
}

lamina_status lamina_network_end(lamina_network* network) {
  return guarded(__func__, [&] {
    lamina_network& given = given_network(network);
    if (given.open.size() < 2)
      fail(Error::Kind::kState, {"no block is open; expected lamina_network_begin before it"});
    Json block = given.open.back().block;
    block["layers"] = given.open.back().layers;
    make_layer<float>(block);
    given.open[given.open.size() - 2].layers.push_back(std::move(block));
    given.open.pop_back();
  });
}

lamina_status lamina_model_create(const lamina_network* network, lamina_type type, uint64_t seed,
                                  lamina_model** model) {
  return guarded(__func__, [&] {
    const Json layers = layers_of(network);
    check_given(model, "model", "where the model is to go");
    if (number_of(type) != LAMINA_FLOAT32 && number_of(type) != LAMINA_FLOAT64)
      fail_value({"type is ", number_of(type), "; expected LAMINA_FLOAT32 or LAMINA_FLOAT64"});
    auto made = std::make_unique<lamina_model>();
    made->network = std::make_unique<TrainableNetwork>(layers, number_of(type) == LAMINA_FLOAT64, seed);
    const Json contents = made->network->contents();
    made->description = Json{{"network", contents.at("network")}, {"dtype", contents.at("dtype")}}.dump();
    *model = made.release();
  });
}
}
