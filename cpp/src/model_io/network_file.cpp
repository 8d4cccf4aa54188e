// Builds a network from its description and weights, and writes both.
#include "model_io/network_file.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "inference/evaluation.h"

namespace lamina {
namespace {

constexpr std::string_view kWeights = "layers.";
constexpr std::string_view kLowPart = ".mean_low";
constexpr std::size_t kShownNames = 6;

[[noreturn]] void fail(const std::string& source, const std::string& what) {
  throw Error(Error::Kind::kFormat, source + ": " + what);
}

// Calls make() and says of its refusals where they come from.
template <class Make>
auto described(const std::string& source, Make make) {
  try {
    return make();
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::kValue && error.kind() != Error::Kind::kType) throw;
    fail(source, std::string("the description of the network is wrong: ") + error.what());
  }
}

void check_contents(const Json& contents) {
  struct Field {
    const char* name;
    bool (Json::*is_kind)() const noexcept;
    const char* expected;
  };
  const auto wrong = [](const std::string& what) { throw Error(Error::Kind::kValue, what); };
  for (const auto& [name, is_kind, expected] :
       {Field{"network", &Json::is_object, "a description of layers"},
        Field{"dtype", &Json::is_text, "a name"}, Field{"seed", &Json::is_integer, "a whole number"},
        Field{"epochs_trained", &Json::is_integer, "a whole number"},
        Field{"record", &Json::is_object, "a record of options"}}) {
    const Json* value = contents.find(name);
    if (value == nullptr || !(value->*is_kind)())
      wrong(std::string("expected '") + name + "' as " + expected + ", got " +
            (value == nullptr ? "nothing" : value->dump().substr(0, 60)));
  }
  const Json& dtype = contents.at("dtype");
  if (!dtype.is("float32") && !dtype.is("float64"))
    wrong("expected dtype float32 or float64, got " + dtype.dump());
}

void check_feature_names(const Json& contents, std::int64_t inputs) {
  const Json* names = contents.find("feature_names");
  if (names == nullptr || names->is_null()) return;
  const bool list =
      names->is_array() && std::all_of(names->elements().begin(), names->elements().end(),
                                       [](const Json& n) { return n.is_text() || n.is_integer(); });
  if (!list)
    throw Error(Error::Kind::kValue,
                "expected feature_names as a list of names, got " + names->dump().substr(0, 60));
  if (std::ssize(names->elements()) != inputs)
    throw Error(Error::Kind::kValue, "expected " + std::to_string(inputs) + " feature_names, got " +
                                         std::to_string(names->elements().size()));
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "[" + text + "]";
}

using WeightsByName = std::map<std::string, const TensorView*, std::less<>>;

// Earlier versions called the weights of LayerNorm, RMSNorm, Scale and PReLU by other names.
void give_names_of_today(const std::vector<Parameter>& expected, WeightsByName& weights) {
  constexpr std::pair<std::string_view, std::string_view> kFormer[] = {
      {".weight", ".scale"}, {".weight", ".slope"}, {".bias", ".shift"}};
  for (const Parameter& parameter : expected)
    for (const auto& [now, before] : kFormer) {
      if (!parameter.name.ends_with(now) || weights.contains(parameter.name)) continue;
      const std::string former = parameter.name.substr(0, parameter.name.size() - now.size()).append(before);
      const bool still = std::any_of(expected.begin(), expected.end(),
                                     [&](const Parameter& other) { return other.name == former; });
      const auto found = still ? weights.end() : weights.find(former);
      if (found == weights.end()) continue;
      weights.emplace(parameter.name, found->second);
      weights.erase(former);
    }
}

// Refuses weights that are not the described network's before memory is taken for one.
void check_weights(const Json& network, bool is_double, const WeightsByName& weights) {
  const auto wrong = [](const std::string& what) { throw Error(Error::Kind::kValue, what); };
  std::vector<std::string> unlike;
  WeightsByName left = weights;
  for (const Parameter& parameter : Network<float>::describe_parameters(network)) {
    const auto found = weights.find(parameter.name);
    if (found == weights.end()) {
      // "layers.0.mean_low" belongs to "layers.0.mean".
      const std::string& name = parameter.name;
      const bool low = name.ends_with(kLowPart) && weights.contains(name.substr(0, name.size() - 4));
      if (!low) unlike.push_back(name);
      continue;
    }
    left.erase(parameter.name);
    const TensorView& tensor = *found->second;
    if (tensor.shape != parameter.shape)
      wrong(parameter.name + " expected shape " + shape_text(parameter.shape) + ", got " +
            shape_text(tensor.shape));
    if (tensor.type != (is_double ? TensorType::kFloat64 : TensorType::kFloat32))
      wrong(parameter.name + " expected dtype " + (is_double ? "float64" : "float32"));
  }
  for (const auto& [name, tensor] : left) unlike.push_back(name);
  if (unlike.empty()) return;
  std::sort(unlike.begin(), unlike.end());
  std::string names;
  for (std::size_t i = 0; i < std::min(unlike.size(), kShownNames); ++i)
    names += (i == 0 ? "" : ", ") + unlike[i];
  wrong("weights and description do not agree: " + names + (unlike.size() > kShownNames ? ", ..." : ""));
}

template <class T>
std::unique_ptr<Network<T>> build(const Json& description, const WeightsByName& weights) {
  auto network = std::make_unique<Network<T>>(description, std::nullopt);
  const std::vector<Parameter>& parameters = network->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    // Files written before means were kept in two parts have the first alone; the second is 0.
    const auto found = weights.find(parameters[i].name);
    if (found != weights.end()) network->set_parameter(i, static_cast<const T*>(found->second->data));
  }
  return network;
}

