// The matrix product of every instruction set that this machine runs.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "product_support.h"
#include "reference/product.h"

namespace {

using namespace lamina::kernels;
using namespace lamina::test;
using lamina::reference::product_sums;
using lamina::reference::ProductSums;

enum class Layout { kPanels, kGradient };

// One product with its own buffers. kPanels: as forward and delta call it; kGradient: A is read by columns,
// B is row-major.
template <class T>
struct Case {
  Case(const KernelTable<T>& table, Layout layout_given, int64_t rows, int64_t columns, int64_t depth,
       bool integers)
      : layout(layout_given),
        a_stride((layout == Layout::kPanels ? depth + 1 : rows) + 3),
        a((layout == Layout::kPanels ? rows : depth) * a_stride + 1),
        b_stride(columns + kLine<T>),
        b(layout == Layout::kPanels ? columns * (depth + 2) : depth * b_stride + 1),
        c_stride(columns + kLine<T>),
        start(rows * c_stride),
        c(rows * c_stride),
        aux(rows * c_stride),
        panel_columns(table.panel_columns) {
    Numbers numbers(static_cast<uint64_t>(rows * 1000003 + columns * 1009 + depth));
    numbers.fill(a, integers);
    numbers.fill(b, integers);
    numbers.fill(start, integers);
    numbers.fill(aux, integers);
    product = {};
    product.rows = rows;
    product.columns = columns;
    product.depth = depth;
    product.a = a.data();
    product.a_row_stride = layout == Layout::kPanels ? a_stride : 1;
    product.a_depth_stride = layout == Layout::kPanels ? 1 : a_stride;
    product.b = b.data();
    product.panel_rows = layout == Layout::kPanels ? depth + 2 : 0;
    product.b_row_stride = layout == Layout::kPanels ? 0 : b_stride;
    product.c = c.data();
    product.c_row_stride = c_stride;
    product.aux = aux.data();
    product.aux_row_stride = c_stride;
    product.parameter = T(0.25);
  }
  void reset() { std::memcpy(c.data(), start.data(), static_cast<size_t>(c.size()) * sizeof(T)); }

