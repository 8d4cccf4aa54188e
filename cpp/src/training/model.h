// A network with everything that its use keeps between calls: training buffers, locks, the published weights.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/at_fork.h"
#include "base/function_ref.h"
#include "inference/evaluation.h"
#include "training/derivatives.h"
#include "training/forward_backward.h"
#include "training/kept_gradients.h"
#include "training/trainer.h"
#include "training/training_right.h"

namespace lamina {

// One thread trains at a time (a second one gets kState). Predictions run from any number of threads; while a
// fit is open they read the weights last published: at its start, and after each epoch. In the child of a
// fork a network that another thread was training has those weights, and can be trained.
template <class T>
class Model {
 public:
  explicit Model(Network<T> network, const Execution& execution = {})
      : network_(std::move(network)), execution_(execution) {}
  // From the JSON of its layers. Without a seed no first weights are drawn: a caller sets them all.
  Model(const Json& spec, std::optional<uint64_t> seed, const Execution& execution = {})
      : network_(seed ? Network<T>(spec, *seed) : Network<T>(spec, std::nullopt)), execution_(execution) {}

  const Network<T>& network() const noexcept { return network_; }
  const Execution& execution() const noexcept { return execution_; }
  Optimizer<T> make_optimizer(const OptimizerSpec& spec) const {
    return Optimizer<T>(spec, network_.parameters(), network_.flat_size(), network_.kernels());
  }

  // Draws first weights; false where `poll` has stopped it, with the weights as they were.
  bool initialize(uint64_t seed, Poll poll);
  // Values for some parameters, by index; they change together for everyone who predicts meanwhile.
  void set_parameters(std::span<const std::pair<size_t, const T*>> values);
  // All of them at once, as a flat buffer of this network's layout.
  void set_weights(const T* flat);
  // Updates of an epoch. A last batch of one row joins the one before where a layer couples rows.
  int64_t steps_per_epoch(int64_t rows, int64_t batch_size, int64_t accumulate) const noexcept {
    return lamina::steps_per_epoch(network_, rows, batch_size, accumulate);
  }

  // The right to train, for calls that belong together: what one leaves (gradients, what backward reads) is
  // no other thread's before it is given back. Raises kState where another thread has it.
  std::unique_lock<TrainingRight> hold_training();
  // Calls loss() for a custom loss, between forward and backward: meanwhile nothing may change the weights or
  // what backward reads.
  double undisturbed(FunctionRef<double()> loss);
  void begin_fit();
  void end_fit() noexcept;
  // After an epoch of steps of a custom training loop; run_epoch does it itself.
  void end_epoch();
  EpochRecord run_epoch(const DataSet<T>& data, const LossSpec& loss, const EpochRequest& request,
                        Optimizer<T>& optimizer, WeightAverage<T>* average, T* outputs, Poll poll,
                        const GradientHook<T>* hook = nullptr);
  // Where a poll asks to stop, weights and accumulated gradients stay as they were.
  double train_step(const DataSet<T>& data, const LossSpec& loss, Optimizer<T>& optimizer, uint64_t seed,
                    Poll poll, const GradientHook<T>* hook = nullptr);
  // The same at once; none, and nothing done, where others read the weights or wait to change them: for a
  // caller that holds a lock which these may be waiting for.
  std::optional<double> try_train_step(const DataSet<T>& data, const LossSpec& loss, Optimizer<T>& optimizer,
                                       uint64_t seed);
  // `accumulate`: the gradients become the mean by weight (or sum) over this call and those before it.
  double value_and_gradient(const DataSet<T>& data, const LossSpec& loss, uint64_t seed, uint64_t step,
                            bool accumulate, Poll poll);

