// Sharing out and clipping of gradients.
#include "training/gradient_tasks.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "network/work_sizes.h"

namespace lamina {

namespace {

// Elements whose squares are summed as one piece, whoever does it.
constexpr int64_t kClipChunk = 4096;

constexpr int64_t kCacheLine = 64;

// What fits in the second-level cache beside the rest.
int64_t fetched_at_once() noexcept { return kernels::blocking().small_bytes / 2; }

inline void prefetch(const void* p) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#else
  (void)p;
#endif
}

}  // namespace

template <class T>
void GradientTasks<T>::prepare(int64_t batch_rows, int threads) {
  const int64_t panel_bytes = network_.kernels().panel_columns * static_cast<int64_t>(sizeof(T));
  const int64_t inputs =
      inputs_per_gradient_task(network_.flat_size(), panel_bytes, batch_rows * network_.members(), threads);
  const auto is_ready = [&](const Plan& plan) {
    return plan.threads == threads && plan.inputs_per_task == inputs;
  };
  auto found = std::find_if(plans_.begin(), plans_.end(), is_ready);
  if (found == plans_.end()) {
    Plan plan{threads, inputs, 0, {}, {}};
    plan.tasks = network_.gradient_tasks(plan.inputs_per_task, sparse_);
    std::vector<int> owned = deal(plan);
    plan.scratch_size = row_stride_for<T>(network_.gradient_scratch_size(plan.inputs_per_task, sparse_));
    plan.shares = std::make_unique<Share[]>(static_cast<size_t>(threads));
    for (int i = 0, first = 0; i < threads; ++i) {
      Share& share = plan.shares[static_cast<size_t>(i)];
      share.first = first;
      share.last = first += owned[static_cast<size_t>(i)];
    }
    if (scratch_.size() < threads * plan.scratch_size)
      scratch_ = AlignedBuffer<T>(threads * plan.scratch_size);
    plans_.push_back(std::move(plan));
    found = plans_.end() - 1;
  }
  plan_ = &*found;
  packed_size_ = kernels::blocking().packed_bytes / static_cast<int64_t>(sizeof(T));
  if (packed_.size() < threads * packed_size_) packed_ = AlignedBuffer<T>(threads * packed_size_);
}

// Orders the tasks by their owners: where members share a layer's columns, who makes them, else even parts.
// Returns how many each has.
template <class T>
std::vector<int> GradientTasks<T>::deal(Plan& plan) const {
  std::vector<std::vector<GradientTask>> owned(static_cast<size_t>(plan.threads));
  for (const GradientTask& task : plan.tasks) {
    const Layer<T>& layer = *network_.nodes()[static_cast<size_t>(task.node)].layer;
    const int count = network_.gradient_task_count(task.node, plan.inputs_per_task, sparse_);
    const int owner = layer.splits_forward(plan.threads) ? layer.gradient_task_part(task.task, plan.threads)
                                                         : task.task * plan.threads / count;
    owned[static_cast<size_t>(owner)].push_back(task);
  }
  plan.tasks.clear();
  std::vector<int> counts;
  for (const std::vector<GradientTask>& own : owned) {
    plan.tasks.insert(plan.tasks.end(), own.begin(), own.end());
    counts.push_back(static_cast<int>(own.size()));
  }
  return counts;
}

template <class T>
void GradientTasks<T>::begin() noexcept {
  for (int i = 0; i < plan_->threads; ++i) {
    Share& share = plan_->shares[static_cast<size_t>(i)];
    share.next.store(share.first, std::memory_order_relaxed);
  }
}

template <class T>
void GradientTasks<T>::fetch_rows_of_others(const Team& team, const Workspace<T>& workspace,
                                            int64_t batch_rows) const noexcept {
  if (workspace.bytes() > fetched_at_once() || team.index >= plan_->threads) return;
  const Share& share = plan_->shares[static_cast<size_t>(team.index)];
  if (share.first == share.last) return;
  const Team::Range own = team.share(batch_rows);
  const auto fetch = [&](const T* buffer, const Slot<T>& slot, int64_t first, int64_t last) {
    const auto* begin = reinterpret_cast<const char*>(buffer + first * slot.row_stride);
    const auto* end = reinterpret_cast<const char*>(buffer + last * slot.row_stride);
    for (; begin < end; begin += kCacheLine) prefetch(begin);
  };
  for (int i = plan_->tasks[static_cast<size_t>(share.first)].node;
       i <= plan_->tasks[static_cast<size_t>(share.last - 1)].node; ++i) {
    const Node<T>& node = network_.nodes()[static_cast<size_t>(i)];
    const Slot<T>&input = workspace.slot(node.input_slot), &output = workspace.slot(node.output_slot);
    if (input.sparse == nullptr) {
      fetch(input.values, input, 0, own.first);
      fetch(input.values, input, own.last, batch_rows);
    }
    fetch(output.delta, output, 0, own.first);
    fetch(output.delta, output, own.last, batch_rows);
  }
}