  Layout layout;
  int64_t a_stride;
  Buffer<T> a;
  int64_t b_stride;
  Buffer<T> b;
  int64_t c_stride;
  Buffer<T> start, c, aux;
  int64_t panel_columns;
  Product<T> product;
};

bool is_fused(const std::string& name) { return name == "avx512" || name == "avx2" || name == "neon"; }

template <class T>
void complain(const KernelTable<T>& table, const Product<T>& p, const char* what) {
  const std::string where = std::string(table.name) + (sizeof(T) == 4 ? " float" : " double") + " rows " +
                            std::to_string(p.rows) + " columns " + std::to_string(p.columns) + " depth " +
                            std::to_string(p.depth) + " init " + std::to_string(static_cast<int>(p.init)) +
                            " epilogue " + std::to_string(static_cast<int>(p.epilogue)) + " activation " +
                            std::to_string(static_cast<int>(p.activation)) + ": " + what;
  lamina::test::fail("product", 0, where);
}

std::vector<int64_t> row_counts(int64_t depth) {
  if (depth > 31) return {1, 5, 6, 7, 14, 17};
  std::vector<int64_t> counts;
  for (int64_t rows = 1; rows <= 17; ++rows) counts.push_back(rows);
  return counts;
}

const int64_t kDepths[] = {0, 1, 2, 3, 5, 8, 31, 64, 100, 257};
const int64_t kLines[] = {1, 2, 3, 4, 5, 9};

// Calls f(case) over rows, columns and depths that reach every tile and tail.
template <class T, class F>
void for_each_shape(const KernelTable<T>& table, bool integers, F&& f) {
  for (const Layout layout : {Layout::kPanels, Layout::kGradient}) {
    for (const int64_t depth : kDepths) {
      for (const int64_t rows : row_counts(depth)) {
        for (const int64_t lines : kLines) {
          Case<T> one(table, layout, rows, lines * kLine<T>, depth, integers);
          f(one);
        }
      }
    }
  }
}

// True if `values` holds each expected element and the start elsewhere.
template <class T, class F>
bool holds(Case<T>& one, F&& is_right) {
  bool right = one.c.guards_stand();
  for (int64_t i = 0; i < one.product.rows; ++i) {
    for (int64_t j = 0; j < one.c_stride; ++j) {
      const int64_t at = i * one.c_stride + j;
      right =
          right && (j < one.product.columns ? is_right(static_cast<size_t>(i * one.product.columns + j), at)
                                            : same_bits(one.c[at], one.start[at]));
    }
  }
  return right;
}

template <class T>
void check_chain(const KernelTable<T>& table) {
  for_each_shape(table, false, [&](Case<T>& one) {
    for (const ProductInit init : {ProductInit::kZero, ProductInit::kBias, ProductInit::kAccumulate}) {
      if (init == ProductInit::kBias && one.layout == Layout::kGradient) continue;
      one.product.init = init;
      one.reset();
      const ProductSums<T> sums = product_sums(one.product, one.panel_columns, is_fused(table.name));
      table.product(one.product);
      const bool right =
          holds(one, [&](size_t k, int64_t at) { return same_bits(one.c[at], sums.chain[k]); });
      if (!right) complain(table, one.product, "other bits than the chain, or memory outside was written");
    }
  });
}

LAMINA_TEST(every_shape_and_start_gives_the_ascending_chain_to_the_last_bit) {
  for_each_table([](const auto& table) { check_chain(table); });
}

// A chain's error is at most about k u |A| |B| (Higham), and in double the reference adds as much.
template <class T>
void check_error(const KernelTable<T>& table) {
  for_each_shape(table, false, [&](Case<T>& one) {
    one.reset();
    const ProductSums<T> sums = product_sums(one.product, one.panel_columns, is_fused(table.name));
    table.product(one.product);
    const double bound =
        static_cast<double>(one.product.depth + 1) * static_cast<double>(std::numeric_limits<T>::epsilon());
    const bool right = holds(one, [&](size_t k, int64_t at) {
      return std::fabs(static_cast<double>(one.c[at]) - sums.exact[k]) <= bound * sums.magnitude[k];
    });
    if (!right) complain(table, one.product, "not within 2 k u |A| |B| of float64");
  });
}

LAMINA_TEST(sums_are_within_the_error_bound_of_float64) {
  for_each_table([](const auto& table) { check_error(table); });
}

template <class T>
void check_integers(const KernelTable<T>& table) {
  for_each_shape(table, true, [&](Case<T>& one) {
    one.product.init = ProductInit::kAccumulate;
    one.reset();
    const ProductSums<T> sums = product_sums(one.product, one.panel_columns, is_fused(table.name));
    table.product(one.product);
    const bool right =
        holds(one, [&](size_t k, int64_t at) { return static_cast<double>(one.c[at]) == sums.exact[k]; });
    if (!right) complain(table, one.product, "inexact on small integers");
  });
}

LAMINA_TEST(small_integers_are_exact_on_every_instruction_set) {
  for_each_table([](const auto& table) { check_integers(table); });
}

// The product without epilogue, then the activation's own function over the block.
template <class T>
void check_epilogue(const KernelTable<T>& table, Case<T>& one, Activation activation,
                    ProductEpilogue epilogue) {
  const bool forward = epilogue == ProductEpilogue::kActivation;
  Product<T>& p = one.product;
  p.init = ProductInit::kZero;
  p.activation = activation;
  Buffer<T> expected(one.c.size());
  Buffer<T> expected_aux(one.c.size());
  std::memcpy(expected_aux.data(), one.aux.data(), static_cast<size_t>(one.aux.size()) * sizeof(T));
  one.reset();
  p.epilogue = ProductEpilogue::kNone;
  table.product(p);
  std::memcpy(expected.data(), one.c.data(), static_cast<size_t>(one.c.size()) * sizeof(T));
  const ActivationBlock<T> block = {
      p.rows, p.columns, expected.data(), p.c_row_stride, expected_aux.data(), p.aux_row_stride, p.parameter};
  const int index = static_cast<int>(activation);
  (forward ? table.activation_forward : table.activation_backward)[index](block);
  one.reset();
  p.epilogue = epilogue;
  table.product(p);
  bool right = one.c.guards_stand() && one.aux.guards_stand();
  for (int64_t i = 0; i < one.c.size(); ++i) {
    // Equal, not same bits: a masked 0 may have either sign.
    right = right && one.c[i] == expected[i] && one.aux[i] == expected_aux[i];
  }
  if (!right) complain(table, p, "epilogue differs from the activation applied afterwards");
}

template <class T>
void check_epilogues(const KernelTable<T>& table) {
  for (const int64_t rows : {1, 7, 17, 60}) {
    for (const int64_t lines : {1, 3, 5}) {
      for (int activation = 0; activation < kActivationCount; ++activation) {
        for (const ProductEpilogue epilogue : {ProductEpilogue::kActivation, ProductEpilogue::kDerivative}) {
          Case<T> one(table, Layout::kPanels, rows, lines * kLine<T>, 9, false);
          check_epilogue(table, one, static_cast<Activation>(activation), epilogue);
        }
      }
    }
  }
}

LAMINA_TEST(the_epilogue_equals_the_activation_applied_afterwards) {
  for_each_table([](const auto& table) { check_epilogues(table); });
}

template <class T>
void check_relu_keeps_nan(const KernelTable<T>& table) {
  for (const Activation activation : {Activation::kRelu, Activation::kLeakyRelu}) {
    Case<T> one(table, Layout::kPanels, 7, kLine<T>, 5, false);
    one.a[2 * one.a_stride + 1] = std::numeric_limits<T>::quiet_NaN();
    one.product.epilogue = ProductEpilogue::kActivation;
    one.product.activation = activation;
    table.product(one.product);
    for (int64_t j = 0; j < kLine<T>; ++j) {
      CHECK(std::isnan(one.c[2 * one.c_stride + j]));
      CHECK(!std::isnan(one.c[one.c_stride + j]));
    }
  }
}

LAMINA_TEST(an_activation_in_registers_lets_nan_through) {
  for_each_table([](const auto& table) { check_relu_keeps_nan(table); });
}

// Deep enough that a panel is taken in several blocks.
template <class T>
void check_deep(const KernelTable<T>& table) {
  const int64_t depth = 9001;
  for (const Layout layout : {Layout::kPanels, Layout::kGradient}) {
    Case<T> one(table, layout, 7, table.panel_columns + kLine<T>, depth, false);
    one.reset();
    one.product.epilogue = ProductEpilogue::kActivation;
    one.product.activation = Activation::kRelu;
    const ProductSums<T> sums = product_sums(one.product, one.panel_columns, is_fused(table.name));
    table.product(one.product);
    const bool right = holds(one, [&](size_t k, int64_t at) {
      return same_bits(one.c[at], sums.chain[k] > 0 ? sums.chain[k] : T(0));
    });
    if (!right) complain(table, one.product, "blocking over the depth shows");
  }
}

LAMINA_TEST(a_depth_beyond_the_cache_block_gives_the_same_chain) {
  for_each_table([](const auto& table) { check_deep(table); });
}

// What is fetched ahead is spread over the tiles of rows, of which there may be more than lines to fetch.
template <class T>
void check_fetching(const KernelTable<T>& table, Layout layout, int64_t rows, int64_t columns, int64_t depth,
                    int arrays) {
  Case<T> one(table, layout, rows, columns, depth, false);
  Product<T>& p = one.product;
  p.next_count = arrays;
  for (int i = 0; i < arrays; ++i) p.next[i] = one.aux.data();
  p.next_bytes = rows * columns * static_cast<int64_t>(sizeof(T));
  one.reset();
  const ProductSums<T> sums = product_sums(p, one.panel_columns, is_fused(table.name));
  table.product(p);
  const bool right = holds(one, [&](size_t k, int64_t at) { return same_bits(one.c[at], sums.chain[k]); });
  if (!right) complain(table, p, "fetching ahead changes the sums");
}

LAMINA_TEST(fetching_ahead_changes_no_sum_for_any_number_of_rows) {
  for_each_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t rows : {6, 12, 23, 48, 96, 192, 500, 700, 1024}) {
      for (const int arrays : {0, 1, 2, 3, 4, 5}) {
        check_fetching(table, Layout::kGradient, rows, kLine<T>, 1, arrays);
        check_fetching(table, Layout::kGradient, rows, 4 * kLine<T>, 33, arrays);
      }
    }
    // One panel beyond the block that the caches hold.
    for (const int64_t rows : {192, 512, 1024, 2500})
      check_fetching(table, Layout::kPanels, rows, kLine<T>, 4800, 0);
  });
}

