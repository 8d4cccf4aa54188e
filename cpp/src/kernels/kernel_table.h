// The compute functions of one instruction set and scalar type, as a POD table.
//
// Layouts. A padded row holds `columns` rounded up to 64 bytes; every row starts on 64 bytes.
// A panel matrix B[depth, columns] stands as panels of `panel_columns` columns (the last one narrower,
// still a multiple of 64 bytes), each panel [panel_rows][its width] contiguous: panel p starts at
// p * panel_columns * panel_rows elements. Padding columns of weights and deltas are zero.
// All functions are noexcept, allocate nothing, assert only, and give the same bits for an element
// wherever it lies in the call (tile, tail, thread): each sum is one ascending chain of fused
// multiply-adds (portable: multiply, then add); single_row and panel_dots alone have orders of their own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/blend_rows.h"
#include "kernels/blocking.h"
#include "kernels/catalogue.h"
#include "kernels/coded_rows.h"
#include "kernels/column_jobs.h"
#include "kernels/sparse_product.h"

namespace lamina::kernels {

enum class ProductInit : uint8_t { kZero, kBias, kAccumulate };
enum class ProductEpilogue : uint8_t { kNone, kActivation, kDerivative };

inline constexpr int kMaxNextArrays = 5;

// C[rows, columns] = epilogue(init + sum over k ascending of A(i, k) * B(k, j)).
// A may have any strides (elements are broadcast). B is a panel matrix (panel_rows > 0; with kBias its row
// `depth` is the bias) or row-major (panel_rows == 0, b_row_stride). `columns` is padded (a multiple of
// 64 bytes). C is row-major and must not overlap A or B.
template <class T>
struct Product {
  int64_t rows, columns, depth;
  const T* a;
  int64_t a_row_stride, a_depth_stride;
  const T* b;
  int64_t panel_rows, b_row_stride;
  T* c;
  int64_t c_row_stride;
  ProductInit init;
  ProductEpilogue epilogue;
  // kActivation: c = f(z); where `aux` is not null, f'(z) goes there (activations whose derivative needs z).
  // kDerivative: c = z * f'(...), read from `aux`: the output y, or the stored f'(z) (stores_derivative).
  Activation activation;
  T parameter;
  T* aux;
  int64_t aux_row_stride;
  // Columns before the padding, or 0 if not known: a hint by which products of one to four columns are
  // computed along the rows. The bits are the same, but C's padding becomes f(0).
  int64_t true_columns;
  // Arrays of `next_bytes` that the caller writes right after, fetched along the way (row-major B alone): the
  // sums leave the memory idle.
  const void* next[kMaxNextArrays];
  int next_count;
  int64_t next_bytes;
  const Blocking* blocking;  // null: the defaults
};

inline constexpr int kMaxTransposedColumns = 4;

// One row: output = f(input * B + bias), B a panel matrix of `depth` rows (and the bias, where panel_rows is
// depth + 1). `input` may lie anywhere and needs no padding; `columns` is padded and `output` aligned.
// `transposed` is null or holds B's true columns, at most kMaxTransposedColumns, each as a row of padded
// depth.
template <class T>
struct SingleRow {
  int64_t depth, columns, true_columns;
  const T* panels;
  int64_t panel_rows;
  const T* transposed;
  Activation activation;
  T parameter;
};

// A block [rows, columns] of an activation; in place on `values`, or from `source`, which lies anywhere
// without gaps between rows of `columns`.
template <class T>
struct ActivationBlock {
  int64_t rows, columns;
  T* values;  // forward: z in, f(z) out; backward: dL/dy in, dL/dz out
  int64_t row_stride;
  T* aux;  // forward: null or receives f'(z); backward: y or f'(z), or z (see activation_backward_from_z)
  int64_t aux_row_stride;
  T parameter;
  const T* source = nullptr;
};

enum class TargetKind : uint8_t { kValues, kClasses };

// One loss over rows [rows, columns]; columns is the true width, padding of `delta` is set to zero. Rows of
// outputs and delta are padded and must not overlap; rows of targets may lie anywhere, without padding.
template <class T>
struct LossRows {
  int64_t rows, columns;
  const T* outputs;  // the network's outputs; logits for the "_with_logits" losses
  int64_t output_row_stride;
  const T* targets;  // kValues: [rows, columns] with target_row_stride
  int64_t target_row_stride;
  const int32_t* classes;  // kClasses: [rows]
  TargetKind target_kind;
  const T* weights;     // null or [rows]: factor of each row's loss and delta
  const T* parameters;  // of the loss (Huber delta, label smoothing, ...), meaning in catalogue.h
  T delta_scale;        // dL/doutput is multiplied by weight * delta_scale
  double* row_losses;   // [rows]: weight * (sum of the loss over the row's columns), unscaled
  T* delta;             // null (evaluation) or [rows, padded columns]: dL/doutput
  int64_t delta_row_stride;
};

// One optimizer update over n elements (a multiple of 64 bytes); old weights are kept in `backup` if not
// null.
template <class T>
struct Update {
  int64_t n;
  T* weights;
  const T* gradients;  // [n], or [width] where there are factors
  T* state[3];
  T* backup;
  const T* coefficients;       // per step, meaning in catalogue.h
  const T* factors = nullptr;  // null, or [n / width]: the gradient is their outer product with `gradients`
  int64_t width = 0;
};

enum class SourceType : uint8_t { kF32, kF64, kU8, kI8, kU16, kI16, kI32, kU32, kI64, kU64, kBool, kF16 };

// Rows of a user's array into padded rows of T, converted once.
template <class T>
struct GatherRows {
  int64_t rows, columns;
  const void* source;
  SourceType type;
  int64_t source_row_stride, source_column_stride;  // bytes, may be negative
  const int64_t* indices;                           // null: rows first_row, first_row + 1, ...
  int64_t following;  // how many more indices come after these, of rows that are gathered later
  int64_t first_row;
  T* out;
  int64_t out_row_stride;  // padding columns are set to zero
  // [columns], subtracted in double before an element is rounded to T, as the sum of both; null: nothing.
  const T* offset = nullptr;
  const T* offset_low = nullptr;
};

// Batch normalisation (Ioffe & Szegedy 2015) of `columns` true columns: xhat = (x - mean) / sqrt(variance +
// epsilon), y = weight * xhat + bias. Of the row x only its true columns are read by batch_norm_forward; all
// other rows and vectors are padded. Each function says which of these it reads and writes.
template <class T>
struct BatchNorm {
  int64_t rows, columns;
  const T* x;
  int64_t x_row_stride;
  T *mean, *variance, *unbiased_variance;
  T epsilon;
  const T* weight;  // null: 1
  const T* bias;    // null: 0
  T* y;
  int64_t y_row_stride;
  const T* dy;  // 0 in its padding
  int64_t dy_row_stride;
  T *weight_gradient, *bias_gradient;
  T coupling;  // 1 / rows of the batch where mean and variance are its own; 0 where they are constants
  T* dx;
  int64_t dx_row_stride;
};

// Alpha dropout of rows [first_row, first_row + rows): value = kept ? value * scale + added : dropped, with
// the keeps of dropout_rows. With `added` and `dropped` 0 it is its own backward.
template <class T>
struct AlphaDropoutRows {
  int64_t first_row, rows, columns;
  T* values;
  int64_t row_stride;
  uint64_t seed, step;
  uint32_t layer;
  T drop_rate, scale, added, dropped;
};

// Rows in place: (x - mean) / sqrt(variance + epsilon) over the row's `columns`, times scale, plus shift; not
// centered: x / sqrt(mean of squares + epsilon). Padding becomes zero.
template <class T>
struct NormalizeRows {
  int64_t rows, columns;
  bool centered;
  T epsilon;
  const T* scale;  // null or [padded columns], as is shift
  const T* shift;
  T* values;
  int64_t row_stride;
  T* moments;  // null, or receives each row's mean (0 if not centered) and factor 1 / sqrt(...)
  int64_t moment_row_stride;
};

// dx from dy, the x that came in, and the moments that forward left; dx's padding becomes zero.
template <class T>
struct NormalizeRowsBackward {
  int64_t rows, columns;
  bool centered;
  const T* scale;  // null or [padded columns]
  const T* x;
  int64_t x_row_stride;
  const T* moments;
  int64_t moment_row_stride;
  const T* dy;
  int64_t dy_row_stride;
  T* dx;
  int64_t dx_row_stride;
};

// out[columns] = sum over rows ascending of dy * x, or of dy * (x - moments[0]) * moments[1] where there are
// moments of each row: the gradient of a factor. `columns` is padded.
template <class T>
struct ScaleSums {
  int64_t rows, columns;
  const T* x;
  int64_t x_row_stride;
  const T* moments;
  int64_t moment_row_stride;
  const T* dy;
  int64_t dy_row_stride;
  T* out;
};

// out[row] = dot product of row `row` of the panel matrix `b` with x[columns], for rows [first, last);
// `first` is a multiple of the vector's lanes. Nothing else of `out` is touched.
template <class T>
struct PanelDots {
  int64_t first, last;
  int64_t columns;  // padded
  const T* b;
  int64_t panel_rows;
  const T* x;
  T* out;
};

template <class T>
struct KernelTable {
  const char* name;       // "portable", "sse2", "avx2", "avx512", "neon"
  int64_t lanes;          // elements in one vector
  int64_t panel_columns;  // a multiple of 64 bytes

