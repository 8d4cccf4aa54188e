// Runs an elementwise loss over rows: along the columns, or down the rows where there is one column.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/rows/row_parts.inl"

namespace lamina::kernels {
namespace {

template <class T>
LAMINA_INLINE T row_weight(const LossRows<T>& job, int64_t row) {
  return job.weights == nullptr ? T(1) : job.weights[row];
}

// A block of rows of one column, which a vector runs down.
template <class T>
struct ColumnBlock {
  static constexpr int64_t kRows = 4 * Vec<T>::kLanes;
  alignas(64) T y[kRows] = {}, t[kRows] = {}, loss[kRows], derivative[kRows];
};

// What surrounds a loss is compiled once for all losses.
template <class T>
LAMINA_NOINLINE void read_column_block(const LossRows<T>& job, int64_t first, int64_t count,
                                       ColumnBlock<T>& block) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    block.y[i] = job.outputs[(first + i) * job.output_row_stride];
    block.t[i] = job.targets[(first + i) * job.target_row_stride];
  }
}

template <class T>
LAMINA_NOINLINE void write_column_block(const LossRows<T>& job, int64_t first, int64_t count,
                                        const ColumnBlock<T>& block) noexcept {
  constexpr int64_t kPadded = padded_columns<T>(1);
  double* losses = job.row_losses + first;
  if (job.weights == nullptr) {
    for (int64_t i = 0; i < count; ++i) losses[i] = static_cast<double>(block.loss[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      losses[i] = static_cast<double>(block.loss[i]) * static_cast<double>(job.weights[first + i]);
    }
  }
  if (job.delta == nullptr) return;
  T* delta = job.delta + first * job.delta_row_stride;
  for (int64_t i = 0; i < count; ++i, delta += job.delta_row_stride) {
    for (int64_t c = Vec<T>::kLanes; c < kPadded; c += Vec<T>::kLanes) store(delta + c, zero<T>());
    store(delta, first_lane(block.derivative[i] * (row_weight(job, first + i) * job.delta_scale)));
  }
}

template <class T, class F>
LAMINA_INLINE void loss_of_single_column(const LossRows<T>& job, const F& function) {
  ColumnBlock<T> block;
  for (int64_t first = 0; first < job.rows; first += ColumnBlock<T>::kRows) {
    const int64_t count = smaller(ColumnBlock<T>::kRows, job.rows - first);
    read_column_block(job, first, count, block);
    for (int64_t i = 0; i < count; i += Vec<T>::kLanes) {
      Vec<T> slope;
      store(block.loss + i, function(load(block.y + i), load(block.t + i), slope));
      store(block.derivative + i, slope);
    }
    write_column_block(job, first, count, block);
  }
}

// The sum over columns of one row's losses; delta (may be null) gets the derivatives times factor.
template <class T, class F>
LAMINA_INLINE double loss_of_row(const F& function, int64_t columns, const T* y, const T* t, T* delta,
                                 T factor) {
  RowSum<T> sum;
  int64_t c = 0;
  for (; c + Vec<T>::kLanes <= columns; c += Vec<T>::kLanes) {
    Vec<T> derivative;
    sum.add(function(loadu(y + c), loadu(t + c), derivative));
    if (delta != nullptr) store(delta + c, derivative * broadcast<T>(factor));
  }
  if (c < columns) {
    const Mask<T> inside = first_lanes_mask<T>(columns - c);
    Vec<T> derivative;
    const Vec<T> loss = function(load_n(y + c, columns - c), load_n(t + c, columns - c), derivative);
    sum.add(select(inside, loss, zero<T>()));
    if (delta != nullptr) {
      store(delta + c, select(inside, derivative * broadcast<T>(factor), zero<T>()));
      c += Vec<T>::kLanes;
    }
  }
  if (delta != nullptr) {
    for (; c < padded_columns<T>(columns); c += Vec<T>::kLanes) store(delta + c, zero<T>());
  }
  return sum.total();
}

template <class T, class F>
void elementwise_loss(const LossRows<T>& job) noexcept {
  const F function(job.parameters);
  if (job.columns == 1) return loss_of_single_column(job, function);
  for (int64_t row = 0; row < job.rows; ++row) {
    const T weight = row_weight(job, row);
    T* delta = job.delta == nullptr ? nullptr : job.delta + row * job.delta_row_stride;
    const double loss =
        loss_of_row(function, job.columns, job.outputs + row * job.output_row_stride,
                    job.targets + row * job.target_row_stride, delta, weight * job.delta_scale);
    job.row_losses[row] = loss * static_cast<double>(weight);
  }
}

// The losses and derivatives of `count` elements, a whole number of vectors; the buffers written are aligned.
template <class T, class F>
void losses_of_elements(const T* parameters, int64_t count, const T* y, const T* t, T* loss,
                        T* derivative) noexcept {
  const F function(parameters);
  for (int64_t i = 0; i < count; i += Vec<T>::kLanes) {
    Vec<T> slope;
    store(loss + i, function(loadu(y + i), loadu(t + i), slope));
    store(derivative + i, slope);
  }
}
template <class T>
using LossesOfElements = void (*)(const T* parameters, int64_t count, const T* y, const T* t, T* loss,
                                  T* derivative) noexcept;

// Up to a block of a row's columns; adds their losses to `sum`.
template <class T>
LAMINA_INLINE void loss_of_columns(const LossRows<T>& job, LossesOfElements<T> losses, int64_t count,
                                   const T* y, const T* t, T* delta, Vec<T> factor, ColumnBlock<T>& block,
                                   RowSum<T>& sum) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  const int64_t whole = count / kLanes * kLanes;
  if (whole > 0) losses(job.parameters, whole, y, t, block.loss, block.derivative);
  if (whole < count) {
    store(block.y, load_n(y + whole, count - whole));
    store(block.t, load_n(t + whole, count - whole));
    losses(job.parameters, kLanes, block.y, block.t, block.loss + whole, block.derivative + whole);
  }
  for (int64_t c = 0; c < count; c += kLanes) {
    const Mask<T> inside = first_lanes_mask<T>(count - c);
    sum.add(select(inside, load(block.loss + c), zero<T>()));
    if (delta != nullptr) store(delta + c, select(inside, load(block.derivative + c) * factor, zero<T>()));
  }
}