// A narrow product in padded rows, with and without the hint.
template <class T>
void check_narrow(const KernelTable<T>& table, Layout layout, int64_t rows, int64_t depth,
                  int64_t true_columns) {
  Case<T> one(table, layout, rows, kLine<T>, depth, false);
  Product<T>& p = one.product;
  const int64_t stride = (std::max(rows, depth) + kLine<T> - 1) / kLine<T> * kLine<T>;
  Buffer<T> a(std::max(rows, depth) * stride);
  Numbers(static_cast<uint64_t>(rows + depth)).fill(a, false);
  p.a = a.data();
  (layout == Layout::kPanels ? p.a_row_stride : p.a_depth_stride) = stride;
  p.init = layout == Layout::kPanels ? ProductInit::kBias : ProductInit::kZero;
  p.epilogue = ProductEpilogue::kActivation;
  for (const Activation activation : {Activation::kIdentity, Activation::kLeakyRelu, Activation::kSigmoid}) {
    p.activation = activation;
    p.true_columns = 0;
    one.reset();
    table.product(p);
    Buffer<T> plain(one.c.size());
    std::memcpy(plain.data(), one.c.data(), static_cast<size_t>(plain.size()) * sizeof(T));
    p.true_columns = true_columns;
    one.reset();
    table.product(p);
    bool right = one.c.guards_stand();
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < one.c_stride; ++j) {
        const int64_t at = i * one.c_stride + j;
        if (j < true_columns || j >= p.columns) right = right && same_bits(one.c[at], plain[at]);
      }
    }
    if (!right) complain(table, p, "the narrow way gives other bits");
  }
}

template <class T>
void check_narrow_shapes(const KernelTable<T>& table) {
  for (const Layout layout : {Layout::kPanels, Layout::kGradient}) {
    for (const int64_t rows : {1, 3, 8, 15, 16, 17, 32, 33, 48, 97}) {
      for (const int64_t depth : {0, 1, 7, 16, 31, 32, 33, 100}) {
        for (int64_t columns = 1; columns <= 5; ++columns) check_narrow(table, layout, rows, depth, columns);
      }
    }
  }
}

LAMINA_TEST(knowing_that_the_columns_are_few_changes_no_bit) {
  for_each_table([](const auto& table) { check_narrow_shapes(table); });
}

}  // namespace

LAMINA_TEST_MAIN
