// Kernels of parametric activations, on every instruction set and at every tail.
#include "kernel_support.h"

namespace {

using namespace lamina::test;
using lamina::kernels::BlendRowsBackward;
using lamina::kernels::KernelTable;

constexpr int64_t kRows = 3;

// Rows of random numbers that stand apart, 0 in their padding and 77 between them.
template <class T>
struct Rows {
  Rows(int64_t columns, uint64_t seed)
      : width(padded<T>(columns)), stride(width + padded<T>(1)), values(kRows * stride, T(77)) {
    Uniform uniform(seed);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t c = 0; c < width; ++c)
        values[r * stride + c] = c < columns ? static_cast<T>(uniform(-2, 3)) : T(0);
  }
  T* data() { return values.data(); }
  double at(int64_t row, int64_t column) { return static_cast<double>(values[row * stride + column]); }
  bool keeps_gaps() {
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t c = width; c < stride; ++c)
        if (values[r * stride + c] != T(77)) return false;
    return true;
  }
  int64_t width, stride;
  Aligned<T> values;
};

template <class T>
constexpr double kBound = 20 * static_cast<double>(std::numeric_limits<T>::epsilon());

LAMINA_TEST(a_blend_lies_between_z_and_f_whatever_address_and_tail_z_has) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t columns : {1, 7, 8, 16, 17, 40, 130}) {
      Rows<T> f(columns, 1), y(f), kept(columns, 9), weight(columns, 2);
      // A user's matrix: no padding, and no alignment.
      Aligned<T> z(kRows * columns + 1);
      Uniform uniform(3);
      uniform.fill(z, -2, 2);
      table.blend_rows({kRows, columns, z.data() + 1, columns, weight.data(), y.data(), y.stride, kept.data(),
                        kept.stride});
      for (int64_t r = 0; r < kRows; ++r) {
        for (int64_t c = 0; c < y.width; ++c) {
          const double from = c < columns ? static_cast<double>(z[1 + r * columns + c]) : 0.0;
          const double truth = from + (f.at(r, c) - from) * weight.at(0, c);
          CHECK_NEAR(y.at(r, c), c < columns ? truth : 0.0, kBound<T>);
          CHECK(kept.at(r, c) == f.at(r, c));
        }
      }
      CHECK(y.keeps_gaps() && kept.keeps_gaps());
    }
  });
}

LAMINA_TEST(both_forms_of_a_blends_backward_are_its_formula) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t columns : {1, 7, 8, 16, 17, 40, 130}) {
      Rows<T> z(columns, 1), f(columns, 2), weight(columns, 3), dy(columns, 4), slopes(columns, 5);
      // dz as the two forms find it: f(z), or dy * weight * f'(z).
      Rows<T> from_f(f), from_product(columns, 6);
      for (int64_t r = 0; r < kRows; ++r)
        for (int64_t c = 0; c < f.width; ++c)
          from_product.values[r * f.stride + c] =
              static_cast<T>(dy.at(r, c) * weight.at(0, c) * slopes.at(r, c));
      for (Rows<T>* dz : {&from_f, &from_product, static_cast<Rows<T>*>(nullptr)}) {
        Rows<T> delta(dy);
        const bool in_place = dz == &from_f;
        table.blend_backward_rows(BlendRowsBackward<T>{.rows = kRows,
                                                       .columns = columns,
                                                       .z = z.data(),
                                                       .z_row_stride = z.stride,
                                                       .weight = weight.data(),
                                                       .f = in_place ? dz->data() : f.data(),
                                                       .f_row_stride = f.stride,
                                                       .delta = delta.data(),
                                                       .delta_row_stride = delta.stride,
                                                       .dz = dz != nullptr ? dz->data() : nullptr,
                                                       .dz_row_stride = f.stride,
                                                       .slopes = in_place ? slopes.data() : nullptr,
                                                       .slopes_row_stride = slopes.stride});
        for (int64_t r = 0; r < kRows; ++r)
          for (int64_t c = 0; c < f.width; ++c) {
            CHECK_NEAR(delta.at(r, c), dy.at(r, c) * (f.at(r, c) - z.at(r, c)), kBound<T>);
            const double slope = 1.0 + (slopes.at(r, c) - 1.0) * weight.at(0, c);
            if (dz != nullptr) CHECK_NEAR(dz->at(r, c), dy.at(r, c) * slope, 3 * kBound<T>);
          }
        CHECK(delta.keeps_gaps() && (dz == nullptr || dz->keeps_gaps()));
      }
    }
  });
}

}  // namespace

LAMINA_TEST_MAIN
