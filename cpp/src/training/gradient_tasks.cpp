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

}  // namespace

template <class T>
void GradientTasks<T>::prepare(int threads) {
  if (threads == prepared_threads_) return;
  inputs_per_task_ = inputs_per_gradient_task(network_.flat_size(), threads);
  tasks_ = network_.gradient_tasks(inputs_per_task_);
  scratch_size_ = row_stride_for<T>(network_.gradient_scratch_size(inputs_per_task_));
  if (scratch_.size() < threads * scratch_size_) scratch_ = AlignedBuffer<T>(threads * scratch_size_);
  prepared_threads_ = threads;
}

template <class T>
void GradientTasks<T>::run(const Team& team, Workspace<T>& workspace, int64_t batch_rows, T* gradients,
                           bool compute, ParameterUpdater<T>* updater, FunctionRef<bool()> stop) noexcept {
  T* scratch = scratch_.data() + team.index * scratch_size_;
  const int count = static_cast<int>(tasks_.size());
  // Runs of neighbouring tasks share inputs, and prefetch for each other.
  const int run = std::clamp(count / (8 * team.size), 1, 4);
  for (int first = next_.fetch_add(run, std::memory_order_relaxed); first < count && !stop();
       first = next_.fetch_add(run, std::memory_order_relaxed))
    for (int i = first; i < std::min(first + run, count); ++i)
      network_.run_gradient_task(tasks_[static_cast<size_t>(i)], inputs_per_task_, workspace, batch_rows,
                                 gradients, compute, updater, scratch);
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
