// Functions over learned parameters on every instruction set: slopes, clamps, averages, limits of norms.
#include "kernel_support.h"

namespace {

using namespace lamina::test;
using lamina::kernels::KernelTable;

template <class T>
constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

LAMINA_TEST(a_parametric_relu_has_one_slope_a_column) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const int64_t rows = 9, columns = padded<T>(40), stride = columns + padded<T>(1);
    Aligned<T> z(rows * stride), slopes(columns), y(rows * stride, T(77)), dy(rows * stride), sums(columns);
    Uniform uniform(1);
    uniform.fill(z, -1, 1);
    uniform.fill(dy, -1, 1);
    uniform.fill(slopes, -0.5, 0.5);
    table.prelu_forward(rows, columns, z.data(), stride, slopes.data(), false, y.data(), stride);
    table.prelu_slope_sums(rows, columns, z.data(), stride, dy.data(), stride, sums.data());
    Aligned<T> dz(dy);
    table.prelu_backward(rows, columns, z.data(), stride, slopes.data(), false, dz.data(), stride, dz.data(),
                         stride);
    for (int64_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t i = r * stride + c;
        CHECK(y[i] == (z[i] > T(0) ? z[i] : z[i] * slopes[c]));
        CHECK(dz[i] == (z[i] > T(0) ? dy[i] : dy[i] * slopes[c]));
        if (z[i] < T(0)) sum += static_cast<double>(dy[i]) * static_cast<double>(z[i]);
      }
      CHECK_NEAR(sums[c], sum, 10 * kEpsilon<T>);
    }
    CHECK(y[columns] == T(77));
  });
}

LAMINA_TEST(a_parametric_relu_may_have_one_slope_for_all) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const int64_t rows = 3, columns = padded<T>(40);
    Aligned<T> z(rows * columns), slopes(columns, T(77)), each(columns, T(-0.25)), y(z.size()), dy(z.size());
    slopes[0] = T(-0.25);
    Uniform uniform(2);
    uniform.fill(z, -1, 1);
    uniform.fill(dy, -1, 1);
    Aligned<T> y_each(y), dz(dy), dz_each(dy);
    table.prelu_forward(rows, columns, z.data(), columns, slopes.data(), true, y.data(), columns);
    table.prelu_forward(rows, columns, z.data(), columns, each.data(), false, y_each.data(), columns);
    table.prelu_backward(rows, columns, z.data(), columns, slopes.data(), true, dy.data(), columns, dz.data(),
                         columns);
    table.prelu_backward(rows, columns, z.data(), columns, each.data(), false, dy.data(), columns,
                         dz_each.data(), columns);
    for (int64_t i = 0; i < z.size(); ++i) CHECK(y[i] == y_each[i] && dz[i] == dz_each[i]);
  });
}

LAMINA_TEST(a_penalty_adds_its_slope_to_the_gradient) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    Aligned<T> weights(padded<T>(40)), gradients(padded<T>(40));
    Uniform uniform(3);
    uniform.fill(weights, -1, 1);
    uniform.fill(gradients, -1, 1);
    weights[5] = T(0);
    Aligned<T> old(gradients);
    table.add_penalty(weights.size(), T(0.5), T(0.25), weights.data(), gradients.data());
    for (int64_t i = 0; i < weights.size(); ++i) {
      const double w = static_cast<double>(weights[i]);
      const double sign = w > 0 ? 1 : w < 0 ? -1 : 0;
      CHECK_NEAR(gradients[i], static_cast<double>(old[i]) + 0.5 * sign + 0.5 * w, 4 * kEpsilon<T>);
    }
  });
}

LAMINA_TEST(sums_of_values_and_magnitudes_have_the_same_bits_on_every_instruction_set) {
  for (const int64_t n : {0, 1, 7, 100, 4099}) {
    Aligned<float> values(n);
    Uniform(2).fill(values, -1, 1);
    double sum = 0, magnitudes = 0;
    for (int64_t i = 0; i < n; ++i) {
      sum += static_cast<double>(values[i]);
      magnitudes += std::fabs(static_cast<double>(values[i]));
    }
    const auto& portable = *lamina::kernels::find_kernels<float>("portable");
    const double first = portable.sum_of_magnitudes(n, values.data());
    CHECK_NEAR(first, magnitudes, 1e-13 * magnitudes);
    on_every_instruction_set<float>([&](const KernelTable<float>& table) {
      CHECK(table.sum(n, values.data()) == sum);
      CHECK(table.sum_of_magnitudes(n, values.data()) == first);
    });
  }
}

LAMINA_TEST(clamped_values_lie_between_the_limits_and_nan_stays) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    Aligned<T> values(padded<T>(40));
    Uniform(1).fill(values, -2, 2);
    values[3] = std::numeric_limits<T>::quiet_NaN();
    values[4] = std::numeric_limits<T>::infinity();
    Aligned<T> old(values);
    table.clamp_values(values.size(), T(-0.5), T(1), values.data());
    for (int64_t i = 0; i < values.size(); ++i) {
      if (i == 3) continue;
      CHECK(values[i] == std::min(T(1), std::max(T(-0.5), old[i])));
    }
    CHECK(std::isnan(values[3]));
  });
}

LAMINA_TEST(scaling_and_averaging_follow_their_formulas) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    Aligned<T> values(padded<T>(40)), average(padded<T>(40));
    Uniform uniform(1);
    uniform.fill(values, -2, 2);
    uniform.fill(average, -2, 2);
    Aligned<T> old(average), scaled(values);
    table.average_values(values.size(), T(0.125), values.data(), average.data());
    table.scale_values(values.size(), T(0.5), scaled.data());
    for (int64_t i = 0; i < values.size(); ++i) {
      const double v = static_cast<double>(values[i]), a = static_cast<double>(old[i]);
      CHECK_NEAR(average[i], a + 0.125 * (v - a), 4 * kEpsilon<T>);
      CHECK(scaled[i] == values[i] * T(0.5));
    }
  });
}

LAMINA_TEST(columns_with_too_large_a_norm_are_scaled_and_others_left_alone) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const int64_t rows = 21, columns = padded<T>(40), stride = columns + padded<T>(1);
    Aligned<T> values(rows * stride, T(77));
    Uniform uniform(1);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c)
        values[r * stride + c] = static_cast<T>(uniform(-1, 1) * (c % 3 == 0 ? 0.01 : 1));
    }
    Aligned<T> old(values);
    table.limit_column_norms(rows, columns, T(0.75), values.data(), stride);
    for (int64_t c = 0; c < columns; ++c) {
      double norm = 0, now = 0;
      for (int64_t r = 0; r < rows; ++r) {
        norm += std::pow(static_cast<double>(old[r * stride + c]), 2);
        now += std::pow(static_cast<double>(values[r * stride + c]), 2);
      }
      if (std::sqrt(norm) > 0.75) {
        CHECK_NEAR(std::sqrt(now), 0.75, 10 * kEpsilon<T>);
      } else {
        for (int64_t r = 0; r < rows; ++r) CHECK(values[r * stride + c] == old[r * stride + c]);
      }
    }
    CHECK(values[columns] == T(77));
  });
}

}  // namespace

LAMINA_TEST_MAIN