  void (*product)(const Product<T>&) noexcept;
  void (*sparse_product)(const SparseProduct<T>&) noexcept;
  void (*sparse_gradient)(const SparseGradient<T>&) noexcept;
  // Moves a padded row's elements that are not 0 (NaN is none) to its front, in order, and writes their
  // columns to `numbers` [padded columns], whose rest may change; returns how many there are.
  int64_t (*keep_nonzero)(int64_t columns, T* values, int32_t* numbers) noexcept;
  void (*coded_product)(const CodedProduct<T>&) noexcept;
  void (*coded_gradient)(const CodedGradient<T>&) noexcept;
  void (*split_scaled_gradient)(const ScaledGradient<T>&) noexcept;
  // For the shortest time from input to output: the order of its sums is its own, the same at every call.
  // It sums so many columns at once: a call for a part of the columns that begins at a multiple has the same
  // bits.
  int64_t single_row_columns;
  void (*single_row)(const SingleRow<T>&, const T* input, T* output) noexcept;
  // The order of its sums is its own, the same for any range of rows.
  void (*panel_dots)(const PanelDots<T>&) noexcept;
  // out[columns] = sum over rows ascending of b[row, columns]; the bias gradient.
  void (*column_sums)(int64_t rows, int64_t columns, const T* b, int64_t b_row_stride, T* out) noexcept;
  // out[c * out_row_stride + r] = in[r * in_row_stride + c]; any number of rows and columns; `in` rows are
  // padded, `out` rows need not be; nothing but rows x columns elements is written.
  void (*transpose)(int64_t rows, int64_t columns, const T* in, int64_t in_row_stride, T* out,
                    int64_t out_row_stride) noexcept;

