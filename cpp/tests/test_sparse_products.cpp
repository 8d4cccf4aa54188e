// Products with sparse rows, against dense rows.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"
#include "product_support.h"

using namespace lamina;
using namespace lamina::test;
using kernels::KernelTable;

namespace {

// Rows whose elements are there or not by chance, both dense and sparse.
template <class T>
struct Matrix {
  Matrix(int64_t rows, int64_t columns, uint64_t seed) : dense(rows * columns) {
    Numbers numbers(seed);
    numbers.fill(dense, false);
    starts.push_back(0);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        T& element = dense[row * columns + column];
        if (row % 5 == 3 || numbers.next() % 4 != 0) element = T(0);
        if (element == T(0)) continue;
        indices.push_back(static_cast<int32_t>(column));
        values.push_back(element);
      }
      starts.push_back(static_cast<int64_t>(indices.size()));
    }
  }
  kernels::SparseRows<T> rows() const {
    return {starts.data(), starts.data() + 1, indices.data(), values.data()};
  }

  Buffer<T> dense;
  std::vector<int64_t> starts;
  std::vector<int32_t> indices;
  std::vector<T> values;
};

struct Shape {
  int64_t rows, depth, columns;
};
constexpr Shape kShapes[] = {{1, 1, 1}, {7, 40, 3}, {13, 90, 64}, {5, 300, 150}, {30, 33, 17}};

template <class T>
void compare_products(const KernelTable<T>& table, const Shape& shape, bool has_bias) {
  const int64_t columns = (shape.columns + kLine<T> - 1) / kLine<T> * kLine<T>;
  Matrix<T> a(shape.rows, shape.depth, 3);
  Buffer<T> b(columns * (shape.depth + 1)), sparse(shape.rows * columns), dense(shape.rows * columns);
  Numbers(4).fill(b, false);
  kernels::Product<T> product{};
  product.rows = shape.rows;
  product.columns = columns;
  product.depth = shape.depth;
  product.a = a.dense.data();
  product.a_row_stride = shape.depth;
  product.a_depth_stride = 1;
  product.b = b.data();
  product.panel_rows = shape.depth + 1;
  product.c = dense.data();
  product.c_row_stride = columns;
  product.init = has_bias ? kernels::ProductInit::kBias : kernels::ProductInit::kZero;
  table.product(product);
  table.sparse_product({.rows = shape.rows,
                        .columns = columns,
                        .depth = shape.depth,
                        .a = a.rows(),
                        .b = b.data(),
                        .panel_rows = shape.depth + 1,
                        .has_bias = has_bias,
                        .c = sparse.data(),
                        .c_row_stride = columns});
  for (int64_t i = 0; i < sparse.size(); ++i) CHECK(sparse[i] == dense[i]);
  CHECK(sparse.guards_stand());
}

template <class T>
void compare_gradients(const KernelTable<T>& table, const Shape& shape) {
  const int64_t width = kLine<T>, first = shape.depth / 3, count = shape.depth - first;
  Matrix<T> a(shape.rows, shape.depth, 5);
  Buffer<T> delta(shape.rows * width), out(count * width);
  Numbers(6).fill(delta, false);
  Numbers(7).fill(out, false);
  const std::vector<T> before(out.data(), out.data() + out.size());
  std::vector<uint8_t> read(static_cast<size_t>(count));
  table.sparse_gradient({.rows = shape.rows,
                         .a = a.rows(),
                         .first_column = first,
                         .column_count = count,
                         .delta = delta.data(),
                         .delta_row_stride = width,
                         .width = width,
                         .out = out.data(),
                         .read = read.data()});
  for (int64_t i = 0; i < count; ++i) {
    bool expected = false;
    for (int64_t j = 0; j < width; ++j) {
      double sum = 0.0, size = 0.0;
      for (int64_t row = 0; row < shape.rows; ++row) {
        const double x = a.dense[row * shape.depth + first + i];
        expected = expected || x != 0.0;
        sum += x * delta[row * width + j];
        size += std::fabs(x * delta[row * width + j]);
      }
      const double error = std::fabs(out[i * width + j] - sum);
      const double bound = 40.0 * static_cast<double>(std::numeric_limits<T>::epsilon()) * size;
      CHECK(expected ? error <= bound : out[i * width + j] == before[static_cast<size_t>(i * width + j)]);
    }
    CHECK(read[static_cast<size_t>(i)] == (expected ? 1 : 0));
  }
  CHECK(out.guards_stand());
}

}  // namespace

LAMINA_TEST(sparse_products_have_the_bits_of_dense_ones) {
  for_each_table([]<class T>(const KernelTable<T>& table) {
    for (const Shape& shape : kShapes)
      for (const bool has_bias : {false, true}) compare_products(table, shape, has_bias);
  });
}

LAMINA_TEST(sparse_gradients_are_sums_over_rows_and_touch_no_column_that_none_reads) {
  for_each_table([]<class T>(const KernelTable<T>& table) {
    for (const Shape& shape : kShapes) compare_gradients(table, shape);
  });
}

LAMINA_TEST(elements_that_are_not_zero_move_to_the_front_with_their_columns) {
  for_each_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t columns : {1, 7, 16, 40, 130}) {
      const int64_t stride = (columns + kLine<T> - 1) / kLine<T> * kLine<T>;
      Buffer<T> row(stride);
      Numbers numbers(columns);
      numbers.fill(row, false);
      std::vector<T> kept;
      std::vector<int32_t> places(static_cast<size_t>(stride)), expected;
      for (int64_t c = 0; c < stride; ++c) {
        if (c >= columns || numbers.next() % 3 != 0) row[c] = c % 2 == 0 ? T(0) : -T(0);
        if (c == 20 && c < columns) row[c] = std::numeric_limits<T>::quiet_NaN();
        if (row[c] == T(0)) continue;
        kept.push_back(row[c]);
        expected.push_back(static_cast<int32_t>(c));
      }
      const int64_t count = table.keep_nonzero(columns, row.data(), places.data());
      CHECK(count == static_cast<int64_t>(kept.size()));
      for (size_t i = 0; i < kept.size(); ++i) {
        const T value = row[static_cast<int64_t>(i)];
        CHECK(places[i] == expected[i]);
        CHECK(value == kept[i] || (std::isnan(value) && std::isnan(kept[i])));
      }
      CHECK(row.guards_stand());
    }
  });
}

LAMINA_TEST_MAIN
