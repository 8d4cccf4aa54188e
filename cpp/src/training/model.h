// A network with everything that its use keeps between calls: training buffers, locks, the published weights.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/function_ref.h"
#include "training/derivatives.h"
#include "training/evaluation.h"
#include "training/hand_pass.h"
#include "training/trainer.h"

namespace lamina {

// One thread trains at a time (a second one gets kState). Predictions run from any number of threads; while a
// fit is open they read the weights last published: at its start, and after each epoch.
template <class T>
class Model {
 public:
  // Without a seed no first weights are drawn: a caller sets them all.
  Model(const Json& spec, std::optional<uint64_t> seed)
      : network_(seed ? Network<T>(spec, *seed) : Network<T>(spec, std::nullopt)) {}

  const Network<T>& network() const noexcept { return network_; }
  Optimizer<T> make_optimizer(const OptimizerSpec& spec) const {
    return Optimizer<T>(spec, network_.parameters(), network_.flat_size(), network_.kernels());
  }

  void initialize(uint64_t seed);
  // Values for some parameters, by index; they change together for everyone who predicts meanwhile.
  void set_parameters(std::span<const std::pair<size_t, const T*>> values);
  // Updates of an epoch. A last batch of one row joins the one before where a layer couples rows.
  int64_t steps_per_epoch(int64_t rows, int64_t batch_size, int64_t accumulate) const noexcept {
    return lamina::steps_per_epoch(network_, rows, batch_size, accumulate);
  }

  void begin_fit();
  void end_fit() noexcept;
  // After an epoch of steps by hand; run_epoch does it itself.
  void end_epoch();
  EpochRecord run_epoch(const DataSet<T>& data, const LossSpec& loss, const EpochRequest& request,
                        Optimizer<T>& optimizer, WeightAverage<T>* average, T* outputs, Poll poll);
  double train_step(const DataSet<T>& data, const LossSpec& loss, Optimizer<T>& optimizer, uint64_t seed);
  // `accumulate`: the gradients become the mean by weight (or sum) over this call and those before it.
  double value_and_gradient(const DataSet<T>& data, const LossSpec& loss, uint64_t seed, uint64_t step,
                            bool accumulate);

  void forward(const ArraySource& inputs, bool training, uint64_t seed, uint64_t step, T* outputs);
  // `output_gradient` [rows, outputs] for the rows of the last forward; raises kState where there was none,
  // kValue where it had another number of rows. `accumulate`: the gradients are added to those that stand.
  void backward(const T* output_gradient, int64_t rows, bool gradients_wanted, bool accumulate,
                T* input_gradient);
  // What layers' penalties on their weights add to the training objective.
  double penalty();
  // Of the last backward or value_and_gradient; null before.
  const T* gradients() const noexcept { return gradients_.data(); }
  void apply_gradients(Optimizer<T>& optimizer);

  // Weight averages. While one is followed (null: none), it is what a fit publishes.
  WeightAverage<T> make_average(const WeightAverageOptions& options) const {
    return WeightAverage<T>(options, network_.parameters(), network_.flat_size(), network_.kernels());
  }
  void follow_average(const WeightAverage<T>* average);
  void update_average(WeightAverage<T>& average);
  // The network takes the average, which keeps the weights that training goes on from; and back. An average
  // that the network no longer holds (its weights were changed since) starts afresh instead.
  void apply_average(WeightAverage<T>& average);
  void resume_training_weights(WeightAverage<T>& average);

  bool predict(const ArraySource& inputs, T* outputs, Poll poll) const;
  // Calls use(network, weights) with the weights that a prediction would read, which do not change meanwhile.
  void read(FunctionRef<void(const Network<T>&, const T*)> use) const;
  // Calls use(derivatives) with the right to train, so that the weights stay; returns what it returns.
  bool derive(FunctionRef<bool(Derivatives<T>&)> use);
  // Product of the loss's second derivatives with the flat vector `direction`; see hessian.h.
  bool hessian_vector_product(const LossSpec& loss, const DataSet<T>& data, const T* direction, T* product,
                              Poll poll)
    requires std::is_same_v<T, double>;
  Evaluation evaluate(const DataSet<T>& data, const LossSpec& loss, T* outputs, Poll poll) const;

 private:
  // The right to train; raises kState where another thread has it, or within an epoch (a callback's call).
  std::unique_lock<std::recursive_mutex> lock_training();
  // The right to change weights, once those who read them in place have left.
  std::unique_lock<std::shared_mutex> lock_weights();
  Trainer<T>& trainer_for(const LossSpec& loss, int64_t rows, int64_t target_columns);
  HandPass<T>& hand_pass_for(int64_t rows);
  T* gradient_buffer();
  void keep_statistics(const Workspace<T>& workspace);
  T* part_buffer();
  void replace_weights(const T* weights);
  bool holds(const WeightAverage<T>& average) const noexcept;
  void publish();
  std::shared_ptr<const AlignedBuffer<T>> published() const;
  template <class Use>
  auto with_weights(Use use) const;

  Network<T> network_;
  std::unique_ptr<Trainer<T>> trainer_;
  std::unique_ptr<HandPass<T>> hand_;
  AlignedBuffer<T> gradients_, part_;
  std::optional<GradientMean> mean_;  // of value_and_gradient's calls; none where backward made gradients_
  AlignedBuffer<T> statistics_;       // of the last training batch by hand, for the next apply_gradients
  bool statistics_pending_ = false;

  std::recursive_mutex training_mutex_;      // held by the thread that trains, through a whole fit
  bool in_epoch_ = false;                    // guarded by training_mutex_
  mutable std::shared_mutex weights_mutex_;  // weights change (unique) or are read in place (shared)
  mutable std::mutex turn_mutex_;            // readers queue behind a waiting writer, so it is not starved
  mutable std::mutex published_mutex_;
  std::shared_ptr<AlignedBuffer<T>> published_;  // not null while a fit is open
  std::shared_ptr<AlignedBuffer<T>> spare_;      // the one before, reused when nobody reads it
  const WeightAverage<T>* followed_ = nullptr;   // guarded by training_mutex_
};

}  // namespace lamina
