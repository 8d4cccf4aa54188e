// Locks, caches and published weights around a network.
#include "training/model.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/poll.h"
#include "base/text.h"
#include "training/hessian.h"

namespace lamina {

namespace {

template <class Flag>
class ScopedFlag {
 public:
  explicit ScopedFlag(Flag& flag) noexcept : flag_(flag) { flag_ = true; }
  ~ScopedFlag() { flag_ = false; }
  ScopedFlag(const ScopedFlag&) = delete;
  ScopedFlag& operator=(const ScopedFlag&) = delete;

 private:
  Flag& flag_;
};

}  // namespace

template <class T>
std::unique_lock<TrainingRight> Model<T>::hold_training() {
  std::unique_lock lock(training_right_, std::try_to_lock);
  if (!lock.owns_lock())
    throw_error(
        Error::Kind::kState,
        {"network: another thread is training it; wait for it, or train a copy (predicting is allowed)"});
  return lock;
}

template <class T>
std::unique_lock<TrainingRight> Model<T>::lock_between_epochs() {
  std::unique_lock lock = hold_training();
  if (in_epoch_)
    throw_error(
        Error::Kind::kState,
        {"network: an epoch is running; train it or change its weights between epochs, in on_epoch_end"});
  return lock;
}

template <class T>
std::unique_lock<TrainingRight> Model<T>::lock_training() {
  std::unique_lock lock = lock_between_epochs();
  if (in_loss_)
    throw_error(
        Error::Kind::kState,
        {"network: a loss of your own is being computed; it may predict, but not pass rows forward or "
         "back, train, or change weights"});
  return lock;
}

template <class T>
double Model<T>::undisturbed(FunctionRef<double()> loss) {
  const auto training = lock_training();
  const ScopedFlag computing(in_loss_);
  return loss();
}

template <class T>
std::unique_lock<std::shared_mutex> Model<T>::lock_weights() {
  const std::lock_guard turn(turn_mutex_);
  return std::unique_lock(weights_mutex_);
}

template <class T>
bool Model<T>::initialize(uint64_t seed, Poll poll) {
  const auto training = lock_training();
  {
    const auto weights = lock_weights();
    TimedPoll timed(poll, false);
    if (!network_.initialize(seed, timed)) return false;
  }
  if (published()) publish();
  return true;
}

template <class T>
void Model<T>::set_parameters(std::span<const std::pair<size_t, const T*>> values) {
  const auto training = lock_training();
  {
    const auto weights = lock_weights();
    for (const auto& [index, dense] : values) network_.set_parameter(index, dense);
  }
  if (published()) publish();
}

template <class T>
void Model<T>::set_weights(const T* flat) {
  const auto training = lock_training();
  replace_weights(flat);
  if (published()) publish();
}

template <class T>
void Model<T>::begin_fit() {
  auto training = lock_training();
  if (published())
    throw_error(Error::Kind::kState, {"fit: this network is in a fit already; wait for its end"});
  training.release();  // unlocked by end_fit
  publish();
}

template <class T>
void Model<T>::end_fit() noexcept {
  {
    const std::lock_guard lock(published_mutex_);
    spare_ = std::move(published_);  // for the next fit
  }
  followed_ = nullptr;
  training_right_.unlock();
}

template <class T>
void Model<T>::publish() {
  std::shared_ptr<AlignedBuffer<T>> next;
  {
    const std::lock_guard lock(published_mutex_);
    next = std::move(spare_);
  }
  if (!next || next.use_count() > 1) next = std::make_shared<AlignedBuffer<T>>(network_.flat_size());
  const bool averaged = followed_ != nullptr && followed_->started();
  std::copy_n(averaged ? followed_->average() : network_.weights(), network_.flat_size(), next->data());
  const std::lock_guard lock(published_mutex_);
  spare_ = std::exchange(published_, std::move(next));
}

template <class T>
void Model<T>::end_epoch() {
  const auto training = lock_training();
  if (published()) publish();
}

template <class T>
std::shared_ptr<const AlignedBuffer<T>> Model<T>::published() const {
  const std::lock_guard lock(published_mutex_);
  return published_;
}

// Reads the published weights while a fit is open, else the weights in place, which then cannot change.
template <class T>
template <class Use>
auto Model<T>::with_weights(Use use) const {
  if (const auto snapshot = published()) return use(snapshot->data());
  std::shared_lock lock(weights_mutex_, std::defer_lock);
  {
    const std::lock_guard turn(turn_mutex_);
    lock.lock();
  }
  if (const auto snapshot = published()) return use(snapshot->data());
  return use(network_.weights());
}

template <class T>
Trainer<T>& Model<T>::trainer_for(const LossSpec& loss, int64_t rows, const DataSet<T>& data) {
  const int64_t target_columns = data.targets.columns;
  const bool stored = data.inputs.sparse != nullptr || data.inputs.stored_per_row > 0.0;
  const bool sparse = stored && network_.takes_sparse_rows();
  std::unique_ptr<Trainer<T>>& trainer = buffers().trainer;
  if (!trainer || trainer->runner().capacity() < rows || trainer->runner().is_sparse() != sparse ||
      trainer->runner().target_columns() != target_columns || !(trainer->runner().loss() == loss)) {
    trainer.reset();  // the old one's memory first
    trainer = std::make_unique<Trainer<T>>(network_, loss, rows, target_columns, execution_, sparse);
  }
  return *trainer;
}

template <class T>
ForwardBackward<T>& Model<T>::passes_for(int64_t rows) {
  std::unique_ptr<ForwardBackward<T>>& passes = buffers().passes;
  if (!passes || passes->capacity() < rows)
    passes = std::make_unique<ForwardBackward<T>>(network_, rows, execution_);
  return *passes;
}

template <class T>
void Model<T>::keep_statistics(const Workspace<T>& workspace) {
  if (!network_.couples_rows()) return;
  Buffers& kept = buffers();
  if (kept.statistics.empty()) kept.statistics = AlignedBuffer<T>(network_.running_size());
  network_.keep_statistics(workspace, kept.statistics.data());
  kept.statistics_pending = true;
}

template <class T>
EpochRecord Model<T>::run_epoch(const DataSet<T>& data, const LossSpec& loss, const EpochRequest& request,
                                Optimizer<T>& optimizer, WeightAverage<T>* average, T* outputs, Poll poll,
                                const GradientHook<T>* hook) {
  const auto training = lock_training();
  Trainer<T>& trainer =
      trainer_for(loss, largest_batch(network_, data.inputs.rows, request.batch_size), data);
  EpochRecord record;
  {
    const auto weights = lock_weights();
    const ScopedFlag running(in_epoch_);
    record = trainer.run_epoch(data, request, optimizer, average, outputs, poll, hook);
  }
  if (published()) publish();
  return record;
}

template <class T>
double Model<T>::train_step(const DataSet<T>& data, const LossSpec& loss, Optimizer<T>& optimizer,
                            uint64_t seed, Poll poll, const GradientHook<T>* hook) {
  const auto training = lock_training();
  const auto weights = lock_weights();
  Trainer<T>& trainer = trainer_for(loss, data.inputs.rows, data);
  // No weight is half changed while the poll is asked.
  const auto asking_poll = [&](int64_t done) {
    const ScopedFlag asking(in_poll_);
    return poll(done);
  };
  return trainer.step(data, optimizer, seed, asking_poll, hook);
}

template <class T>
std::optional<double> Model<T>::try_train_step(const DataSet<T>& data, const LossSpec& loss,
                                               Optimizer<T>& optimizer, uint64_t seed) {
  const auto training = lock_training();
  const std::unique_lock turn(turn_mutex_, std::try_to_lock);
  if (!turn.owns_lock()) return std::nullopt;
  const std::unique_lock weights(weights_mutex_, std::try_to_lock);
  if (!weights.owns_lock()) return std::nullopt;
  Trainer<T>& trainer = trainer_for(loss, data.inputs.rows, data);
  return trainer.step(data, optimizer, seed, [](int64_t) { return false; });
}

template <class T>
double Model<T>::value_and_gradient(const DataSet<T>& data, const LossSpec& loss, uint64_t seed,
                                    uint64_t step, bool accumulate, Poll poll) {
  const auto training = lock_training();
  Buffers& kept = buffers();
  const bool joins = accumulate && kept.gradients.stand();
  if (joins && !kept.gradients.have_weight())
    throw_error(
        Error::Kind::kState,
        {"value_and_grad: expected accumulate=False after backward, whose gradients have no row weight"});
  Trainer<T>& trainer = trainer_for(loss, data.inputs.rows, data);
  trainer.runner().tasks().include_penalties(!joins || loss.each_part_brings_penalties());
  const std::optional<double> value =
      trainer.value_and_gradient(data, seed, step, kept.gradients.begin(joins), poll);
  if (!value) return 0.0;
  keep_statistics(trainer.runner().workspace());
  kept.gradients.finish(joins, total_weight(data, {.rows = data.inputs.rows}), loss.mean_over_rows);
  return *value;
}

template <class T>
void Model<T>::forward(const ArraySource& inputs, bool training_mode, uint64_t seed, uint64_t step,
                       T* outputs, Poll poll, double noise_factor) {
  const auto training = lock_training();
  const bool whole =
      passes_for(inputs.rows).forward(inputs, training_mode, seed, step, outputs, poll, noise_factor);
  if (training_mode && whole) keep_statistics(buffers().passes->workspace());
}

namespace {

std::string text_of(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t extent : shape) text += concat({(text.empty() ? "[" : ", "), extent});
  return shape.empty() ? "[]" : concat({text, "]"});
}

}  // namespace

