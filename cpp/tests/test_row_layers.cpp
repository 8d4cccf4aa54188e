// Kernels of layers that work on each row alone, on every instruction set: normalisation, scaling, noise.
#include "base/philox.h"
#include "kernel_support.h"
#include "reference/elementwise.h"

namespace {

using namespace lamina::test;
using lamina::kernels::AlphaDropoutRows;
using lamina::kernels::KernelTable;

template <class T>
constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

template <class T>
std::vector<double> as_doubles(Aligned<T>& values, int64_t first, int64_t n) {
  std::vector<double> result;
  for (int64_t i = first; i < first + n; ++i) result.push_back(static_cast<double>(values[i]));
  return result;
}

// Rows that stand apart, so that nothing beyond a row's padding may be touched.
template <class T>
struct Rows {
  Rows(int64_t columns_, uint64_t seed)
      : columns(columns_), stride(padded<T>(columns_) + padded<T>(1)), values(kRows * stride, T(77)) {
    Uniform uniform(seed);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t c = 0; c < columns; ++c) values[r * stride + c] = static_cast<T>(uniform(-2, 3));
  }
  static constexpr int64_t kRows = 5;
  int64_t columns, stride;
  Aligned<T> values;
};

LAMINA_TEST(rows_are_normalised_as_the_formula_says_and_their_padding_is_zero) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t columns : {1, 2, 7, 16, 17, 40, 300}) {
      for (const bool centered : {false, true}) {
        Rows<T> x(columns, 1), y(x);
        Aligned<T> scale(padded<T>(columns)), shift(padded<T>(columns)), moments(2 * x.kRows);
        Uniform uniform(2);
        uniform.fill(scale, 0.5, 1.5);
        uniform.fill(shift, -1, 1);
        table.normalize_rows({x.kRows, columns, centered, T(0.01), scale.data(), shift.data(),
                              y.values.data(), y.stride, moments.data(), 2});
        for (int64_t r = 0; r < x.kRows; ++r) {
          const auto truth = lamina::reference::normalize_row(
              as_doubles(x.values, r * x.stride, columns), centered, static_cast<double>(T(0.01)),
              as_doubles(scale, 0, columns), as_doubles(shift, 0, columns));
          for (int64_t c = 0; c < columns; ++c)
            CHECK_NEAR(y.values[r * y.stride + c], truth[static_cast<size_t>(c)], 60 * kEpsilon<T>);
          for (int64_t c = columns; c < padded<T>(columns); ++c) CHECK(y.values[r * y.stride + c] == T(0));
          CHECK(y.values[(r + 1) * y.stride - 1] == T(77));
          CHECK(centered || moments[2 * r] == T(0));
        }
      }
    }
  });
}

// Central differences of sum(g * normalised(x)) in double; rounding of the objective over 2e-6 is below 1e-8.
LAMINA_TEST(backward_of_normalisation_is_the_difference_quotient_of_forward) {
  on_every_instruction_set<double>([](const KernelTable<double>& table) {
    for (const int64_t columns : {1, 3, 8, 19}) {
      for (const bool centered : {false, true}) {
        const int64_t stride = padded<double>(columns);
        Aligned<double> x(stride), g(stride), y(stride), dx(stride, 77), scale(stride), moments(2);
        Uniform uniform(5);
        for (int64_t c = 0; c < columns; ++c) {
          x[c] = uniform(-2, 2);
          g[c] = uniform(-1, 1);
          scale[c] = uniform(0.5, 1.5);
        }
        const auto objective = [&](int64_t column, double step) {
          for (int64_t c = 0; c < stride; ++c) y[c] = x[c] + (c == column ? step : 0);
          table.normalize_rows(
              {1, columns, centered, 0.1, scale.data(), nullptr, y.data(), stride, moments.data(), 2});
          double sum = 0;
          for (int64_t c = 0; c < columns; ++c) sum += g[c] * y[c];
          return sum;
        };
        objective(0, 0);
        table.normalize_backward_rows({1, columns, centered, scale.data(), x.data(), stride, moments.data(),
                                       2, g.data(), stride, dx.data(), stride});
        for (int64_t c = 0; c < columns; ++c) {
          const double truth = (objective(c, 1e-6) - objective(c, -1e-6)) / 2e-6;
          CHECK_NEAR(dx[c], truth, 1e-8);
        }
        for (int64_t c = columns; c < stride; ++c) CHECK(dx[c] == 0);
      }
    }
  });
}

LAMINA_TEST(the_gradient_of_a_factor_is_a_sum_over_the_rows) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const int64_t columns = padded<T>(40);
    Rows<T> x(columns, 1), dy(columns, 2);
    Aligned<T> moments(2 * x.kRows), plain(columns), normalized(columns);
    Uniform(3).fill(moments, 0.5, 1.5);
    table.scale_sums(
        {x.kRows, columns, x.values.data(), x.stride, nullptr, 0, dy.values.data(), dy.stride, plain.data()});
    table.scale_sums({x.kRows, columns, x.values.data(), x.stride, moments.data(), 2, dy.values.data(),
                      dy.stride, normalized.data()});
    for (int64_t c = 0; c < columns; ++c) {
      double sum = 0, centered = 0;
      for (int64_t r = 0; r < x.kRows; ++r) {
        const double value = static_cast<double>(x.values[r * x.stride + c]);
        const double delta = static_cast<double>(dy.values[r * dy.stride + c]);
        const double mean = static_cast<double>(moments[2 * r]),
                     factor = static_cast<double>(moments[2 * r + 1]);
        sum += delta * value;
        centered += delta * (value - mean) * factor;
      }
      CHECK_NEAR(plain[c], sum, 60 * kEpsilon<T>);
      CHECK_NEAR(normalized[c], centered, 120 * kEpsilon<T>);
    }
  });
}

