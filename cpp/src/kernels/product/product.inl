// Matrix product by register tiles over panels of B, with bias and activation fused in.
//
// A tile keeps kRows x kVectors accumulators in registers over the whole depth block. Every element is
// one ascending chain of fma(a, b, sum), so tile shapes and blocking never change its bits.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/product/narrow.inl"
#include "kernels/product/panels.inl"
#include "kernels/simd/base.h"

namespace lamina::kernels {
namespace {

// Block functions for activations that the tiles do not apply in registers; from table.inl.
template <class T>
using BlockFunction = void (*)(const ActivationBlock<T>&) noexcept;
template <class T>
LAMINA_INLINE BlockFunction<T> activation_function(Activation activation, bool backward);

// Narrower tiles take more rows, to hide the latency of fma; with more than eight, a row stride of 4096 bytes
// would overflow the ways of the first-level cache.
constexpr int tile_rows(int vectors) { return vectors == kTileVectors ? kTileRows : 8; }
constexpr Blocking kDefaultBlocking;
// Rows of a row-major B, and columns of its A, may lie in a page each: a pass of tiles of one line a row
// takes as many as a small first-level TLB holds; wider tiles hide the misses.
constexpr int64_t kNarrowRowMajorRows = 32;
template <class T>
constexpr bool kHasNarrowTiles = kTileColumns<T> <= kLineElements<T>;

// What happens to a finished sum in registers.
enum class Finish : uint8_t { kNone, kRelu, kLeakyRelu, kReluMask, kLeakyReluMask, kMultiply };

// What is fetched into cache while a strip is summed.
template <class T>
struct Ahead {
  const T* rows;              // of B, read next with the same stride; null: none
  const void* const* arrays;  // `count` arrays of `lines` cache lines, used after this strip
  int count;
  int64_t lines;
  int64_t tiles, lines_per_tile;  // tiles that fetch one of these arrays, each so many lines
};

// A product of one tile width: all rows, one depth block.
template <class T>
struct Strip {
  int64_t depth;
  const T* a;
  int64_t a_row_stride, a_depth_stride;
  const T* b;
  int64_t b_stride;
  T* c;
  int64_t c_stride;
  const T* bias;  // null: none
  bool accumulate;
  Finish finish;
  T parameter;
  const T* aux;
  int64_t aux_stride;
  const Ahead<T>* ahead;  // by address: a copy would wait for the stores of what it copies
};

// What the depth loop of a tile fetches along the way: B's next rows, or lines of an array used later.
enum class Fetch : uint8_t { kNothing, kRows, kLines };
constexpr int kLinesPerStep = 2;

template <class T, int... V>
LAMINA_INLINE void load_vectors(Vec<T>* out, const T* p, Indices<V...>) {
  ((out[V] = load(p + V * Vec<T>::kLanes)), ...);
}

template <class T, int... V>
LAMINA_INLINE void multiply_add(Vec<T>* sums, Vec<T> a, const Vec<T>* b, Indices<V...>) {
  ((sums[V] = fma(a, b[V], sums[V])), ...);
}

// One depth step: the broadcasts of one column of A times one row of B.
template <int kVectors, class T, int... M>
LAMINA_INLINE void tile_step(Vec<T>* sums, const T* a, int64_t a_row_stride, const T* b, Indices<M...>) {
  Vec<T> row[kVectors];
  load_vectors(row, b, IndicesTo<kVectors>{});
  (multiply_add(sums + M * kVectors, broadcast<T>(a[M * a_row_stride]), row, IndicesTo<kVectors>{}), ...);
}

// I runs over the tile's vectors, row by row.
template <int kVectors, class T, int... I>
LAMINA_INLINE void tile_start(Vec<T>* sums, const Strip<T>& s, const T* c, Indices<I...>) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  if (s.accumulate) {
    ((sums[I] = load(c + I / kVectors * s.c_stride + I % kVectors * kLanes)), ...);
  } else if (s.bias != nullptr) {
    ((sums[I] = load(s.bias + I % kVectors * kLanes)), ...);
  } else {
    ((sums[I] = zero<T>()), ...);
  }
}

template <int kVectors, class T, int... I>
LAMINA_INLINE void tile_finish(Vec<T>* sums, const Strip<T>& s, const T* aux, Indices<I...>) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  const Vec<T> none = zero<T>();
  const Vec<T> slope = broadcast<T>(s.parameter);
  const auto beside = [&](int i) { return load(aux + i / kVectors * s.aux_stride + i % kVectors * kLanes); };
  switch (s.finish) {
    case Finish::kNone:
      break;
    case Finish::kRelu:
      ((sums[I] = max(none, sums[I])), ...);
      break;
    case Finish::kLeakyRelu:
      ((sums[I] = select(gt(sums[I], none), sums[I], slope * sums[I])), ...);
      break;
    case Finish::kReluMask:
      ((sums[I] = select(gt(beside(I), none), sums[I], none)), ...);
      break;
    case Finish::kLeakyReluMask:
      ((sums[I] = select(gt(beside(I), none), sums[I], slope * sums[I])), ...);
      break;
    case Finish::kMultiply:
      ((sums[I] = sums[I] * beside(I)), ...);
      break;
  }
}

