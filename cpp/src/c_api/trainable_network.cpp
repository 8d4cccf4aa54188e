// Networks as handles hold them: made, read from a file, or copied.
#include <charconv>

#include "c_api/handles.h"
#include "c_api/options.h"
#include "inference/logits.h"

namespace lamina::c {
namespace {

template <class T>
std::unique_ptr<Model<T>> copy_of(const Model<T>& model, const Json& layers) {
  auto made = std::make_unique<Model<T>>(layers, std::nullopt);
  AlignedBuffer<T> weights(model.network().flat_size());
  model.read([&](const Network<T>&, const T* flat) { std::copy_n(flat, weights.size(), weights.data()); });
  made->set_weights(weights.data());
  return made;
}

// Json's own integers end at 63 bits.
std::uint64_t seed_of(const Json& seed) {
  const std::string digits = seed.dump();
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace

TrainableNetwork::TrainableNetwork(const Json& layers, bool is_double, std::uint64_t seed)
    : seed_(seed), rules_(layers.at("layers").elements().front()) {
  with_scalar(is_double, [&]<class T> { model_ = std::make_unique<Model<T>>(layers, seed); });
  contents_ = Json{{"network", visit([](const auto& model) { return model.network().spec(); })},
                   {"dtype", is_double ? "float64" : "float32"},
                   {"seed", seed},
                   {"record", Json::object({})}};
}

TrainableNetwork::TrainableNetwork(NetworkFile file)
    : contents_(file.take_contents()),
      seed_(seed_of(contents_.at("seed"))),
      rules_(contents_.at("network").at("layers").elements().front()) {
  epochs_trained = contents_.at("epochs_trained").integer();
  std::visit(
      [&]<class T>(std::unique_ptr<Network<T>> network) {
        model_ = std::make_unique<Model<T>>(std::move(*network));
      },
      file.take_network());
  file_ = std::make_shared<const NetworkFile>(std::move(file));
}

TrainableNetwork::TrainableNetwork(const TrainableNetwork& other)
    : epochs_trained(other.epochs_trained.load()),
      random_step(other.random_step.load()),
      contents_(other.contents_),
      file_(other.file_),
      seed_(other.seed_),
      rules_(other.rules_) {
  other.visit([&](const auto& model) { model_ = copy_of(model, contents_.at("network")); });
}

std::shared_ptr<const LossSpec> TrainableNetwork::loss(const lamina_description& loss) const {
  const std::optional<Json> given = read_description(loss, "loss");
  const std::string_view fitting =
      visit([](const auto& model) { return default_loss(model.network().output_activation().name); });
  Json described = given ? *given : Json(fitting);
  const std::lock_guard lock(loss_mutex_);
  if (last_loss_ && last_described_ == described) return last_loss_;
  auto found = std::make_shared<LossSpec>(loss_from_json(described));
  visit([&](const auto& model) { check_loss_fits(*found, model.network()); });
  last_described_ = std::move(described);
  return last_loss_ = std::move(found);
}

Json TrainableNetwork::contents() const {
  Json contents = contents_;
  contents["epochs_trained"] = epochs_trained.load();
  return contents;
}

std::span<const TensorView> TrainableNetwork::tensors() const noexcept {
  return file_ ? std::span(file_->tensors()) : std::span<const TensorView>();
}

}  // namespace lamina::c