LAMINA_TEST(columns_are_scaled_standardised_and_clipped) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const int64_t columns = padded<T>(40);
    Rows<T> x(columns, 1), scaled(x), standard(x), unshifted(x), delta(columns, 4);
    Rows<T> clipped(delta);
    Aligned<T> scale(columns), shift(columns);
    Uniform uniform(2);
    uniform.fill(scale, 0.5, 1.5);
    uniform.fill(shift, -1, 1);
    scale[3] = T(0);
    table.affine_rows(x.kRows, columns, scale.data(), shift.data(), scaled.values.data(), x.stride);
    table.affine_rows(x.kRows, columns, scale.data(), nullptr, unshifted.values.data(), x.stride);
    table.standardize_rows(x.kRows, columns, shift.data(), scale.data(), standard.values.data(), x.stride);
    table.clip_backward_rows(x.kRows, columns, T(-1), T(1), x.values.data(), x.stride, clipped.values.data(),
                             x.stride);
    for (int64_t i = 0; i < x.values.size(); ++i) {
      const int64_t c = i % x.stride;
      if (c >= columns) {
        CHECK(scaled.values[i] == T(77) && standard.values[i] == T(77) && clipped.values[i] == T(77));
        continue;
      }
      const double value = static_cast<double>(x.values[i]);
      const double factor = static_cast<double>(scale[c]), offset = static_cast<double>(shift[c]);
      CHECK_NEAR(scaled.values[i], value * factor + offset, 10 * kEpsilon<T>);
      CHECK_NEAR(unshifted.values[i], value * factor, 10 * kEpsilon<T>);
      CHECK_NEAR(standard.values[i], (value - offset) / (factor > 0 ? factor : 1), 20 * kEpsilon<T>);
      CHECK(clipped.values[i] == (value >= -1 && value <= 1 ? delta.values[i] : T(0)));
    }
  });
}

LAMINA_TEST(alpha_dropout_keeps_what_dropout_keeps) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t columns : {1, 40, 64, 130}) {
      Rows<T> x(columns, 1), dropped(x), alpha(x);
      table.dropout_rows(3, x.kRows, columns, dropped.values.data(), x.stride, 9, 8, 7, T(0.25));
      table.alpha_dropout_rows(
          {3, x.kRows, columns, alpha.values.data(), x.stride, 9, 8, 7, T(0.25), T(0.5), T(2), T(-3)});
      for (int64_t r = 0; r < x.kRows; ++r) {
        for (int64_t c = 0; c < columns; ++c) {
          const int64_t i = r * x.stride + c;
          const double kept = static_cast<double>(x.values[i]) * 0.5 + 2;
          CHECK_NEAR(alpha.values[i], dropped.values[i] != T(0) ? kept : -3, 4 * kEpsilon<T>);
        }
        CHECK(alpha.values[(r + 1) * x.stride - 1] == T(77));
      }
    }
  });
}

// By Box and Muller's formula from the words of base/philox.h.
double expected_normal(int64_t row, int64_t column, int64_t columns) {
  const int64_t groups = (columns + 63) / 64;
  const auto counter = static_cast<uint64_t>((row * groups + column / 64) * 16 + column % 16);
  const lamina::PhiloxBlock block =
      lamina::philox(lamina::philox_key(9), lamina::philox_counter(counter, 8, 7, lamina::StreamTag::kNoise));
  const int64_t part = column % 64 / 16;
  const double u = (block.word[part / 2 * 2] + 0.5) * 0x1p-32, v = block.word[part / 2 * 2 + 1] * 0x1p-32;
  const double angle = 2 * 3.14159265358979323846 * v;
  return std::sqrt(-2 * std::log(u)) * (part % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

LAMINA_TEST(noise_is_what_philox_and_box_and_muller_say) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t columns : {1, 16, 33, 64, 130}) {
      Rows<T> x(columns, 1), noisy(x);
      table.noise_rows(3, x.kRows, columns, noisy.values.data(), x.stride, 9, 8, 7, T(0.5));
      for (int64_t r = 0; r < x.kRows; ++r) {
        for (int64_t c = 0; c < columns; ++c) {
          const int64_t i = r * x.stride + c;
          const double truth = static_cast<double>(x.values[i]) + 0.5 * expected_normal(3 + r, c, columns);
          // An angle of up to 2 pi is off by some units of its last place.
          CHECK_NEAR(noisy.values[i], truth, 40 * kEpsilon<T>);
        }
        CHECK(noisy.values[(r + 1) * x.stride - 1] == T(77));
      }
    }
  });
}

// 65536 draws: five standard deviations are 0.02 of the mean, 0.03 of the variance, 0.2 of the fourth moment.
LAMINA_TEST(noise_has_the_moments_of_a_normal_distribution) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    Aligned<T> values(65536);
    table.noise_rows(0, 256, 256, values.data(), 256, 1, 2, 3, T(1));
    double mean = 0, square = 0, fourth = 0;
    for (int64_t i = 0; i < values.size(); ++i) {
      const double value = static_cast<double>(values[i]);
      mean += value / 65536;
      square += value * value / 65536;
      fourth += value * value * value * value / 65536;
    }
    CHECK_NEAR(mean, 0.0, 0.02);
    CHECK_NEAR(square, 1.0, 0.03);
    CHECK_NEAR(fourth, 3.0, 0.2);
  });
}

}  // namespace

LAMINA_TEST_MAIN
