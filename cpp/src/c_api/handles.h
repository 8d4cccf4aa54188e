// What the opaque handles of the C interface are.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/scalar_types.h"
#include "c_api/guard.h"
#include "c_api/input_rules.h"
#include "c_api/row_predictor.h"
#include "model_io/network_file.h"
#include "model_io/table_model.h"
#include "training/fit.h"
#include "training/history.h"
#include "training/model.h"
#include "training/training_right.h"

namespace lamina::c {

// A network that predicts and trains, with what its file holds beside the weights.
class TrainableNetwork {
 public:
  // With first weights of this seed.
  TrainableNetwork(const Json& layers, bool is_double, std::uint64_t seed);
  explicit TrainableNetwork(NetworkFile file);
  // With the weights that predictions see.
  TrainableNetwork(const TrainableNetwork& other);
  TrainableNetwork& operator=(const TrainableNetwork&) = delete;

  // Calls use(model).
  template <class Use>
  decltype(auto) visit(Use use) const {
    return std::visit([&](const auto& model) -> decltype(auto) { return use(*model); }, model_);
  }
  bool is_double() const noexcept { return model_.index() == 1; }
  std::uint64_t seed() const noexcept { return seed_; }
  // As a file has it: description, dtype, seed, epochs trained, names of inputs, record.
  Json contents() const;
  // Of the file that the network came from, but for its weights; empty where it was made.
  std::span<const TensorView> tensors() const noexcept;
  const InputRules& input_rules() const noexcept { return rules_; }
  // By name or description; left out, the one that goes with the last activation. Refuses one that does not
  // fit.
  std::shared_ptr<const LossSpec> loss(const lamina_description& loss) const;

  // What training draws its random numbers by.
  std::atomic<std::int64_t> epochs_trained{0};
  std::atomic<std::uint64_t> random_step{0};
  // Whether the last forward pass gave the outputs of an ensemble's members; theirs who may train.
  std::atomic<bool> gave_members{false};

 private:
  OfAnyScalar<Model> model_;
  Json contents_;
  std::shared_ptr<const NetworkFile> file_;  // which holds the tensors
  std::uint64_t seed_;
  InputRules rules_;
  // What the last call gave as its loss, and the core's loss for it: most loops give the same.
  mutable std::mutex loss_mutex_;
  mutable Json last_described_;
  mutable std::shared_ptr<const LossSpec> last_loss_;
};

}  // namespace lamina::c

struct lamina_model {
  // One of the two.
  std::unique_ptr<lamina::c::TrainableNetwork> network;
  std::shared_ptr<const lamina::TableModel> table;
  std::vector<std::string> input_names;
  std::string description;
};

struct lamina_predictor {
  lamina::OfAnyScalar<lamina::c::ConstRowPredictor> predictor;
};

struct lamina_optimizer {
  lamina::OfAnyScalar<lamina::Optimizer> optimizer;
  lamina::TrainingRight right;  // of the thread that uses it
};

struct lamina_history {
  lamina::History history;
};

namespace lamina::c {

// Each refuses NULL, and a model of the other kind.
const lamina_model& given_model(const lamina_model* model);
TrainableNetwork& network_of(const lamina_model* model);
const TableModel& table_of(const lamina_model* model);

}  // namespace lamina::c