template <int kVectors, class T, int... I>
LAMINA_INLINE void tile_store(const Vec<T>* sums, const Strip<T>& s, T* c, Indices<I...>) {
  (store(c + I / kVectors * s.c_stride + I % kVectors * Vec<T>::kLanes, sums[I]), ...);
}

// Steps [first, last) of one tile's depth loop; `fetched` is what step 0 fetches.
template <class T, int kRows, int kVectors, Fetch kFetch>
LAMINA_INLINE void sum_tile(Vec<T>* sums, const Strip<T>& s, const T* a, int64_t first, int64_t last,
                            const T* fetched = nullptr) {
  const int64_t a_row_stride = s.a_row_stride, a_depth_stride = s.a_depth_stride, b_stride = s.b_stride;
  const T* b = s.b + first * b_stride;
  a += first * a_depth_stride;
  for (int64_t k = last - first; k > 0; --k) {
    if constexpr (kFetch == Fetch::kRows) {
      for (int64_t j = 0; j < kVectors * Vec<T>::kLanes; j += kLineElements<T>) prefetch(fetched + j);
      fetched += b_stride;
    } else if constexpr (kFetch == Fetch::kLines) {
      for (int j = 0; j < kLinesPerStep; ++j, fetched += kLineElements<T>) prefetch_far(fetched);
    }
    tile_step<kVectors>(sums, a, a_row_stride, b, IndicesTo<kRows>{});
    a += a_depth_stride;
    b += b_stride;
  }
}

// The first tile of a strip fetches the rows of B that come next, the following ones the arrays used later.
template <class T, int kRows, int kVectors>
LAMINA_INLINE void sum_and_fetch(Vec<T>* sums, const Strip<T>& s, const T* a, int64_t tile) {
  const Ahead<T>& ahead = *s.ahead;
  int64_t fetching = 0;
  if (tile == 0 && ahead.rows != nullptr) {
    fetching = s.depth;
    sum_tile<T, kRows, kVectors, Fetch::kRows>(sums, s, a, 0, fetching, ahead.rows);
  } else if (tile > 0 && tile <= ahead.count * ahead.tiles) {
    int64_t array = 0, part = tile - 1;
    for (; part >= ahead.tiles; part -= ahead.tiles) ++array;
    const int64_t lines = ahead.lines - part * ahead.lines_per_tile;
    const int64_t steps = (lines < ahead.lines_per_tile ? lines : ahead.lines_per_tile) / kLinesPerStep;
    fetching = steps < s.depth ? steps : s.depth;
    const T* from =
        static_cast<const T*>(ahead.arrays[array]) + part * ahead.lines_per_tile * kLineElements<T>;
    sum_tile<T, kRows, kVectors, Fetch::kLines>(sums, s, a, 0, fetching, from);
  }
  sum_tile<T, kRows, kVectors, Fetch::kNothing>(sums, s, a, fetching, s.depth);
}

// Rows [first, first + count) of a strip; count is a multiple of kRows.
template <class T, int kRows, int kVectors>
LAMINA_NOINLINE void run_tiles(const Strip<T>& s, int64_t first, int64_t count) noexcept {
  using Tile = IndicesTo<kRows * kVectors>;
  for (int64_t row = first; row < first + count; row += kRows) {
    Vec<T> sums[kRows * kVectors];
    T* c = s.c + row * s.c_stride;
    tile_start<kVectors>(sums, s, c, Tile{});
    const T* a = s.a + row * s.a_row_stride;
    sum_and_fetch<T, kRows, kVectors>(sums, s, a, row / kRows);
    tile_finish<kVectors>(sums, s, s.aux == nullptr ? nullptr : s.aux + row * s.aux_stride, Tile{});
    tile_store<kVectors>(sums, s, c, Tile{});
  }
}

template <class T>
using TileFunction = void (*)(const Strip<T>&, int64_t, int64_t) noexcept;