// As elementwise_loss, with one loop for all losses, which a pointer leads to.
template <class T>
LAMINA_NOINLINE void elementwise_loss_by(const LossRows<T>& job, LossesOfElements<T> losses) noexcept {
  constexpr int64_t kBlock = ColumnBlock<T>::kRows;
  ColumnBlock<T> block;
  if (job.columns == 1) {
    for (int64_t first = 0; first < job.rows; first += kBlock) {
      const int64_t count = smaller(kBlock, job.rows - first);
      read_column_block(job, first, count, block);
      const int64_t vectors = (count + Vec<T>::kLanes - 1) / Vec<T>::kLanes;
      losses(job.parameters, vectors * Vec<T>::kLanes, block.y, block.t, block.loss, block.derivative);
      write_column_block(job, first, count, block);
    }
    return;
  }
  for (int64_t row = 0; row < job.rows; ++row) {
    const T weight = row_weight(job, row);
    const T* y = job.outputs + row * job.output_row_stride;
    const T* t = job.targets + row * job.target_row_stride;
    T* delta = job.delta == nullptr ? nullptr : job.delta + row * job.delta_row_stride;
    const Vec<T> factor = broadcast<T>(weight * job.delta_scale);
    RowSum<T> sum;
    for (int64_t c = 0; c < job.columns; c += kBlock) {
      loss_of_columns(job, losses, smaller(kBlock, job.columns - c), y + c, t + c,
                      delta == nullptr ? nullptr : delta + c, factor, block, sum);
    }
    job.row_losses[row] = sum.total() * static_cast<double>(weight);
    if (delta == nullptr) continue;
    const int64_t written = (job.columns + Vec<T>::kLanes - 1) / Vec<T>::kLanes * Vec<T>::kLanes;
    for (int64_t c = written; c < padded_columns<T>(job.columns); c += Vec<T>::kLanes) {
      store(delta + c, zero<T>());
    }
  }
}

// A loss that is rare, or whose logarithms and powers take longer than what surrounds them.
template <class T, class F>
void shared_elementwise_loss(const LossRows<T>& job) noexcept {
  elementwise_loss_by<T>(job, &losses_of_elements<T, F>);
}

}  // namespace
}  // namespace lamina::kernels
