// How work is cut: rows per tile, inputs per gradient task, and how many threads it deserves.
#pragma once

#include <cstdint>

namespace lamina {

// Rows that pass through all layers together, so that they stay in cache while each weight is read once;
// `row_bytes` of the widest layer.
int64_t row_tile(int64_t weight_bytes, int64_t row_bytes) noexcept;

// Whether a team shares each layer's columns rather than the batch's rows, of so many multiply-adds forward.
// A member then reads only weights that it wrote, at the cost of a barrier a layer and of outputs that pass
// between the members; many rows are better taken through all layers tile by tile, within the cache.
bool columns_are_shared(double multiply_adds, int64_t rows, bool double_precision, int threads) noexcept;

// Inputs of a gradient task of a batch of so many rows: few enough for every thread to find work, a multiple
// of the tallest tile, and more where panels are narrow or a row brings little work, so that each task's
// fixed costs stay small.
int64_t inputs_per_gradient_task(int64_t weights, int64_t panel_bytes, int64_t rows, int threads) noexcept;

// Of one core, for work that the kernels do near their best.
double estimated_microseconds(double multiply_adds, bool double_precision) noexcept;

// Whether the gradient is computed as a whole before the first update, so that an interrupt in between can
// leave the weights alone. Costs a pass over the gradient, so only where the tiles take long.
bool gradient_interruptible(double multiply_adds, int64_t rows, bool double_precision, int threads) noexcept;

// Threads for work of so many multiply-adds between two barriers; at most `limit`.
int deserved_threads(double multiply_adds, bool double_precision, int limit) noexcept;

}  // namespace lamina