// Tiles of 1, 2, ... rows.
template <class T, int kVectors>
struct TileList {
  static constexpr int kMaxRows = tile_rows(kVectors);
  TileFunction<T> of_rows[kMaxRows];
  template <int... M>
  static constexpr TileList make(Indices<M...>) {
    return {{&run_tiles<T, M + 1, kVectors>...}};
  }
};
template <class T, int kVectors>
constexpr TileList<T, kVectors> kTiles = TileList<T, kVectors>::make(IndicesTo<tile_rows(kVectors)>{});

// All rows: full tiles, then the rest; a rest too small to hide the latency shares the last full tile's rows.
template <class T, int kVectors>
LAMINA_INLINE void run_rows(const Strip<T>& s, int64_t first, int64_t count) {
  constexpr int64_t kRows = tile_rows(kVectors);
  const TileList<T, kVectors>& tiles = kTiles<T, kVectors>;
  int64_t full = count / kRows * kRows;
  int64_t rest = count - full;
  if (full > 0) {
    const bool share = rest > 0 && rest < kRows / 2;
    if (share) full -= kRows;
    if (full > 0) run_tiles<T, kRows, kVectors>(s, first, full);
    if (share) {
      const int64_t half = (kRows + rest + 1) / 2;
      tiles.of_rows[half - 1](s, first + full, half);
      full += half;
      rest = kRows + rest - half;
    }
  }
  if (rest > 0) tiles.of_rows[rest - 1](s, first + full, rest);
}

template <class T, int kVectors = kTileVectors>
LAMINA_INLINE void run_strip(const Strip<T>& s, int vectors, int64_t first, int64_t count) {
  if (vectors == kVectors) {
    run_rows<T, kVectors>(s, first, count);
  } else if constexpr (kVectors > kLeastVectors<T>) {
    run_strip<T, kVectors - kLeastVectors<T>>(s, vectors, first, count);
  }
}

template <class T>
LAMINA_INLINE Finish finish_in_registers(const Product<T>& p) {
  if (p.epilogue == ProductEpilogue::kNone || p.activation == Activation::kIdentity) return Finish::kNone;
  const bool derivative = p.epilogue == ProductEpilogue::kDerivative;
  if (p.activation == Activation::kRelu) return derivative ? Finish::kReluMask : Finish::kRelu;
  if (p.activation == Activation::kLeakyRelu) return derivative ? Finish::kLeakyReluMask : Finish::kLeakyRelu;
  return derivative && stores_derivative(p.activation) ? Finish::kMultiply : Finish::kNone;
}

template <class T>
LAMINA_INLINE BlockFunction<T> finish_by_block(const Product<T>& p) {
  if (p.epilogue == ProductEpilogue::kNone || p.activation == Activation::kIdentity ||
      p.activation == Activation::kRelu || p.activation == Activation::kLeakyRelu) {
    return nullptr;
  }
  const bool derivative = p.epilogue == ProductEpilogue::kDerivative;
  if (derivative && stores_derivative(p.activation)) return nullptr;
  return activation_function<T>(p.activation, derivative);
}

// Spreads the lines of `arrays` over the tiles of a product, all but the first.
template <class T>
LAMINA_INLINE Ahead<T> arrays_ahead(const Product<T>& p, const void* const* arrays, int count,
                                    int64_t lines) {
  Ahead<T> ahead{nullptr, arrays, count, lines, 1, lines};
  const int64_t tiles = p.rows / kTileRows - 1;
  if (count > 0 && count < tiles && lines > 0) {
    ahead.tiles = tiles / count;
    ahead.lines_per_tile = (lines + ahead.tiles - 1) / ahead.tiles;
    ahead.tiles = (lines + ahead.lines_per_tile - 1) / ahead.lines_per_tile;  // rounded up, they may suffice
  }
  return ahead;
}

// Strided rows are beyond the hardware's prefetching: the next block, or the columns to the right.
template <class T>
LAMINA_INLINE Ahead<T> rows_ahead(const Product<T>& p, bool last, const T* rows) {
  Ahead<T> ahead = arrays_ahead(p, p.next, last ? p.next_count : 0, p.next_bytes / 64);
  ahead.rows = rows;
  return ahead;
}

// Weights beyond the second-level cache: the memory that follows a block, most often the next one.
template <class T>
LAMINA_INLINE Ahead<T> panel_ahead(const Product<T>& p, const Blocking& blocking, int64_t elements,
                                   const void* const* following) {
  const int64_t bytes = p.columns * p.panel_rows * static_cast<int64_t>(sizeof(T));
  const int count = bytes > blocking.panel_bytes / 2 ? 1 : 0;
  return arrays_ahead(p, following, count, elements / kLineElements<T>);
}