  void (*activation_forward[kActivationCount])(const ActivationBlock<T>&) noexcept;
  void (*activation_backward[kActivationCount])(const ActivationBlock<T>&) noexcept;
  // The same where aux holds z, at any address; null but where gradient_source() is kInput.
  void (*activation_backward_from_z[kActivationCount])(const ActivationBlock<T>&) noexcept;
  // Softmax over each row's first `columns` elements in place, or from `source` as in ActivationBlock (log:
  // log-softmax); padding becomes zero.
  void (*softmax_rows)(int64_t rows, int64_t columns, T* values, int64_t row_stride, bool log,
                       const T* source) noexcept;
  // delta = y * (delta - sum(delta * y)) row by row (log: delta - exp(y) * sum(delta)), in place on delta or
  // from `source`.
  void (*softmax_backward_rows)(int64_t rows, int64_t columns, const T* y, int64_t y_row_stride, T* delta,
                                int64_t delta_row_stride, bool log, const T* source) noexcept;

  void (*loss_rows[kLossCount])(const LossRows<T>&) noexcept;
  // Returns false when a new weight is not finite (the weights are written all the same).
  bool (*update[kUpdateRuleCount])(const Update<T>&) noexcept;

  void (*gather_rows)(const GatherRows<T>&) noexcept;
  // Dropout on rows [first_row, first_row + rows): values *= keep ? scale : 0. Keep depends on (seed, step,
  // layer, row, column, columns) alone; scale is the inverse of the exact keep rate, which comes in steps of
  // 1 / 65536. The same call serves forward and backward.
  void (*dropout_rows)(int64_t first_row, int64_t rows, int64_t columns, T* values, int64_t row_stride,
                       uint64_t seed, uint64_t step, uint32_t layer, T drop_rate) noexcept;
  void (*alpha_dropout_rows)(const AlphaDropoutRows<T>&) noexcept;
  // values += deviation * a standard normal number, which depends on the same as dropout's keep.
  void (*noise_rows)(int64_t first_row, int64_t rows, int64_t columns, T* values, int64_t row_stride,
                     uint64_t seed, uint64_t step, uint32_t layer, T deviation) noexcept;
  bool (*all_finite)(int64_t n, const T* values) noexcept;
  // In double, in an order that is the same on every instruction set.
  double (*sum_of_squares)(int64_t n, const T* values) noexcept;
  double (*sum_of_magnitudes)(int64_t n, const T* values) noexcept;

