// What the kernels do with single columns of a table: encode them, or turn each into several learned columns.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lamina::kernels {

enum class ColumnKind : uint8_t { kNumber, kCategory, kDate, kCode };

// How a column in compact form (NaN: missing) becomes features, which stand one after another.
// kNumber: the scaled value, bent; `count` steps clip(p - k, 0, 1). Without steps the input is the scaled
// value,
//   with them it is p, the place among `knots` [count + 1], which are the scaled values at 0, 1, ...
// kCategory: `count` features, of which the input's is 1 where it is one of 0, 1, ...
// kCode: the input where it is one of 0, 1, ..., count - 1, else count.
// kDate: two inputs, whole days and the part of a day; (days - center) / scale, bent; sine and cosine of the
//   place in the year, the week and the day.
// `indicator`: one more feature, 1 where the input is missing.
template <class T>
struct ColumnCode {
  ColumnKind kind;
  bool indicator;
  int64_t count = 0;
  const T* knots = nullptr;
  T limit = T(0);     // of the bend z / sqrt(1 + (z / limit)^2); 0: none
  double fill = 0.0;  // the input, of a date the days, that a missing one counts as
  double center = 0.0, scale = 1.0;
};

// in[rows, inputs] -> out[rows, features]; inputs need no padding, that of the features becomes 0. Features
// are finite whatever the inputs.
template <class T>
struct EncodeColumns {
  int64_t rows;
  const ColumnCode<T>* codes;
  int64_t code_count;
  const T* in;
  int64_t in_row_stride;
  T* out;
  int64_t out_row_stride;
};

// dx[rows, inputs] from dy[rows, features]: 0 for codes, for missing inputs and in dx's padding. On a knot
// the segment above it counts, on the last one that below.
template <class T>
struct EncodeColumnsBackward {
  int64_t rows;
  const ColumnCode<T>* codes;
  int64_t code_count;
  const T* in;
  int64_t in_row_stride;
  const T* dy;
  int64_t dy_row_stride;
  T* dx;
  int64_t dx_row_stride;
};

// Of the structs below each is for one column of a layer's input. Rows of tables (weights and their
// gradients) are padded and aligned; x, y and dy are elements of one column and of its `units` outputs, at
// any address, in rows `..._row_stride` apart. Nothing but `units` elements of a row of outputs is touched.

// y[row] = table[code], codes 0, 1, ..., count - 1; whatever is none of them has row `count` of the table.
template <class T>
struct GatherTableRows {
  int64_t rows, units, count;
  const T* x;
  int64_t x_row_stride;
  const T* table;
  T* y;
  int64_t y_row_stride;
};

// sums[code - first] = the sum over rows ascending of dy[row], for codes in [first, last). A row of the sums
// that no code names is not touched; of the others bit first_bit + code - first of `named` is set. Bits that
// were set before mean sums to go on with.
template <class T>
struct SumTableRows {
  int64_t rows, units, count;
  const T* x;
  int64_t x_row_stride;
  const T* dy;
  int64_t dy_row_stride;
  int64_t first, last;
  T* sums;
  uint64_t* named;
  int64_t first_bit;
};

inline constexpr int64_t kMostBins = 512;

// y = f(bias + slope * x + sum over bins k of weight[k] * clip((x - edges[k]) / (edges[k + 1] - edges[k]), 0,
// 1)); the first bin goes on below 0, the last one above 1. y is 0 where x is NaN. f: relu, or nothing.
template <class T>
struct Piecewise {
  int64_t rows, units, bins;  // at most kMostBins
  const T* x;
  int64_t x_row_stride;
  const T* edges;  // [bins + 1], not falling; a bin without width is a step
  const T* weight;
  const T* bias;
  const T* slope;  // null: 0
  bool relu;
  T* y;
  int64_t y_row_stride;
};

// dx from dy and, where there is a relu, y. On an edge the bin above it counts.
template <class T>
struct PiecewiseBackward {
  Piecewise<T> forward;
  const T* dy;
  int64_t dy_row_stride;
  T* dx;
  int64_t dx_row_stride;
};

// Gradients of weight, bias and slope (null: not wanted) over all rows, and as many rows of memory as bins.
template <class T>
struct PiecewiseGradients {
  Piecewise<T> forward;
  const T* dy;
  int64_t dy_row_stride;
  T* weight;
  T* bias;
  T* slope;
  T* memory;
};

// waves[row] = cos(2 pi frequency x + phase) for each frequency, then the sines, at any address; x counts as
// 0 where it is NaN. Phases null: 0.
template <class T>
struct Waves {
  int64_t rows, count;
  const T* x;
  int64_t x_row_stride;
  const T* frequencies;
  const T* phases;
  T* waves;
  int64_t wave_row_stride;
};

// dx = sum over frequencies of 2 pi frequency (cosine dsine - sine dcosine), 0 where x is NaN; `deltas` are
// laid out like waves, without sines where `cosines_only`.
template <class T>
struct WavesBackward {
  Waves<T> forward;
  bool cosines_only;
  const T* deltas;
  int64_t delta_row_stride;
  T* dx;
  int64_t dx_row_stride;
};

// Adds to the gradients of the frequencies and the phases (null: not wanted), padded rows.
template <class T>
struct WavesGradients {
  Waves<T> forward;
  bool cosines_only;
  const T* deltas;
  int64_t delta_row_stride;
  T* frequencies;
  T* phases;
};

}  // namespace lamina::kernels
