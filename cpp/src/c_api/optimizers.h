// Optimizer handles, and the right to use one.
#pragma once

#include "c_api/handles.h"

namespace lamina::c {

OptimizerSpec optimizer_spec(const lamina_description& optimizer);

// An optimizer in use by one call. Refuses NULL, one that another call uses, and one of another network.
template <class T>
class UsedOptimizer {
 public:
  UsedOptimizer(lamina_optimizer* handle, const Model<T>& model);
  ~UsedOptimizer() { handle_.in_use.store(false, std::memory_order_release); }
  UsedOptimizer(const UsedOptimizer&) = delete;
  UsedOptimizer& operator=(const UsedOptimizer&) = delete;

  Optimizer<T>& get() const noexcept { return *std::get<std::unique_ptr<Optimizer<T>>>(handle_.optimizer); }

 private:
  lamina_optimizer& handle_;
};

}  // namespace lamina::c