  void (*normalize_rows)(const NormalizeRows<T>&) noexcept;
  void (*normalize_backward_rows)(const NormalizeRowsBackward<T>&) noexcept;
  void (*scale_sums)(const ScaleSums<T>&) noexcept;
  // values = values * scale + shift by column; shift null: 0. `columns` is padded here and below, as are
  // arrays of one element a column.
  void (*affine_rows)(int64_t rows, int64_t columns, const T* scale, const T* shift, T* values,
                      int64_t row_stride) noexcept;
  // values = (values - mean) / deviation by column; mean null: 0; a deviation of 0 counts as 1.
  void (*standardize_rows)(int64_t rows, int64_t columns, const T* mean, const T* deviation, T* values,
                           int64_t row_stride) noexcept;
  // delta = 0 where x lies outside [low, high] or is NaN.
  void (*clip_backward_rows)(int64_t rows, int64_t columns, T low, T high, const T* x, int64_t x_row_stride,
                             T* delta, int64_t delta_row_stride) noexcept;

  void (*blend_rows)(const BlendRows<T>&) noexcept;
  void (*blend_backward_rows)(const BlendRowsBackward<T>&) noexcept;

  void (*encode_columns)(const EncodeColumns<T>&) noexcept;
  // The same features coded (see FeatureCodes): numbers without their steps and dates as plain ones, whose
  // runs' numbers begin at plain_count. Nothing else of a row is touched.
  void (*code_columns)(const EncodeColumns<T>&, int64_t plain_count) noexcept;
  void (*encode_columns_backward)(const EncodeColumnsBackward<T>&) noexcept;
  void (*gather_table_rows)(const GatherTableRows<T>&) noexcept;
  void (*sum_table_rows)(const SumTableRows<T>&) noexcept;
  void (*piecewise_forward)(const Piecewise<T>&) noexcept;
  void (*piecewise_backward)(const PiecewiseBackward<T>&) noexcept;
  void (*piecewise_gradients)(const PiecewiseGradients<T>&) noexcept;
  void (*waves_forward)(const Waves<T>&) noexcept;
  void (*waves_backward)(const WavesBackward<T>&) noexcept;
  void (*waves_gradients)(const WavesGradients<T>&) noexcept;

  // Parametric ReLU, one slope a column, or slopes[0] for all where `shared`.
  // y = z > 0 ? z : slope * z; y may be z.
  void (*prelu_forward)(int64_t rows, int64_t columns, const T* z, int64_t z_row_stride, const T* slopes,
                        bool shared, T* y, int64_t y_row_stride) noexcept;
  // dz = z > 0 ? dy : slope * dy; dz may be dy.
  void (*prelu_backward)(int64_t rows, int64_t columns, const T* z, int64_t z_row_stride, const T* slopes,
                         bool shared, const T* dy, int64_t dy_row_stride, T* dz,
                         int64_t dz_row_stride) noexcept;
  // out[columns] = sum over rows ascending of dy * min(z, 0): the gradient of the slopes.
  void (*prelu_slope_sums)(int64_t rows, int64_t columns, const T* z, int64_t z_row_stride, const T* dy,
                           int64_t dy_row_stride, T* out) noexcept;

  // Over n elements, a multiple of 64 bytes: values = min(max(values, low), high), NaN stays NaN;
  // values *= factor; average += share * (values - average).
  void (*clamp_values)(int64_t n, T low, T high, T* values) noexcept;
  void (*scale_values)(int64_t n, T factor, T* values) noexcept;
  void (*average_values)(int64_t n, T share, const T* values, T* average) noexcept;
  // Columns of a block or panel [rows, columns] whose Euclidean norm exceeds `limit` are scaled down to it.
  void (*limit_column_norms)(int64_t rows, int64_t columns, T limit, T* values, int64_t row_stride) noexcept;
  // gradients += l1 * sign(weights) + 2 * l2 * weights over n elements, a multiple of 64 bytes.
  void (*add_penalty)(int64_t n, T l1, T l2, const T* weights, T* gradients) noexcept;
  // The sum of n elements in ascending order, in double.
  double (*sum)(int64_t n, const T* values) noexcept;

  // y += x; `columns` is padded.
  void (*add_rows)(int64_t rows, int64_t columns, const T* x, int64_t x_row_stride, T* y,
                   int64_t y_row_stride) noexcept;
  // x -> mean, variance, unbiased_variance: over all rows in their order, by sums of 64 rows.
  void (*batch_moments)(const BatchNorm<T>&) noexcept;
  // x, mean, variance -> y.
  void (*batch_norm_forward)(const BatchNorm<T>&) noexcept;
  // x, dy, mean, variance -> weight_gradient = sum of dy * xhat, bias_gradient = sum of dy, in row order.
  void (*batch_norm_gradients)(const BatchNorm<T>&) noexcept;
  // x, dy, mean, variance, both gradients -> dx, 0 in its padding.
  void (*batch_norm_backward)(const BatchNorm<T>&) noexcept;
};

}  // namespace lamina::kernels