template <class T>
std::vector<int64_t> Model<T>::forward_shape(int64_t rows, bool training) const {
  if (training && network_.has_ensemble()) return {rows, network_.members(), network_.outputs()};
  return {rows, network_.outputs()};
}

template <class T>
void Model<T>::backward(const T* output_gradient, const std::vector<int64_t>& shape, bool gradients_wanted,
                        bool accumulate, T* input_gradient, Poll poll) {
  const auto training = lock_training();
  Buffers& kept = buffers();
  if (!kept.passes || kept.passes->rows() == 0)
    throw_error(Error::Kind::kState, {"backward: expected a call of forward before it"});
  const std::vector<int64_t> expected = forward_shape(kept.passes->rows(), kept.passes->of_members());
  if (shape != expected)
    throw_error(Error::Kind::kValue, {"backward: expected a gradient of shape ", text_of(expected),
                                      ", as forward returned, got ", text_of(shape)});
  network_.check_trainable();
  const bool joins = gradients_wanted && accumulate && kept.gradients.stand();
  kept.passes->include_penalties(!joins);
  T* to = gradients_wanted ? kept.gradients.begin(joins) : nullptr;
  if (!kept.passes->backward(output_gradient, to, input_gradient, poll)) return;
  if (gradients_wanted) kept.gradients.finish_without_weight(joins);
}

