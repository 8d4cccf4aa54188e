// The product of a single row with a panel matrix: as many independent sums as hide the latency of fma.
//
// Wide layers take several panels at once, one chain a vector; narrow ones cut the depth into chains, which
// are added at the end; the narrowest run vectors along the depth. So the order of a sum depends on the
// layer's size alone, and is not that of product.inl.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/product/product.inl"
#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

// Independent sums in flight: two fma a cycle at a latency of four.
constexpr int kRowChains = 8;
template <class T>
constexpr int kPanelVectors = static_cast<int>(kPanelColumns<T> / Vec<T>::kLanes);
template <class T>
constexpr int kPanelsAtOnce = kPanelVectors<T> < kRowChains ? kRowChains / kPanelVectors<T> : 1;

template <class T>
constexpr int64_t kRowGroup = kPanelsAtOnce<T> * kPanelColumns<T>;

// Where kPanels panels of kVectors vectors stand, and where their columns go.
template <class T>
struct RowPanels {
  const T* b;
  int64_t panel_stride;
  const T* bias;  // null: none
  T* out;
  Activation activation;
  T parameter;
};

template <class T, int kVectors, int... I>
LAMINA_INLINE void row_step(Vec<T>* sums, T x, const T* b, int64_t panel_stride, Indices<I...>) {
  const Vec<T> factor = broadcast<T>(x);
  ((sums[I] = fma(factor, load(b + I / kVectors * panel_stride + I % kVectors * Vec<T>::kLanes), sums[I])),
   ...);
}

// One depth step of every chain.
template <class T, int kVectors, int kSums, class Columns, int... C>
LAMINA_INLINE void all_chains(Vec<T>* sums, const T* x, const T* b, int64_t panel_stride, Columns columns,
                              Indices<C...>) {
  constexpr int64_t kWidth = kVectors * Vec<T>::kLanes;
  (row_step<T, kVectors>(sums + C * kSums, x[C], b + C * kWidth, panel_stride, columns), ...);
}

// The last steps, fewer than there are chains.
template <class T, int kVectors, int kSums, class Columns, int... C>
LAMINA_INLINE void some_chains(Vec<T>* sums, int64_t count, const T* x, const T* b, int64_t panel_stride,
                               Columns columns, Indices<C...>) {
  constexpr int64_t kWidth = kVectors * Vec<T>::kLanes;
  ((C < count ? row_step<T, kVectors>(sums + C * kSums, x[C], b + C * kWidth, panel_stride, columns)
              : void()),
   ...);
}

template <class T, int... I>
LAMINA_INLINE void add_chain(Vec<T>* sums, const Vec<T>* others, Indices<I...>) {
  ((sums[I] = sums[I] + others[I]), ...);
}

// Chains 0, 1, ... pairwise into chain 0.
template <class T, int kChains, int kSums>
LAMINA_INLINE void add_chains(Vec<T>* sums) {
  if constexpr (kChains > 1) {
    constexpr int kHalf = (kChains + 1) / 2;
    add_chain(sums, sums + kHalf * kSums, IndicesTo<(kChains - kHalf) * kSums>{});
    add_chains<T, kHalf, kSums>(sums);
  }
}

template <class T, int kVectors, int... I>
LAMINA_INLINE void row_start(Vec<T>* sums, const RowPanels<T>& p, Indices<I...>) {
  if (p.bias != nullptr) {
    ((sums[I] = load(p.bias + I / kVectors * p.panel_stride + I % kVectors * Vec<T>::kLanes)), ...);
  } else {
    ((sums[I] = zero<T>()), ...);
  }
}

template <class T, int... I>
LAMINA_INLINE void row_finish(Vec<T>* sums, const RowPanels<T>& p, Indices<I...>) {
  if (p.activation == Activation::kRelu) {
    ((sums[I] = max(zero<T>(), sums[I])), ...);
  } else if (p.activation == Activation::kLeakyRelu) {
    const Vec<T> slope = broadcast<T>(p.parameter);
    ((sums[I] = select(gt(sums[I], zero<T>()), sums[I], slope * sums[I])), ...);
  }
  (store(p.out + I * Vec<T>::kLanes, sums[I]), ...);
}

template <class T, int... I>
LAMINA_INLINE void set_zero(Vec<T>* sums, Indices<I...>) {
  ((sums[I] = zero<T>()), ...);
}

// The columns of kPanels panels that are kVectors vectors wide, in kChains chains each.
template <class T, int kPanels, int kVectors, int kChains>
LAMINA_INLINE void run_row_panels(int64_t depth, const T* x, const RowPanels<T>& p) {
  constexpr int kSums = kPanels * kVectors;
  constexpr int64_t kWidth = kVectors * Vec<T>::kLanes;
  using Columns = IndicesTo<kSums>;
  using Chains = IndicesTo<kChains>;
  Vec<T> sums[kSums * kChains];
  row_start<T, kVectors>(sums, p, Columns{});
  if constexpr (kChains > 1) set_zero<T>(sums + kSums, IndicesTo<kSums*(kChains - 1)>{});
  const T* b = p.b;
  int64_t k = 0;
  for (; k + kChains <= depth; k += kChains, b += kChains * kWidth) {
    all_chains<T, kVectors, kSums>(sums, x + k, b, p.panel_stride, Columns{}, Chains{});
  }
  if constexpr (kChains > 1) {
    some_chains<T, kVectors, kSums>(sums, depth - k, x + k, b, p.panel_stride, Columns{}, Chains{});
  }
  add_chains<T, kChains, kSums>(sums);
  row_finish(sums, p, Columns{});
}

