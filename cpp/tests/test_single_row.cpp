// The single-row product of every instruction set that this machine runs.
#include <algorithm>
#include <cstdint>

#include "kernels/dispatch.h"
#include "layers/parameter.h"
#include "product_support.h"

namespace {

using namespace lamina::kernels;
using namespace lamina::test;
using lamina::padded_columns;
using lamina::panel_index;

// A layer of small whole numbers, so that sums are exact in any order.
template <class T>
struct Layer {
  Layer(const KernelTable<T>& table, int64_t depth_, int64_t columns_, bool bias)
      : depth(depth_),
        columns(columns_),
        input(depth_),
        panels(padded_columns<T>(columns_) * (depth_ + bias)),
        transposed(columns_ * padded_columns<T>(depth_)),
        output(padded_columns<T>(columns_)),
        expected(columns_) {
    Numbers numbers(static_cast<uint64_t>(depth * 1000 + columns));
    numbers.fill(input, true);
    Buffer<T> weights((depth + bias) * columns);
    numbers.fill(weights, true);
    std::fill_n(panels.data(), panels.size(), T(0));
    std::fill_n(transposed.data(), transposed.size(), T(0));
    for (int64_t j = 0; j < columns; ++j) {
      expected[j] = bias ? weights[depth * columns + j] : T(0);
      for (int64_t k = 0; k < depth + bias; ++k)
        panels[panel_index<T>(k, j, columns, depth + bias, table.panel_columns)] = weights[k * columns + j];
      for (int64_t k = 0; k < depth; ++k) {
        expected[j] += input[k] * weights[k * columns + j];
        transposed[j * padded_columns<T>(depth) + k] = weights[k * columns + j];
      }
    }
    row = {depth,   padded_columns<T>(columns), columns, panels.data(), depth + bias,
           nullptr, Activation::kIdentity,      T(0)};
  }

  int64_t depth, columns;
  Buffer<T> input, panels, transposed, output, expected;
  SingleRow<T> row;
};

template <class T>
void check_sums(const KernelTable<T>& table, int64_t depth, int64_t columns, bool bias) {
  Layer<T> layer(table, depth, columns, bias);
  table.single_row(layer.row, layer.input.data(), layer.output.data());
  for (int64_t j = 0; j < columns; ++j) CHECK(layer.output[j] == layer.expected[j]);
  for (int64_t j = columns; j < layer.output.size(); ++j) CHECK(layer.output[j] == T(0));
  if (columns <= kMaxTransposedColumns) {
    layer.row.transposed = layer.transposed.data();
    std::fill_n(layer.output.data(), layer.output.size(), T(7));
    table.single_row(layer.row, layer.input.data(), layer.output.data());
    for (int64_t j = 0; j < columns; ++j) CHECK(layer.output[j] == layer.expected[j]);
    for (int64_t j = columns; j < layer.output.size(); ++j) CHECK(layer.output[j] == T(0));
  }
  CHECK(layer.output.guards_stand());
}

LAMINA_TEST(a_row_has_the_sums_of_the_formula_for_every_width_and_depth) {
  for_each_table([](const auto& table) {
    for (const int64_t columns :
         {1, 2, 3, 4, 5, 16, 17, 32, 33, 48, 63, 64, 65, 100, 128, 129, 190, 256, 513})
      for (const int64_t depth : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 130, 300})
        for (const bool bias : {false, true}) check_sums(table, depth, columns, bias);
  });
}

template <class T>
void check_activation(const KernelTable<T>& table, Activation activation, int64_t columns, bool transposed) {
  Layer<T> layer(table, 5, columns, true);
  layer.row.activation = activation;
  layer.row.parameter = T(0.25);
  if (transposed) layer.row.transposed = layer.transposed.data();
  table.single_row(layer.row, layer.input.data(), layer.output.data());
  Buffer<T> expected(layer.output.size());
  std::fill_n(expected.data(), expected.size(), T(0));
  std::copy_n(layer.expected.data(), columns, expected.data());
  table.activation_forward[static_cast<int>(activation)](
      {1, expected.size(), expected.data(), expected.size(), nullptr, 0, T(0.25)});
  for (int64_t j = 0; j < columns; ++j) CHECK(same_bits(layer.output[j], expected[j]));
}

LAMINA_TEST(a_row_ends_in_the_activation_of_its_sums) {
  for_each_table([](const auto& table) {
    for (int i = 0; i < kActivationCount; ++i) {
      const auto activation = static_cast<Activation>(i);
      check_activation(table, activation, 3, true);
      for (const int64_t columns : {3, 40, 150}) check_activation(table, activation, columns, false);
    }
  });
}

template <class T>
void check_unaligned_input(const KernelTable<T>& table) {
  Layer<T> layer(table, 21, 70, true);
  Buffer<T> shifted(22);
  for (int64_t i = 0; i < 21; ++i) shifted[i + 1] = layer.input[i];
  table.single_row(layer.row, shifted.data() + 1, layer.output.data());
  for (int64_t j = 0; j < 70; ++j) CHECK(layer.output[j] == layer.expected[j]);
}

LAMINA_TEST(inputs_need_no_alignment) {
  for_each_table([](const auto& table) { check_unaligned_input(table); });
}

// Whole numbers again; rows [first, last) of a layer of `depth` inputs, beside its bias.
template <class T>
void check_dots(const KernelTable<T>& table, int64_t depth, int64_t columns, int64_t first) {
  Layer<T> layer(table, depth, columns, true);
  Buffer<T> x(padded_columns<T>(columns)), out(depth);
  std::fill_n(x.data(), x.size(), T(0));
  Numbers(7).fill(x, true);
  std::fill_n(x.data() + columns, x.size() - columns, T(0));
  std::fill_n(out.data(), depth, T(7));
  table.panel_dots({first, depth, x.size(), layer.panels.data(), depth + 1, x.data(), out.data()});
  for (int64_t k = 0; k < depth; ++k) {
    T expected = k < first ? T(7) : T(0);
    for (int64_t j = 0; j < columns && k >= first; ++j)
      expected += x[j] * layer.panels[panel_index<T>(k, j, columns, depth + 1, table.panel_columns)];
    CHECK(out[k] == expected);
  }
  CHECK(out.guards_stand());
}

LAMINA_TEST(dot_products_with_the_rows_of_panels_leave_the_bias_and_other_rows_alone) {
  for_each_table([](const auto& table) {
    for (const int64_t columns : {1, 3, 16, 17, 63, 64, 65, 130, 513})
      for (const int64_t depth : {1, 2, 7, 8, 15, 16, 17, 40, 100}) {
        check_dots(table, depth, columns, 0);
        if (depth > 64) check_dots(table, depth, columns, 64);
      }
  });
}

}  // namespace

LAMINA_TEST_MAIN
