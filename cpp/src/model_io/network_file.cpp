// Builds a network from its description and weights, and writes both.
#include "model_io/network_file.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "inference/evaluation.h"
#include "model_file/half_floats.h"
#include "model_file/in_quotes.h"

namespace lamina {
namespace {

constexpr std::string_view kWeights = "layers.";
constexpr std::string_view kFurther = "networks.";
constexpr std::string_view kLowPart = ".mean_low";
constexpr std::size_t kShownNames = 6;

[[noreturn]] void fail(std::string_view source, TextParts what) {
  throw_error(Error::Kind::kFormat, {source, ": ", what});
}

std::string prefix_of(std::size_t number) { return concat({kFurther, number, "."}); }

// Calls make() and says of its refusals where they come from.
template <class Make>
auto described(const std::string& source, Make make) {
  try {
    return make();
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::kValue && error.kind() != Error::Kind::kType) throw;
    fail(source, {"the description of the network is wrong: ", error.what()});
  }
}

// Integers beyond 63 bits are positive.
bool is_natural(const Json& value) { return value.is_integer() && value.integer() >= 0; }

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
      wrong(concat({"expected '", name, "' as ", expected, ", got ",
                    (value == nullptr ? "nothing" : value->dump().substr(0, 60))}));
  }
  constexpr std::int64_t kCountable = std::int64_t{1} << 44;  // as Python's checks have it
  if (!is_natural(contents.at("seed"))) wrong("expected a seed of at least 0");
  const Json& epochs = contents.at("epochs_trained");
  if (!is_natural(epochs) || epochs.integer() >= kCountable)
    wrong(concat({"expected epochs_trained from 0 to 2^44 - 1, got ", epochs.dump()}));
  const Json& dtype = contents.at("dtype");
  if (!dtype.is("float32") && !dtype.is("float64"))
    wrong(concat({"expected dtype float32 or float64, got ", dtype.dump()}));
}

void check_feature_names(const Json& contents, std::int64_t inputs) {
  const Json* names = contents.find("feature_names");
  if (names == nullptr || names->is_null()) return;
  const bool list =
      names->is_array() && std::all_of(names->elements().begin(), names->elements().end(),
                                       [](const Json& n) { return n.is_text() || n.is_integer(); });
  if (!list)
    throw_error(Error::Kind::kValue,
                {"expected feature_names as a list of names, got ", names->dump().substr(0, 60)});
  if (std::ssize(names->elements()) != inputs)
    throw_error(Error::Kind::kValue, {"expected ", inputs, " feature_names, got ", names->elements().size()});
}

// Takes the member off the object; null where there is none. Values are moved, as a record may be large.
Json take_member(Json& object, const std::string& key) {
  Json::Object left;
  for (const Json::Member& member : object.members())
    if (member.key != key) left.push_back({member.key, std::move(object[member.key])});
  Json taken = object.find(key) == nullptr ? Json() : std::move(object[key]);
  object = Json::object(std::move(left));
  return taken;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += concat({(text.empty() ? "" : ", "), extent});
  return concat({"[", text, "]"});
}

using WeightsByName = std::map<std::string, const TensorView*, std::less<>>;

// Earlier versions called the weights of LayerNorm, RMSNorm, Scale and PReLU by other names.
void give_names_of_today(const std::vector<Parameter>& expected, WeightsByName& weights) {
  constexpr std::pair<std::string_view, std::string_view> kFormer[] = {
      {".weight", ".scale"}, {".weight", ".slope"}, {".bias", ".shift"}};
  std::unordered_set<std::string_view> names;
  for (const Parameter& parameter : expected) names.insert(parameter.name);
  for (const Parameter& parameter : expected)
    for (const auto& [now, before] : kFormer) {
      if (!parameter.name.ends_with(now) || weights.contains(parameter.name)) continue;
      const std::string former = parameter.name.substr(0, parameter.name.size() - now.size()).append(before);
      const auto found = names.contains(former) ? weights.end() : weights.find(former);
      if (found == weights.end()) continue;
      weights.emplace(parameter.name, found->second);
      weights.erase(former);
    }
}

constexpr const char* type_name(bool is_double) noexcept { return is_double ? "float64" : "float32"; }