// The last panel, narrower than the others.
template <class T, int kVectors = kPanelVectors<T>>
LAMINA_INLINE void run_last_panel(int vectors, int64_t depth, const T* x, const RowPanels<T>& p) {
  constexpr int kChains = kVectors < kRowChains ? kRowChains / kVectors : 1;
  if (vectors == kVectors) {
    run_row_panels<T, 1, kVectors, kChains>(depth, x, p);
  } else if constexpr (kVectors > kLeastVectors<T>) {
    run_last_panel<T, kVectors - kLeastVectors<T>>(vectors, depth, x, p);
  }
}

template <class T, int... C>
LAMINA_INLINE void transposed_step(Vec<T>* sums, Vec<T> x, const T* b, int64_t b_stride, Indices<C...>) {
  ((sums[C] = fma(x, load(b + C * b_stride), sums[C])), ...);
}

template <class T, int kColumns, int... K>
LAMINA_INLINE void transposed_chains(Vec<T>* sums, const T* x, const T* b, int64_t b_stride, Indices<K...>) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  (transposed_step(sums + K * kColumns, loadu(x + K * kLanes), b + K * kLanes, b_stride,
                   IndicesTo<kColumns>{}),
   ...);
}

template <class T, int... C>
LAMINA_INLINE void transposed_finish(const Vec<T>* sums, const T* bias, T* out, Indices<C...>) {
  ((out[C] = bias != nullptr ? reduce_add(sums[C]) + bias[C] : reduce_add(sums[C])), ...);
}

// A few columns, vectors along the depth: no work for padding columns.
template <class T, int kColumns>
LAMINA_INLINE void run_transposed(const SingleRow<T>& r, const T* x, T* out) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  constexpr int kChains = kRowChains / kColumns;
  const int64_t b_stride = (r.depth + kLineElements<T> - 1) / kLineElements<T> * kLineElements<T>;
  Vec<T> sums[kColumns * kChains];
  set_zero<T>(sums, IndicesTo<kColumns * kChains>{});
  int64_t k = 0;
  for (; k + kChains * kLanes <= r.depth; k += kChains * kLanes) {
    transposed_chains<T, kColumns>(sums, x + k, r.transposed + k, b_stride, IndicesTo<kChains>{});
  }
  for (; k + kLanes <= r.depth; k += kLanes) {
    transposed_chains<T, kColumns>(sums, x + k, r.transposed + k, b_stride, IndicesTo<1>{});
  }
  if (k < r.depth)
    transposed_step(sums, load_n(x + k, r.depth - k), r.transposed + k, b_stride, IndicesTo<kColumns>{});
  add_chains<T, kChains, kColumns>(sums);
  for (int64_t j = 0; j < r.columns; j += kLanes) store(out + j, zero<T>());
  const T* bias = r.panel_rows > r.depth ? r.panels + r.depth * r.columns : nullptr;
  transposed_finish(sums, bias, out, IndicesTo<kColumns>{});
}

template <class T, int kColumns = kMaxTransposedColumns>
LAMINA_INLINE void run_transposed_columns(const SingleRow<T>& r, const T* x, T* out) {
  if (r.true_columns == kColumns) {
    run_transposed<T, kColumns>(r, x, out);
  } else if constexpr (kColumns > 1) {
    run_transposed_columns<T, kColumns - 1>(r, x, out);
  }
}

template <class T>
LAMINA_INLINE void run_all_panels(const SingleRow<T>& r, const T* input, T* output) {
  const int64_t panel_stride = kPanelColumns<T> * r.panel_rows;
  const auto panels_at = [&](int64_t column, int64_t width) {
    const T* b = r.panels + column * r.panel_rows;
    const T* bias = r.panel_rows > r.depth ? b + r.depth * width : nullptr;
    return RowPanels<T>{b, panel_stride, bias, output + column, r.activation, r.parameter};
  };
  int64_t column = 0;
  for (; r.columns - column >= kRowGroup<T>; column += kRowGroup<T>) {
    run_row_panels<T, kPanelsAtOnce<T>, kPanelVectors<T>, 1>(r.depth, input,
                                                             panels_at(column, kPanelColumns<T>));
  }
  while (column < r.columns) {
    const int64_t left = r.columns - column;
    const int64_t width = left < kPanelColumns<T> ? left : kPanelColumns<T>;
    run_last_panel<T>(static_cast<int>(width / Vec<T>::kLanes), r.depth, input, panels_at(column, width));
    column += width;
  }
}

template <class T>
void single_row(const SingleRow<T>& r, const T* input, T* output) noexcept {
  if (r.transposed == nullptr) {
    run_all_panels(r, input, output);
    if (r.activation == Activation::kRelu || r.activation == Activation::kLeakyRelu) return;
  } else {
    run_transposed_columns(r, input, output);
  }
  if (r.activation == Activation::kIdentity) return;
  activation_function<T>(r.activation, false)({1, r.columns, output, r.columns, nullptr, 0, r.parameter});
}

}  // namespace
}  // namespace lamina::kernels