// The weights in the user's shapes, and the views that point into them.
template <class T>
struct Weights {
  std::vector<std::vector<T>> values;
  std::vector<TensorView> views;

  explicit Weights(const Network<T>& network) {
    const std::vector<Parameter>& parameters = network.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      values.emplace_back(static_cast<std::size_t>(parameters[i].element_count()));
      unpack_parameter(parameters[i], network.weights(), values.back().data());
      views.push_back({parameters[i].name, sizeof(T) == 4 ? TensorType::kFloat32 : TensorType::kFloat64,
                       parameters[i].shape, values.back().data()});
    }
  }
};

}  // namespace

NetworkFile NetworkFile::load(const std::filesystem::path& path) {
  return parse(read_model_file(path), path.string());
}

NetworkFile NetworkFile::parse(std::span<const std::byte> bytes) {
  return parse(parse_model_file(bytes), "model data");
}

NetworkFile NetworkFile::parse(const ModelFile& file, const std::string& source) {
  std::vector<TensorView> weights, others;
  for (const TensorView& tensor : file.tensors)
    (tensor.name.starts_with(kWeights) ? weights : others).push_back(tensor);
  Json contents = described(source, [&] { return Json::parse(file.record); });
  NetworkFile loaded = of(std::move(contents), weights, source);
  loaded.storage_ = file.storage;
  loaded.tensors_ = std::move(others);
  return loaded;
}

NetworkFile NetworkFile::of(Json contents, const std::vector<TensorView>& tensors,
                            const std::string& source) {
  NetworkFile loaded;
  WeightsByName weights;
  for (const TensorView& tensor : tensors) weights.emplace(tensor.name, &tensor);
  described(source, [&] {
    loaded.contents_ = std::move(contents);
    check_contents(loaded.contents_);
    const Json& description = loaded.contents_.at("network");
    const bool is_double = loaded.contents_.at("dtype").is("float64");
    give_names_of_today(Network<float>::describe_parameters(description), weights);
    check_weights(description, is_double, weights);
    if (!is_double)
      loaded.network_ = build<float>(description, weights);
    else if constexpr (kHasFloat64)
      loaded.network_ = build<double>(description, weights);
    else
      refuse_float64();
    check_feature_names(loaded.contents_, loaded.inputs());
    return 0;
  });
  return loaded;
}

void NetworkFile::save(const std::filesystem::path& path) const {
  std::visit(
      [&](const auto& network) {
        const Weights weights(*network);
        std::vector<TensorView> views = weights.views;
        views.insert(views.end(), tensors_.begin(), tensors_.end());
        write_model_file(path, contents_.dump(), views);
      },
      network_);
}

std::vector<std::byte> NetworkFile::bytes() const {
  return std::visit(
      [&](const auto& network) {
        const Weights weights(*network);
        std::vector<TensorView> views = weights.views;
        views.insert(views.end(), tensors_.begin(), tensors_.end());
        return serialize_model_file(contents_.dump(), views);
      },
      network_);
}

std::int64_t NetworkFile::inputs() const {
  return std::visit([](const auto& network) { return network->inputs(); }, network_);
}

std::int64_t NetworkFile::outputs() const {
  return std::visit([](const auto& network) { return network->outputs(); }, network_);
}

Json NetworkFile::layer(std::size_t index) const {
  return std::visit([&](const auto& network) { return network->layers().at(index)->spec(); }, network_);
}

const Json& NetworkFile::feature_names() const {
  static const Json none;
  const Json* names = contents_.find("feature_names");
  return names == nullptr ? none : *names;
}

const Json& NetworkFile::record() const { return contents_.at("record"); }

bool NetworkFile::predict(const ArraySource& inputs, double* outputs, Poll poll) const {
  return std::visit(
      [&]<class T>(const std::unique_ptr<Network<T>>& network) {
        if constexpr (sizeof(T) == sizeof(double)) {
          return lamina::predict(*network, network->weights(), inputs, outputs, poll);
        } else {
          std::vector<T> narrow(static_cast<std::size_t>(inputs.rows * network->outputs()));
          if (!lamina::predict(*network, network->weights(), inputs, narrow.data(), poll)) return false;
          std::copy(narrow.begin(), narrow.end(), outputs);
          return true;
        }
      },
      network_);
}

}  // namespace lamina
