// Column sums and transposing of every instruction set that this machine runs.
#include <cstdint>

#include "base/layout.h"
#include "kernels/dispatch.h"
#include "product_support.h"

namespace {

using namespace lamina::kernels;
using namespace lamina::test;

template <class T>
void check_column_sums(const KernelTable<T>& table) {
  for (const int64_t lines : {1, 2, 3, 4, 5, 7, 8, 9, 17}) {
    for (const int64_t rows : {0, 1, 2, 33}) {
      const int64_t columns = lines * kLine<T>;
      Buffer<T> in(rows * columns + 1), out(columns);
      Numbers(static_cast<uint64_t>(rows + lines)).fill(in, false);
      table.column_sums(rows, columns, in.data(), columns, out.data());
      for (int64_t j = 0; j < columns; ++j) {
        T sum = 0;
        for (int64_t i = 0; i < rows; ++i) sum += in[i * columns + j];
        CHECK(same_bits(out[j], sum));
      }
      CHECK(out.guards_stand());
    }
  }
}

LAMINA_TEST(column_sums_add_the_rows_in_order) {
  for_each_table([](const auto& table) { check_column_sums(table); });
}

template <class T>
void check_transpose(const KernelTable<T>& table) {
  for (const int64_t rows : {1, 2, 3, 7, 15, 16, 17, 32, 47}) {
    for (const int64_t columns : {int64_t{1}, int64_t{2}, int64_t{3}, kLine<T> - 1, kLine<T>, kLine<T> + 1,
                                  2 * kLine<T>, 4 * kLine<T> + 3, 5 * kLine<T>}) {
      const int64_t in_stride = lamina::padded_columns<T>(columns) + kLine<T>, out_stride = rows + 3;
      Buffer<T> in(rows * in_stride), out(columns * out_stride);
      Numbers(static_cast<uint64_t>(rows * columns)).fill(in, false);
      for (int64_t i = 0; i < out.size(); ++i) out[i] = Buffer<T>::guard();
      table.transpose(rows, columns, in.data(), in_stride, out.data(), out_stride);
      for (int64_t c = 0; c < columns; ++c) {
        for (int64_t r = 0; r < out_stride; ++r) {
          const T expected = r < rows ? in[r * in_stride + c] : Buffer<T>::guard();
          CHECK(same_bits(out[c * out_stride + r], expected));
        }
      }
      CHECK(out.guards_stand());
    }
  }
}

LAMINA_TEST(transpose_takes_any_number_of_rows_and_columns_and_leaves_the_rest) {
  for_each_table([](const auto& table) { check_transpose(table); });
}

}  // namespace

LAMINA_TEST_MAIN