template <class T>
double Model<T>::penalty() {
  const auto training = lock_training();
  return PenaltySum<T>(network_.parameters()).total_of(network_.kernels(), network_.weights());
}

template <class T>
void Model<T>::apply_gradients(Optimizer<T>& optimizer) {
  const auto training = lock_training();
  Buffers& kept = buffers();
  if (!kept.gradients.stand())
    throw_error(Error::Kind::kState,
                {"optimizer.step: expected a call of backward or value_and_grad before it"});
  const auto weights = lock_weights();
  const T* statistics = kept.statistics_pending ? kept.statistics.data() : nullptr;
  passes_for(1).apply(optimizer, kept.gradients.values(), statistics);
  kept.statistics_pending = false;
}

template <class T>
bool Model<T>::predict(const ArraySource& inputs, T* outputs, Poll poll) const {
  return with_weights([&](const T* weights) {
    return lamina::predict(network_, weights, inputs, outputs, poll, execution_);
  });
}

template <class T>
bool Model<T>::try_predict(const ArraySource& inputs, T* outputs) const {
  std::shared_lock<std::shared_mutex> lock;
  std::shared_ptr<const AlignedBuffer<T>> snapshot = published();
  if (!snapshot) {
    const std::unique_lock turn(turn_mutex_, std::try_to_lock);
    if (!turn.owns_lock()) return false;
    lock = std::shared_lock(weights_mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    snapshot = published();
  }
  const T* weights = snapshot ? snapshot->data() : network_.weights();
  return lamina::predict(network_, weights, inputs, outputs, [](int64_t) { return false; }, execution_);
}

template <class T>
Evaluation Model<T>::evaluate(const DataSet<T>& data, const LossSpec& loss, T* outputs, Poll poll) const {
  return with_weights([&](const T* weights) {
    return lamina::evaluate(network_, weights, loss, data, outputs, poll, execution_);
  });
}

template <class T>
void Model<T>::read(FunctionRef<void(const Network<T>&, const T*)> use) const {
  with_weights([&](const T* weights) { use(network_, weights); });
}

template <class T>
bool Model<T>::hessian_vector_product(const LossSpec& loss, const DataSet<T>& data, const T* direction,
                                      T* product, Poll poll)
  requires std::is_same_v<T, double>
{
  const auto training = lock_training();
  const auto weights = lock_weights();
  return lamina::hessian_vector_product(network_, loss, data, direction, product, poll, execution_);
}

template <class T>
bool Model<T>::derive(FunctionRef<bool(Derivatives<T>&)> use) {
  const auto training = lock_between_epochs();
  Derivatives<T> derivatives(network_, execution_);
  return use(derivatives);
}

template class Model<float>;
template class Model<double>;

}  // namespace lamina
