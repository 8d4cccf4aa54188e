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
  // `sparse`: of workspaces with sparse rows.
  explicit GradientTasks(Network<T>& network, bool sparse = false) : network_(network), sparse_(sparse) {}

  // Whether computed gradients include those of the layers' penalties; at first they do.
  void include_penalties(bool wanted) noexcept { penalties_ = wanted; }
  // Of the penalties in them; at first 1.
  void set_penalty_factor(double factor) noexcept { penalty_factor_ = factor; }
  // Whether updates bring the transposed weights up to date; at first they do.
  void keep_transposed(bool wanted) noexcept { keep_transposed_ = wanted; }
  bool keeps_transposed() const noexcept { return keep_transposed_; }
  // Cuts the work of a batch of so many rows for this many threads; allocates only the first time for a cut.
  void prepare(int64_t batch_rows, int threads);
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
  const bool sparse_;
  bool penalties_ = true, keep_transposed_ = true;
  double penalty_factor_ = 1.0;
  // Each member has a run of tasks of its own, the same at every step, so that their weights and optimizer
  // state stay in its cache; one who is through takes what others have left.
  struct alignas(64) Share {
    std::atomic<int> next{0};
    int first = 0, last = 0;
  };
  // How the work is cut.
  struct Plan {
    int threads;
    int64_t inputs_per_task, scratch_size;
    std::vector<GradientTask> tasks;
    std::unique_ptr<Share[]> shares;
  };
  std::vector<int> deal(Plan& plan) const;

  std::vector<Plan> plans_;
  Plan* plan_ = nullptr;
  AlignedBuffer<T> scratch_;
  AlignedBuffer<T> packed_;  // of all threads, packed_size_ each; empty where inputs are read where they lie
  int64_t packed_size_ = 0;
};

// Joins gradients of several batches: their mean by the weight of the rows, or their sum for losses that sum.
class GradientMean {
 public:
  explicit GradientMean(bool mean_over_rows = true) noexcept : mean_over_rows_(mean_over_rows) {}
  // With a first gradient of rows of this weight.
  void begin(double weight) noexcept { weight_ = weight; }
  // By every member, each with an object of its own; `part` [size] joins `mean`. Ends without a barrier.
  template <class T>
  void add(const Team& team, const kernels::KernelTable<T>& table, double weight, const T* part, T* mean,
           int64_t size) noexcept;

 private:
  bool mean_over_rows_;
  double weight_ = 0.0;
};

template <class T>
class GradientClipper {
 public:
  // For flat gradients of these parameters; allocates at the first call alone.
  void prepare(const std::vector<Parameter>& parameters);
  // By every member; holds barriers, ends without one. Values to [-clip_value, clip_value], then each
  // parameter scaled to a norm of at most clip_parameter_norm, then the whole to one of clip_norm (Pascanu et
  // al. 2013). The same bits for any team.
  void clip(Team& team, const kernels::KernelTable<T>& table, const OptimizerSpec& limits,
            T* gradients) noexcept;

 private:
  // A piece of one parameter, whose squares are summed at once, whoever does it.
  struct Piece {
    size_t parameter;
    int64_t offset, size;
  };
  void sum_squares(Team& team, const kernels::KernelTable<T>& table, const T* gradients) noexcept;
  void scale(const Team& team, const kernels::KernelTable<T>& table, double norm, double limit, size_t first,
             size_t last, T* gradients) const noexcept;

  std::vector<Piece> pieces_;
  std::vector<double> sums_;  // per piece
};

}  // namespace lamina
