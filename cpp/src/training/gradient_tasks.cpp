// Sharing out and clipping of gradients.
#include "training/gradient_tasks.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "training/schedule.h"

namespace lamina {

namespace {

// Elements whose squares are summed as one piece, whoever does it.
constexpr int64_t kClipChunk = 4096;

// What fits in the second-level cache beside the rest.
constexpr int64_t kFetchedAtOnce = int64_t{512} << 10;
constexpr int64_t kCacheLine = 64;

inline void prefetch(const void* p) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#else
  (void)p;
#endif
}

}  // namespace

template <class T>
void GradientTasks<T>::prepare(int threads) {
  if (threads == prepared_threads_) return;
  inputs_per_task_ = inputs_per_gradient_task(network_.flat_size(), threads);
  tasks_ = network_.gradient_tasks(inputs_per_task_);
  scratch_size_ = row_stride_for<T>(network_.gradient_scratch_size(inputs_per_task_));
  if (scratch_.size() < threads * scratch_size_) scratch_ = AlignedBuffer<T>(threads * scratch_size_);
  shares_ = std::make_unique<Share[]>(static_cast<size_t>(threads));
  const auto count = static_cast<int>(tasks_.size());
  for (int i = 0; i < threads; ++i) {
    Share& share = shares_[static_cast<size_t>(i)];
    share.first = count * i / threads;
    share.last = count * (i + 1) / threads;
  }
  prepared_threads_ = threads;
}

template <class T>
void GradientTasks<T>::begin() noexcept {
  for (int i = 0; i < prepared_threads_; ++i) {
    Share& share = shares_[static_cast<size_t>(i)];
    share.next.store(share.first, std::memory_order_relaxed);
  }
}

template <class T>
void GradientTasks<T>::fetch_rows_of_others(const Team& team, const Workspace<T>& workspace,
                                            int64_t batch_rows) const noexcept {
  if (workspace.bytes() > kFetchedAtOnce || team.index >= prepared_threads_) return;
  const Share& share = shares_[static_cast<size_t>(team.index)];
  if (share.first == share.last) return;
  const Team::Range own = team.share(batch_rows);
  const auto fetch = [&](const T* buffer, const Slot<T>& slot, int64_t first, int64_t last) {
    const auto* begin = reinterpret_cast<const char*>(buffer + first * slot.row_stride);
    const auto* end = reinterpret_cast<const char*>(buffer + last * slot.row_stride);
    for (; begin < end; begin += kCacheLine) prefetch(begin);
  };
  for (int i = tasks_[static_cast<size_t>(share.first)].node;
       i <= tasks_[static_cast<size_t>(share.last - 1)].node; ++i) {
    const Node<T>& node = network_.nodes()[static_cast<size_t>(i)];
    const Slot<T>&input = workspace.slot(node.input_slot), &output = workspace.slot(node.output_slot);
    fetch(input.values, input, 0, own.first);
    fetch(input.values, input, own.last, batch_rows);
    fetch(output.delta, output, 0, own.first);
    fetch(output.delta, output, own.last, batch_rows);
  }
}

template <class T>
void GradientTasks<T>::run(const Team& team, Workspace<T>& workspace, int64_t batch_rows, T* gradients,
                           bool compute, ParameterUpdater<T>* updater, FunctionRef<bool()> stop) noexcept {
  T* scratch = scratch_.data() + team.index * scratch_size_;
  // Weights that both sides of the barrier read, or that other layers have driven out of the cache.
  const bool fetch_ahead =
      updater != nullptr &&
      (team.size > 1 || 4 * network_.flat_size() * static_cast<int64_t>(sizeof(T)) > kFetchedAtOnce);
  if (compute && team.size > 1) fetch_rows_of_others(team, workspace, batch_rows);
  // Runs of neighbouring tasks share inputs, and prefetch for each other.
  const int run = std::clamp(static_cast<int>(tasks_.size()) / (8 * team.size), 1, 4);
  for (int owner = 0; owner < prepared_threads_; ++owner) {
    Share& share = shares_[static_cast<size_t>((team.index + owner) % prepared_threads_)];
    for (int first = share.next.fetch_add(run, std::memory_order_relaxed); first < share.last && !stop();
         first = share.next.fetch_add(run, std::memory_order_relaxed))
      for (int i = first; i < std::min(first + run, share.last); ++i)
        network_.run_gradient_task(tasks_[static_cast<size_t>(i)], inputs_per_task_, workspace, batch_rows,
                                   gradients, compute, penalties_, updater, scratch, fetch_ahead);
  }
}

template <class T>
void GradientClipper<T>::prepare(int64_t size) {
  const int64_t chunks = (size + kClipChunk - 1) / kClipChunk;
  if (chunk_sums_.size() != chunks) chunk_sums_ = AlignedBuffer<double>(chunks);
}

template <class T>
void GradientClipper<T>::clip(Team& team, const kernels::KernelTable<T>& table, const Optimizer<T>& optimizer,
                              T* gradients, int64_t size) noexcept {
  const Team::Range own = team.share(chunk_sums_.size());
  const auto chunk = [&](int64_t i) {
    return std::span<T>(gradients + i * kClipChunk,
                        static_cast<size_t>(std::min(kClipChunk, size - i * kClipChunk)));
  };
  if (const T limit = static_cast<T>(optimizer.clip_value()); limit > T(0))
    for (int64_t i = own.first; i < own.last; ++i)
      for (T& g : chunk(i)) g = std::clamp(g, -limit, limit);
  if (!(optimizer.clip_norm() > 0.0)) return;
  for (int64_t i = own.first; i < own.last; ++i)
    chunk_sums_[i] = table.sum_of_squares(static_cast<int64_t>(chunk(i).size()), chunk(i).data());
  team.barrier();
  const double norm = std::sqrt(std::accumulate(chunk_sums_.begin(), chunk_sums_.end(), 0.0));
  if (!(norm > optimizer.clip_norm())) return;
  const T scale = static_cast<T>(optimizer.clip_norm() / norm);
  for (int64_t i = own.first; i < own.last; ++i)
    for (T& g : chunk(i)) g *= scale;
}

template class GradientTasks<float>;
template class GradientTasks<double>;
template class GradientClipper<float>;
template class GradientClipper<double>;

}  // namespace lamina