// Widened to float32 where they are stored in half of it.
template <class T>
std::span<const T> values_of(const TensorView& tensor, std::vector<T>& wide) {
  const std::size_t count = tensor.element_count();
  if constexpr (sizeof(T) == sizeof(float)) {
    if (element_size(tensor.type) == sizeof(std::uint16_t)) {
      wide.resize(count);
      widen({static_cast<const std::uint16_t*>(tensor.data), count}, tensor.type, wide.data());
      return wide;
    }
  }
  return {static_cast<const T*>(tensor.data), count};
}

// A weight's type, or half of it in the file.
bool fits(TensorType type, bool is_double) noexcept {
  if (is_double) return type == TensorType::kFloat64;
  return type == TensorType::kFloat32 || type == TensorType::kFloat16 || type == TensorType::kBfloat16;
}

// No memory is taken for them; where none could hold them, the file does not either.
std::vector<Parameter> parameters_of(const Json& network) {
  try {
    return Network<float>::describe_parameters(network);
  } catch (const Error& error) {
    if (error.kind() != Error::Kind::kMemory) throw;
    throw Error(Error::Kind::kValue, error.what());
  }
}

// Refuses weights that are not the described network's before memory is taken for one.
void check_weights(const std::vector<Parameter>& expected, bool is_double, const WeightsByName& weights) {
  const auto wrong = [](const std::string& what) { throw Error(Error::Kind::kValue, what); };
  std::vector<std::string> unlike;
  WeightsByName left = weights;
  for (const Parameter& parameter : expected) {
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
      wrong(concat({parameter.name, " expected shape ", shape_text(parameter.shape), ", got ",
                    shape_text(tensor.shape)}));
    if (!fits(tensor.type, is_double))
      wrong(
          concat({parameter.name, " expected dtype ", type_name(is_double), ", got ", name_of(tensor.type)}));
  }
  for (const auto& [name, tensor] : left) unlike.push_back(name);
  if (unlike.empty()) return;
  std::sort(unlike.begin(), unlike.end());
  std::string names;
  for (std::size_t i = 0; i < std::min(unlike.size(), kShownNames); ++i)
    names += (i == 0 ? "" : ", ") + unlike[i];
  wrong(concat(
      {"weights and description do not agree: ", names, (unlike.size() > kShownNames ? ", ..." : "")}));
}

template <class T>
void check_values(const std::string& name, std::span<const T> values) {
  const auto all = [&](auto is_right) { return std::all_of(values.begin(), values.end(), is_right); };
  if (!all([](T value) { return std::isfinite(value); }))
    throw_error(Error::Kind::kValue, {name, " expected finite numbers"});
  if (name.ends_with("running_var") && !all([](T value) { return value >= 0; }))
    throw_error(Error::Kind::kValue, {name, " expected variances of at least 0"});
}

template <class T>
std::unique_ptr<Network<T>> build(const Json& description, const WeightsByName& weights) {
  auto network = std::make_unique<Network<T>>(description, std::nullopt);
  const std::vector<Parameter>& parameters = network->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    // Files written before means were kept in two parts have the first alone; the second is 0.
    const auto found = weights.find(parameters[i].name);
    if (found == weights.end()) continue;
    std::vector<T> wide;
    const std::span<const T> values = values_of(*found->second, wide);
    check_values(parameters[i].name, values);
    network->set_parameter(i, values.data());
  }
  return network;
}

}  // namespace

NetworkFile NetworkFile::load(const std::filesystem::path& path, const LoadOptions& options) {
  return of(read_model_file(path, options.map), path_text(path), options);
}

NetworkFile NetworkFile::parse(std::span<const std::byte> bytes, const LoadOptions& options) {
  return of(view_model_file(bytes), "model data", options);
}

NetworkFile NetworkFile::of(const ModelFile& file, const std::string& source, const LoadOptions& options) {
  NetworkFile loaded = parse(file, source);
  if (options.selftest) loaded.run_self_test(source);
  loaded.keep_own_tensors(loaded.tensors_);
  return loaded;
}

NetworkFile NetworkFile::parse(const ModelFile& file, const std::string& source) {
  std::vector<TensorView> weights, others;
  StoredSelfTest self_test;
  for (const TensorView& tensor : file.tensors) {
    if (tensor.name.starts_with(kWeights))
      weights.push_back(tensor);
    else if (tensor.name == kSelfTestInputs)
      self_test.inputs = tensor;
    else if (tensor.name == kSelfTestOutputs)
      self_test.outputs = tensor;
    else
      others.push_back(tensor);
  }
  Json contents = described(source, [&] { return Json::parse(file.record); });
  self_test.record = take_member(contents, std::string(kSelfTestField));
  NetworkFile loaded = of(std::move(contents), weights, source);
  loaded.storage_ = file.storage;
  loaded.tensors_ = std::move(others);
  loaded.by_name_.resize(loaded.tensors_.size());
  std::iota(loaded.by_name_.begin(), loaded.by_name_.end(), std::size_t{0});
  std::ranges::sort(loaded.by_name_, {},
                    [&](std::size_t i) -> std::string_view { return loaded.tensors_[i].name; });
  loaded.self_test_ = std::move(self_test);
  return loaded;
}

