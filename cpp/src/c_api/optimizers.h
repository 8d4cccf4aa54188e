// Optimizer handles, and the right to use one.
#pragma once

#include <mutex>

#include "c_api/handles.h"

namespace lamina::c {

OptimizerSpec optimizer_spec(const lamina_description& optimizer);

// The right of one thread to use an optimizer, also from a callback of its own fit; refuses one that another
// uses.
std::unique_lock<TrainingRight> right_to(lamina_optimizer& optimizer);

// An optimizer in use by a call. Refuses NULL, one that another thread uses, and one of another network.
template <class T>
class UsedOptimizer {
 public:
  UsedOptimizer(lamina_optimizer* handle, const Model<T>& model);

  Optimizer<T>& get() const noexcept { return *std::get<std::unique_ptr<Optimizer<T>>>(handle_.optimizer); }

 private:
  lamina_optimizer& handle_;
  std::unique_lock<TrainingRight> right_;
};

}  // namespace lamina::c