template <class T>
void GradientTasks<T>::run(const Team& team, Workspace<T>& workspace, int64_t batch_rows, T* gradients,
                           bool compute, ParameterUpdater<T>* updater, FunctionRef<bool()> stop) noexcept {
  assert(team.size <= plan_->threads);
  // Weights that both sides of the barrier read, or that other layers have driven out of the cache.
  const bool fetch_ahead =
      updater != nullptr &&
      (team.size > 1 || 4 * network_.flat_size() * static_cast<int64_t>(sizeof(T)) > fetched_at_once());
  PackedInputs<T> packed{packed_.data() + team.index * packed_size_, packed_size_};
  const GradientRequest<T> request{.workspace = workspace,
                                   .batch_rows = batch_rows,
                                   .gradients = gradients,
                                   .compute = compute,
                                   .penalty_factor = penalties_ ? penalty_factor_ : 0.0,
                                   .updater = updater,
                                   .scratch = scratch_.data() + team.index * plan_->scratch_size,
                                   .fetch_ahead = fetch_ahead,
                                   .packed = packed_size_ > 0 ? &packed : nullptr,
                                   .keep_transposed = keep_transposed_};
  if (team.size == 1 && plan_->threads == 1) {  // no counter of tasks to share
    for (size_t i = 0; i < plan_->tasks.size() && (i % 4 != 0 || !stop()); ++i)
      network_.run_gradient_task(plan_->tasks[i], plan_->inputs_per_task, request);
    return;
  }
  if (compute && team.size > 1) fetch_rows_of_others(team, workspace, batch_rows);
  // Runs of neighbouring tasks share inputs, and prefetch for each other.
  const int run = std::clamp(static_cast<int>(plan_->tasks.size()) / (8 * team.size), 1, 4);
  for (int owner = 0; owner < plan_->threads; ++owner) {
    Share& share = plan_->shares[static_cast<size_t>((team.index + owner) % plan_->threads)];
    for (int first = share.next.fetch_add(run, std::memory_order_relaxed); first < share.last && !stop();
         first = share.next.fetch_add(run, std::memory_order_relaxed))
      for (int i = first; i < std::min(first + run, share.last); ++i)
        network_.run_gradient_task(plan_->tasks[static_cast<size_t>(i)], plan_->inputs_per_task, request);
  }
}

template <class T>
void GradientMean::add(const Team& team, const kernels::KernelTable<T>& table, double weight, const T* part,
                       T* mean, int64_t size) noexcept {
  constexpr int64_t kLine = padded_columns<T>(1);
  const Team::Range own = team.share(size / kLine);
  const int64_t first = own.first * kLine, n = (own.last - own.first) * kLine;
  weight_ += weight;
  if (mean_over_rows_) {
    const T share = static_cast<T>(weight_ > 0.0 ? weight / weight_ : 0.0);
    return table.average_values(n, share, part + first, mean + first);
  }
  // Plain gradient descent with a rate of -1 is an addition.
  const T addition[kernels::kMaxCoefficients] = {T(-1)};
  table.update[static_cast<int>(kernels::UpdateRule::kSgd)](
      {n, mean + first, part + first, {}, nullptr, addition});
}

template <class T>
void GradientClipper<T>::prepare(const std::vector<Parameter>& parameters) {
  if (!pieces_.empty()) return;
  for (size_t i = 0; i < parameters.size(); ++i)
    for_each_run<T>(parameters[i], [&](int64_t offset, int64_t count) {
      for (int64_t done = 0; done < count; done += kClipChunk)
        pieces_.push_back({i, offset + done, std::min(kClipChunk, count - done)});
    });
  sums_.resize(pieces_.size());
}

template <class T>
void GradientClipper<T>::sum_squares(Team& team, const kernels::KernelTable<T>& table,
                                     const T* gradients) noexcept {
  const Team::Range own = team.share(static_cast<int64_t>(pieces_.size()));
  for (auto i = static_cast<size_t>(own.first); i < static_cast<size_t>(own.last); ++i)
    sums_[i] = table.sum_of_squares(pieces_[i].size, gradients + pieces_[i].offset);
  team.barrier();
}

// This member's share of the pieces [first, last).
template <class T>
void GradientClipper<T>::scale(const Team& team, const kernels::KernelTable<T>& table, double norm,
                               double limit, size_t first, size_t last, T* gradients) const noexcept {
  if (!(norm > limit)) return;
  const Team::Range own = team.share(static_cast<int64_t>(last - first));
  for (size_t i = first + static_cast<size_t>(own.first); i < first + static_cast<size_t>(own.last); ++i)
    table.scale_values(pieces_[i].size, static_cast<T>(limit / norm), gradients + pieces_[i].offset);
}

template <class T>
void GradientClipper<T>::clip(Team& team, const kernels::KernelTable<T>& table, const OptimizerSpec& limits,
                              T* gradients) noexcept {
  const auto norm_of = [&](size_t first, size_t last) {
    return std::sqrt(std::accumulate(sums_.begin() + static_cast<std::ptrdiff_t>(first),
                                     sums_.begin() + static_cast<std::ptrdiff_t>(last), 0.0));
  };
  const size_t count = pieces_.size();
  if (const T limit = static_cast<T>(limits.clip_value); limit > T(0)) {
    const Team::Range own = team.share(static_cast<int64_t>(count));
    for (auto i = static_cast<size_t>(own.first); i < static_cast<size_t>(own.last); ++i)
      table.clamp_values(pieces_[i].size, -limit, limit, gradients + pieces_[i].offset);
    team.barrier();
  }
  if (limits.clip_parameter_norm > 0.0) {
    sum_squares(team, table, gradients);
    for (size_t first = 0, last = 0; first < count; first = last) {
      while (last < count && pieces_[last].parameter == pieces_[first].parameter) ++last;
      scale(team, table, norm_of(first, last), limits.clip_parameter_norm, first, last, gradients);
    }
    team.barrier();
  }
  if (limits.clip_norm > 0.0) {
    sum_squares(team, table, gradients);
    scale(team, table, norm_of(0, count), limits.clip_norm, 0, count, gradients);
  }
}

template class GradientTasks<float>;
template class GradientTasks<double>;
template void GradientMean::add(const Team&, const kernels::KernelTable<float>&, double, const float*, float*,
                                int64_t) noexcept;
template void GradientMean::add(const Team&, const kernels::KernelTable<double>&, double, const double*,
                                double*, int64_t) noexcept;
template class GradientClipper<float>;
template class GradientClipper<double>;

}  // namespace lamina