std::vector<TensorView> NetworkFile::tensors_beside(std::size_t further) const {
  std::set<std::string> prefixes;
  for (std::size_t number = 1; number <= further; ++number) prefixes.insert(prefix_of(number));
  std::vector<TensorView> beside;
  for (const TensorView& tensor : tensors_) {
    const std::size_t end = tensor.name.find('.', kFurther.size());
    const bool belongs = tensor.name.starts_with(kFurther) && end != std::string::npos &&
                         prefixes.contains(tensor.name.substr(0, end + 1));
    if (!belongs) beside.push_back(tensor);
  }
  return beside;
}

NetworkFile NetworkFile::further(Json contents, std::size_t number, const std::string& source) const {
  const std::string prefix = prefix_of(number);
  const auto name = [this](std::size_t i) -> std::string_view { return tensors_[i].name; };
  std::vector<TensorView> weights;
  for (auto next = std::ranges::lower_bound(by_name_, std::string_view(prefix), {}, name);
       next != by_name_.end() && name(*next).starts_with(prefix); ++next) {
    const TensorView& tensor = tensors_[*next];
    weights.push_back({tensor.name.substr(prefix.size()), tensor.type, tensor.shape, tensor.data});
  }
  return of(std::move(contents), weights, concat({source, ", network ", number}));
}

void NetworkFile::keep_own_tensors(const std::vector<TensorView>& tensors) {
  TensorCopies copies = copies_of(tensors);
  tensors_ = std::move(copies.views);
  by_name_ = {};
  storage_ = std::move(copies.storage);
  self_test_ = {};
}

void NetworkFile::run_self_test(const std::string& source) const {
  check_self_test_there(self_test_, outputs(), source);
  const std::optional<TensorView>& stored = self_test_.inputs;
  const bool wide = stored && stored->type == TensorType::kFloat64;
  if (!stored || (!wide && stored->type != TensorType::kFloat32) || stored->shape.size() != 2 ||
      stored->shape[0] != self_test_.outputs->shape[0] || stored->shape[1] != inputs())
    fail(source,
         {"its self-test needs the tensor selftest.inputs of float32 or float64, [rows, ", inputs(), "]"});
  const std::int64_t size = wide ? 8 : 4, rows = stored->shape[0];
  const auto type = wide ? kernels::SourceType::kF64 : kernels::SourceType::kF32;
  std::vector<double> got(static_cast<std::size_t>(rows * outputs()));
  predict({stored->data, type, rows, inputs(), inputs() * size, size}, got.data(),
          [](std::int64_t) { return false; });
  compare_self_test(self_test_, got, outputs(), !is_double(), source);
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
    const std::vector<Parameter> parameters = parameters_of(description);
    give_names_of_today(parameters, weights);
    check_weights(parameters, is_double, weights);
    with_scalar(is_double, [&]<class T> { loaded.network_ = build<T>(description, weights); });
    check_feature_names(loaded.contents_, loaded.inputs());
    return 0;
  });
  return loaded;
}

Json NetworkFile::describe(const std::string& prefix, WrittenTensors& tensors) const {
  std::visit([&](const auto& network) { tensors.add_weights(*network, network->weights(), prefix); },
             network_);
  return contents_;
}

void NetworkFile::save(const std::filesystem::path& path, const SaveOptions& options) const {
  WrittenTensors tensors;
  const std::string contents = describe("", tensors).dump();
  tensors.add(tensors_);
  save_model(path, contents, tensors.views(), options);
}

std::vector<std::byte> NetworkFile::bytes(const SaveOptions& options) const {
  WrittenTensors tensors;
  const std::string contents = describe("", tensors).dump();
  tensors.add(tensors_);
  return model_bytes(contents, tensors.views(), options);
}

Json NetworkFile::take_record() {
  Json record = take_member(contents_, "record");
  contents_["record"] = Json::object({});
  return record;
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
