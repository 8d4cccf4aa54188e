// An optimizer at work on one network.
#include "optimizers/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "optimizers/coefficients.h"

namespace lamina {

template <class T>
Optimizer<T>::Optimizer(const OptimizerSpec& spec, const std::vector<Parameter>& parameters,
                        int64_t flat_size, const kernels::KernelTable<T>& table)
    : spec_(spec),
      entry_(optimizer_entry(spec)),
      table_(table),
      parameters_(parameters),
      learning_rate_(first_learning_rate(spec)),
      weight_decay_(spec.weight_decay) {
  check_optimizer(spec);
  std::vector<double> scales(parameters.size(), 0.0);
  if (const auto* muon = std::get_if<MuonOptions>(&spec.update)) {
    scales = muon_scales(*muon, parameters);
    muon_.emplace(*muon, parameters, scales, flat_size, table);
  }
  for (int i = 0; i < entry_.state_count; ++i) state_.emplace_back(flat_size);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& p = parameters[i];
    const double decay = p.decays || spec.decay_biases ? p.decay_factor : 0.0;
    const auto same = [&](const Group& g) {
      return g.rate_factor == p.rate_factor && g.decay_factor == decay && g.muon_scale == scales[i];
    };
    const auto found = std::find_if(groups_.begin(), groups_.end(), same);
    group_of_.push_back(static_cast<size_t>(found - groups_.begin()));
    if (found == groups_.end()) groups_.push_back({p.rate_factor, decay, scales[i], {}});
  }
}

template <class T>
void Optimizer<T>::check_number(const char* name, double value) const {
  if (!(value >= 0.0) || std::isinf(value))
    throw_error(Error::Kind::kValue, {"optimizer ", entry_.name, ": expected a finite ", name,
                                      " of at least 0, got ", std::to_string(value)});
}

template <class T>
void Optimizer<T>::set_learning_rate(double rate) {
  check_number("learning_rate", rate);
  learning_rate_ = rate;
}

template <class T>
void Optimizer<T>::set_weight_decay(double decay) {
  check_number("weight_decay", decay);
  weight_decay_ = decay;
}

template <class T>
void Optimizer<T>::begin_step(T* weights, T* backup, ChangedLines* changed) noexcept {
  ++steps_;
  weights_ = weights;
  backup_ = backup;
  changed_ = changed;
  finite_.store(true, std::memory_order_relaxed);
  for (Group& group : groups_) {
    const ParameterStep request{learning_rate_ * group.rate_factor, weight_decay_ * group.decay_factor,
                                steps_, group.rate_factor};
    const Coefficients c = group.muon_scale > 0.0 ? muon_matrix_coefficients(group.muon_scale, request)
                                                  : update_coefficients(spec_.update, request);
    std::transform(c.begin(), c.end(), group.coefficients.begin(),
                   [](double x) { return static_cast<T>(x); });
  }
  updates_alike_ = !muon_ && std::all_of(groups_.begin(), groups_.end(), [&](const Group& group) {
    return group.coefficients == groups_.front().coefficients;
  });
}

template <class T>
bool Optimizer<T>::state_is_finite() const noexcept {
  return std::all_of(state_.begin(), state_.end(), [&](const AlignedBuffer<T>& state) {
    return table_.all_finite(state.size(), state.data());
  });
}

template <class T>
void Optimizer<T>::reset() noexcept {
  steps_ = 0;
  for (AlignedBuffer<T>& state : state_) std::fill(state.begin(), state.end(), T(0));
}

template <class T>
void Optimizer<T>::update(int parameter, int64_t offset, int64_t n,
                          const GradientPiece<T>& gradient) noexcept {
  const Group& group = groups_[group_of_[static_cast<size_t>(parameter)]];
  kernels::Update<T> call{};
  call.n = n;
  call.weights = weights_ + offset;
  call.gradients = gradient.values;
  call.factors = gradient.factors;
  call.width = gradient.width;
  for (size_t i = 0; i < state_.size(); ++i) call.state[i] = state_[i].data() + offset;
  call.backup = backup_ ? backup_ + offset : nullptr;
  call.coefficients = group.coefficients.data();
  kernels::UpdateRule rule = entry_.rule;
  if (group.muon_scale > 0.0) {
    muon_->advance(n, gradient.values, call.state[0]);
    call.gradients = muon_->directions() + offset;
    rule = kernels::UpdateRule::kSgd;
  }
  if (changed_ != nullptr &&
      (changed_->follows_all() || parameters_[static_cast<size_t>(parameter)].partly_updated))
    changed_->mark<T>(offset, n);
  if (!table_.update[static_cast<int>(rule)](call)) finite_.store(false, std::memory_order_relaxed);
}

template <class T>
bool Optimizer<T>::rests_at_zero(int parameter) const noexcept {
  const Group& group = groups_[group_of_[static_cast<size_t>(parameter)]];
  return weight_decay_ * group.decay_factor == 0.0 &&
         (is_stateless() || entry_.rule == kernels::UpdateRule::kAdagrad);
}

template <class T>
int Optimizer<T>::places(int64_t offset, const void** places) const noexcept {
  int count = 0;
  places[count++] = weights_ + offset;
  for (const AlignedBuffer<T>& state : state_) places[count++] = state.data() + offset;
  if (backup_ != nullptr) places[count++] = backup_ + offset;
  return count;
}

template <class T>
void Optimizer<T>::average(int64_t offset, int64_t n, T share, const T* values) noexcept {
  T* average = weights_ + offset;
  if (backup_ != nullptr) std::copy_n(average, n, backup_ + offset);
  table_.average_values(n, share, values, average);
  if (!table_.all_finite(n, average)) finite_.store(false, std::memory_order_relaxed);
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace lamina
