// The tiles of a network's gradient, shared out among a team; clipping of a gradient that stands as a whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/function_ref.h"
#include "base/thread_pool.h"
#include "network/workspace.h"
#include "optimizers/optimizer.h"

namespace lamina {

template <class T>
class GradientTasks {
 public:
  explicit GradientTasks(Network<T>& network) : network_(network) {}

  // Whether computed gradients include those of the layers' penalties; they do unless told.
  void include_penalties(bool wanted) noexcept { penalties_ = wanted; }
  // Cuts the work for so many threads; allocates only when their number grows.
  void prepare(int threads);
  // On one member, before the barrier that precedes run.
  void begin() noexcept;
  // By every member: gradients into the flat buffer `gradients`, or through `updater` where that is null, or
  // (compute false) updates from gradients that stand already. `stop`, asked between tasks, abandons the
  // rest.
  void run(
      const Team& team, Workspace<T>& workspace, int64_t batch_rows, T* gradients, bool compute,
      ParameterUpdater<T>* updater, FunctionRef<bool()> stop = [] { return false; }) noexcept;

 private:
  // What other members wrote in their caches comes faster when it is asked for at once.
  void fetch_rows_of_others(const Team& team, const Workspace<T>& workspace,
                            int64_t batch_rows) const noexcept;

  Network<T>& network_;
  bool penalties_ = true;
  int prepared_threads_ = 0;
  int64_t inputs_per_task_ = 0;
  int64_t scratch_size_ = 0;
  AlignedBuffer<T> scratch_;
  std::vector<GradientTask> tasks_;
  // Each member has a run of tasks of its own, the same at every step, so that their weights and optimizer
  // state stay in its cache; one who is through takes what others have left.
  struct alignas(64) Share {
    std::atomic<int> next{0};
    int first = 0, last = 0;
  };
  std::unique_ptr<Share[]> shares_;
};

template <class T>
class GradientClipper {
 public:
  // For flat gradients of `size` elements.
  void prepare(int64_t size);
  // By every member; holds barriers, ends without one. Values to [-clip_value, clip_value], then the whole
  // scaled to a norm of at most clip_norm (Pascanu et al. 2013). The same bits for any team.
  void clip(Team& team, const kernels::KernelTable<T>& table, const Optimizer<T>& optimizer, T* gradients,
            int64_t size) noexcept;

 private:
  AlignedBuffer<double> chunk_sums_;
};

}  // namespace lamina