// Depth of a pass over the rows: even passes, where one is too long.
LAMINA_INLINE int64_t even_block(int64_t depth, int64_t row_size, int64_t most_size) {
  if (depth * row_size <= most_size) return depth;
  const int64_t most = most_size < row_size ? 1 : most_size / row_size;
  const int64_t blocks = (depth + most - 1) / most;
  return (depth + blocks - 1) / blocks;
}

// One panel's columns [column, column + width): depth blocks outer, rows inner.
template <class T>
LAMINA_INLINE void run_panel(const Product<T>& p, const Blocking& blocking, int64_t column, int64_t width,
                             const T* b, int64_t b_stride, Finish finish, BlockFunction<T> block_function) {
  constexpr int64_t kLanes = Vec<T>::kLanes;
  const bool in_panels = p.panel_rows > 0;
  const int64_t block =
      in_panels ? even_block(p.depth, width * static_cast<int64_t>(sizeof(T)), blocking.panel_bytes)
                : even_block(p.depth, 1, kHasNarrowTiles<T> ? kNarrowRowMajorRows : blocking.row_major_rows);
  const int64_t group = block_function != nullptr ? blocking.function_rows : p.rows;
  int64_t start = 0;
  do {
    const int64_t depth = p.depth - start < block ? p.depth - start : block;
    const bool last = start + depth == p.depth;
    const T* next_rows = b + (start + depth) * b_stride;
    const void* following = next_rows;
    const Ahead<T> ahead = in_panels ? panel_ahead(p, blocking, depth * b_stride, &following)
                                     : rows_ahead(p, last, last ? b + width : next_rows);
    for (int64_t row = 0; row < p.rows; row += group) {
      const int64_t rows = p.rows - row < group ? p.rows - row : group;
      for (int64_t j = 0; j < width; j += kTileColumns<T>) {
        const int64_t left = width - j < kTileColumns<T> ? width - j : kTileColumns<T>;
        const Strip<T> strip = {
            depth,
            p.a + start * p.a_depth_stride,
            p.a_row_stride,
            p.a_depth_stride,
            b + start * b_stride + j,
            b_stride,
            p.c + column + j,
            p.c_row_stride,
            p.init == ProductInit::kBias && start == 0 ? b + p.depth * b_stride + j : nullptr,
            p.init == ProductInit::kAccumulate || start > 0,
            last ? finish : Finish::kNone,
            p.parameter,
            p.aux == nullptr ? nullptr : p.aux + column + j,
            p.aux_row_stride,
            &ahead};
        run_strip<T>(strip, static_cast<int>(left / kLanes), row, rows);
      }
      if (last && block_function != nullptr) {
        T* aux = p.aux == nullptr ? nullptr : p.aux + row * p.aux_row_stride + column;
        block_function({rows, width, p.c + row * p.c_row_stride + column, p.c_row_stride, aux,
                        p.aux_row_stride, p.parameter});
      }
    }
    start += depth;
  } while (start < p.depth);
}

// A narrow product's activation, over the few columns it has.
template <class T>
LAMINA_INLINE void finish_narrow(const Product<T>& p) {
  if (p.epilogue == ProductEpilogue::kNone || p.activation == Activation::kIdentity) return;
  activation_function<T>(
      p.activation, false)({p.rows, p.columns, p.c, p.c_row_stride, p.aux, p.aux_row_stride, p.parameter});
}

template <class T>
void product(const Product<T>& p) noexcept {
  const Finish finish = finish_in_registers(p);
  const BlockFunction<T> block_function = finish_by_block(p);
  const Blocking& blocking = p.blocking != nullptr ? *p.blocking : kDefaultBlocking;
  if (p.rows <= 0) return;
  if (p.epilogue != ProductEpilogue::kDerivative && narrow_sums(p)) {
    finish_narrow(p);
    return;
  }
  for (int64_t column = 0; column < p.columns; column += kPanelColumns<T>) {
    const int64_t left = p.columns - column;
    const int64_t width = left < kPanelColumns<T> ? left : kPanelColumns<T>;
    if (p.panel_rows > 0) {
      run_panel(p, blocking, column, width, p.b + column * p.panel_rows, width, finish, block_function);
    } else {
      run_panel(p, blocking, column, width, p.b + column, p.b_row_stride, finish, block_function);
    }
  }
}

}  // namespace
}  // namespace lamina::kernels