  // As ForwardBackward: with `training`, `outputs` are those of an ensemble's members.
  void forward(const ArraySource& inputs, bool training, uint64_t seed, uint64_t step, T* outputs, Poll poll,
               double noise_factor = 1.0);
  // The shape of what forward gives for so many rows: [rows, outputs], or [rows, members, outputs].
  std::vector<int64_t> forward_shape(int64_t rows, bool training) const;
  // `output_gradient` of `shape`, that of the last forward's outputs; raises kState where there was none,
  // kValue where they had another. `accumulate`: the gradients are added to those that stand.
  void backward(const T* output_gradient, const std::vector<int64_t>& shape, bool gradients_wanted,
                bool accumulate, T* input_gradient, Poll poll);
  // What layers' penalties on their weights add to the training objective.
  double penalty();
  // Of the last backward or value_and_gradient; null before. Theirs who hold the right to train meanwhile.
  const T* gradients() const noexcept {
    return buffers_ && buffers_->gradients.stand() ? buffers_->gradients.values() : nullptr;
  }
  void apply_gradients(Optimizer<T>& optimizer);

  // Weight averages. While one is followed (null: none), it is what a fit publishes, from the next time on.
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
  // The same at once; false, and nothing done, where someone changes the weights or waits to.
  bool try_predict(const ArraySource& inputs, T* outputs) const;
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
  // The right to train; raise kState also within an epoch (a callback's call), the second within a custom
  // loss.
  std::unique_lock<TrainingRight> lock_between_epochs();
  std::unique_lock<TrainingRight> lock_training();
  // The right to change weights, once those who read them in place have left.
  std::unique_lock<std::shared_mutex> lock_weights();
  Trainer<T>& trainer_for(const LossSpec& loss, int64_t rows, const DataSet<T>& data);
  ForwardBackward<T>& passes_for(int64_t rows);
  void keep_statistics(const Workspace<T>& workspace);
  void replace_weights(const T* weights);
  bool holds(const WeightAverage<T>& average) const noexcept;
  void publish();
  std::shared_ptr<const AlignedBuffer<T>> published() const;
  template <class Use>
  auto with_weights(Use use) const;

  void before_fork() noexcept;
  void after_fork_in_parent() noexcept;
  void after_fork_in_child() noexcept;

  // What training keeps between calls.
  struct Buffers {
    explicit Buffers(const Network<T>& network) : gradients(network) {}
    std::unique_ptr<Trainer<T>> trainer;
    std::unique_ptr<ForwardBackward<T>> passes;
    KeptGradients<T> gradients;
    AlignedBuffer<T>
        statistics;  // of the last batch that forward took for training, for the next apply_gradients
    bool statistics_pending = false;
  };
  Buffers& buffers() {
    if (!buffers_) buffers_ = std::make_unique<Buffers>(network_);
    return *buffers_;
  }

  Network<T> network_;
  const Execution execution_;
  std::unique_ptr<Buffers> buffers_;

  TrainingRight training_right_;             // of the thread that trains, through a whole fit
  bool in_epoch_ = false, in_loss_ = false;  // guarded by training_right_
  mutable std::shared_mutex weights_mutex_;  // weights change (unique) or are read in place (shared)
  mutable std::mutex turn_mutex_;            // readers queue behind a waiting writer, so it is not starved
  mutable std::mutex published_mutex_;
  std::shared_ptr<AlignedBuffer<T>> published_;  // not null while a fit is open
  std::shared_ptr<AlignedBuffer<T>> spare_;      // the one before, reused when nobody reads it
  const WeightAverage<T>* followed_ = nullptr;   // guarded by training_right_
  std::atomic<bool> in_poll_{false};             // a step outside a fit is asking its poll
  bool fork_reads_ = false;                      // before_fork has locked weights_mutex_
  const AtFork at_fork_{this,
                        {[](void* model) noexcept { static_cast<Model*>(model)->before_fork(); },
                         [](void* model) noexcept { static_cast<Model*>(model)->after_fork_in_parent(); },
                         [](void* model) noexcept { static_cast<Model*>(model)->after_fork_in_child(); }}};
};

}  // namespace lamina
