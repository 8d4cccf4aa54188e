// An optimizer at work on one network: its state, its step count, and updates of pieces of the weights.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/arena.h"
#include "kernels/kernel_table.h"
#include "layers/layer.h"
#include "optimizers/changed_lines.h"
#include "optimizers/muon.h"
#include "optimizers/update_rules.h"

namespace lamina {

template <class T>
class Optimizer final : public ParameterUpdater<T> {
 public:
  // For a flat buffer of `flat_size` elements with these parameters.
  Optimizer(const OptimizerSpec& spec, const std::vector<Parameter>& parameters, int64_t flat_size,
            const kernels::KernelTable<T>& table);

  // Of a gradient that stands as a whole (clipped), before the updates of this step and after clipping's
  // barrier: what updates need to know of all of it. By every member of a team. False: `stopped` said so;
  // then no update may follow.
  bool prepare_updates(Team& team, const T* gradients, FunctionRef<bool()> stopped) noexcept {
    return !muon_ || muon_->run(team, gradients, state_[0].data(), stopped);
  }
  // Of prepare_updates.
  double preparing_multiply_adds() const noexcept { return muon_ ? muon_->multiply_adds() : 0.0; }
  // Starts step steps() + 1 on `weights`; `backup` (or null) receives the old values of what is updated, and
  // `changed` (or null) keeps account of those that parameters updated in part do not write there.
  void begin_step(T* weights, T* backup, ChangedLines* changed = nullptr) noexcept;
  void update(int parameter, int64_t offset, int64_t n, const GradientPiece<T>& gradient) noexcept override;
  bool rests_at_zero(int parameter) const noexcept override;
  bool updates_alike() const noexcept override { return updates_alike_; }
  void begin_part(int64_t offset, int64_t n) noexcept override {
    if (changed_ != nullptr && backup_ != nullptr) changed_->bring_up_to_date(offset, n, weights_, backup_);
  }
  void average(int64_t offset, int64_t n, T share, const T* values) noexcept override;
  int places(int64_t offset, const void** places) const noexcept override;
  // False when an update of this step gave a weight that is not finite.
  bool step_is_finite() const noexcept { return finite_.load(std::memory_order_relaxed); }
  void undo_step_count() noexcept { --steps_; }
  // False where a gradient was, or its square is, beyond the type: such a running mean never comes back.
  bool state_is_finite() const noexcept;
  // As new: no steps, all state 0.
  void reset() noexcept;

  // Clipping and Muon need the gradient as a whole, so it must be materialised before the updates.
  bool needs_whole_gradient() const noexcept {
    return muon_ || spec_.clip_norm > 0.0 || spec_.clip_value > 0.0 || spec_.clip_parameter_norm > 0.0;
  }

  // True where a step's result depends on nothing but weights, gradient, and step number.
  bool is_stateless() const noexcept {
    const auto* sgd = std::get_if<SgdOptions>(&spec_.update);
    return sgd != nullptr && sgd->momentum == 0.0;
  }

  double learning_rate() const noexcept { return learning_rate_; }
  void set_learning_rate(double rate);
  // Of the steps to come, from a list that was checked; the step in hand keeps its own.
  void follow_learning_rate(double rate) noexcept { learning_rate_ = rate; }
  double weight_decay() const noexcept { return weight_decay_; }
  void set_weight_decay(double decay);
  void follow_weight_decay(double decay) noexcept { weight_decay_ = decay; }
  const OptimizerSpec& spec() const noexcept { return spec_; }
  const OptimizerEntry& entry() const noexcept { return entry_; }

  const std::vector<Parameter>& parameters() const noexcept { return parameters_; }

  // All state: the step count and `state_count` flat buffers in the network's layout.
  int64_t steps() const noexcept { return steps_; }
  void set_steps(int64_t steps) noexcept { steps_ = steps; }
  int state_count() const noexcept { return entry_.state_count; }
  T* state(int index) noexcept { return state_[static_cast<size_t>(index)].data(); }

 private:
  void check_number(const char* name, double value) const;

  OptimizerSpec spec_;
  const OptimizerEntry& entry_;
  const kernels::KernelTable<T>& table_;
  std::vector<AlignedBuffer<T>> state_;
  std::vector<Parameter> parameters_;
  std::optional<Muon<T>> muon_;
  // Parameters of equal learning rate and decay share their coefficients of the current step.
  struct Group {
    double rate_factor, decay_factor;
    double muon_scale;  // 0: not Muon's
    std::array<T, kernels::kMaxCoefficients> coefficients{};
  };
  std::vector<Group> groups_;
  std::vector<size_t> group_of_;  // per parameter
  bool updates_alike_ = false;    // the groups' coefficients of the current step are the same
  double learning_rate_, weight_decay_;
  int64_t steps_ = 0;
  T* weights_ = nullptr;
  T* backup_ = nullptr;
  ChangedLines* changed_ = nullptr;
  std::atomic<bool> finite_{true};
};

}  // namespace lamina
