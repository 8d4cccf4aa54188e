// Kernels that turn a column into several, on every instruction set: against formulas in long double; and
// the account of lines that a backup lacks.
#include "kernel_support.h"
#include "kernels/column_jobs.h"
#include "optimizers/changed_lines.h"

namespace {

using namespace lamina::test;
using lamina::ChangedLines;
using lamina::kernels::KernelTable;
using lamina::kernels::Piecewise;
using lamina::kernels::Waves;

template <class T>
constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
template <class T>
constexpr T kMissing = std::numeric_limits<T>::quiet_NaN();
constexpr long double kTwoPi = 6.28318530717958647692528676655900577L;
constexpr int64_t kUnits[] = {1, 3, 7, 8, 15, 16, 17, 40};

// Outputs of one column among others: rows of `units` that start at any address, with 77 around them.
template <class T>
struct Columns {
  Columns(int64_t rows, int64_t units)
      : stride(units + 5), values(static_cast<size_t>(rows * stride + 3), T(77)) {}
  T* row(int64_t r) { return values.data() + 3 + r * stride; }
  void check_around(int64_t rows, int64_t units) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = units; i < stride; ++i) CHECK(row(r)[i] == T(77));
    for (int64_t i = 0; i < 3; ++i) CHECK(values[static_cast<size_t>(i)] == T(77));
  }
  int64_t stride;
  std::vector<T> values;
};

template <class T>
Columns<T> random_columns(int64_t rows, int64_t units, uint64_t seed) {
  Columns<T> columns(rows, units);
  Uniform uniform(seed);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t u = 0; u < units; ++u) columns.row(r)[u] = static_cast<T>(uniform(-1, 1));
  return columns;
}

template <class T>
Aligned<T> random_rows(int64_t rows, int64_t units, uint64_t seed) {
  Aligned<T> table(rows * padded<T>(units));
  Uniform uniform(seed);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t u = 0; u < units; ++u) table[r * padded<T>(units) + u] = static_cast<T>(uniform(-1, 1));
  return table;
}

LAMINA_TEST(each_code_has_its_row_and_anything_else_the_last) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    constexpr int64_t kCount = 5;
    const T codes[] = {0, 4, 2, 2, 5, -1, T(0.5), kMissing<T>, std::numeric_limits<T>::infinity(), T(1e30)};
    const int64_t places[] = {0, 4, 2, 2, 5, 5, 5, 5, 5, 5};
    for (const int64_t units : kUnits) {
      Aligned<T> weights = random_rows<T>(kCount + 1, units, 1);
      Columns<T> y(10, units), dy = random_columns<T>(10, units, 2);
      table.gather_table_rows({10, units, kCount, codes, 1, weights.data(), y.row(0), y.stride});
      for (int64_t r = 0; r < 10; ++r)
        for (int64_t u = 0; u < units; ++u) CHECK(y.row(r)[u] == weights[places[r] * padded<T>(units) + u]);
      y.check_around(10, units);
      // Rows 2 to 5, of which 3 is not named.
      Aligned<T> sums(4 * padded<T>(units), T(55));
      uint64_t named[2] = {};
      table.sum_table_rows({10, units, kCount, codes, 1, dy.row(0), dy.stride, 2, 6, sums.data(), named, 62});
      CHECK(named[0] == uint64_t{1} << 62 && named[1] == 3);
      for (int64_t u = 0; u < padded<T>(units); ++u) {
        T expected[4] = {0, 55, 0, 0};
        for (int64_t r = 0; r < 10 && u < units; ++r)
          if (places[r] >= 2) expected[places[r] - 2] += dy.row(r)[u];
        for (int64_t i = 0; i < 4; ++i) CHECK(sums[i * padded<T>(units) + u] == expected[i]);
      }
    }
  });
}

LAMINA_TEST(a_code_column_keeps_codes_and_nothing_else) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    using lamina::kernels::ColumnCode;
    const ColumnCode<T> codes[] = {{lamina::kernels::ColumnKind::kCode, true, 5}};
    const T x[] = {0, 4, 5, T(0.5), T(-1), kMissing<T>};
    const T expected[] = {0, 4, 5, 5, 5, 5};
    for (int64_t r = 0; r < 6; ++r) {
      Aligned<T> out(padded<T>(1), T(7)), dy(padded<T>(1), T(3)), dx(padded<T>(1), T(7));
      table.encode_columns({1, codes, 1, x + r, 1, out.data(), padded<T>(1)});
      CHECK(out[0] == expected[r] && out[1] == (r == 5 ? T(1) : T(0)) && out[2] == T(0));
      table.encode_columns_backward(
          {1, codes, 1, x + r, 1, dy.data(), padded<T>(1), dx.data(), padded<T>(1)});
      CHECK(dx[0] == T(0) && dx[1] == T(0));
    }
  });
}

// A column of numbers among edges that grow apart, some of them missing, on an edge or beyond all.
template <class T>
struct Numbers {
  explicit Numbers(int64_t bins, int64_t rows)
      : edges(static_cast<size_t>(bins) + 1), x(static_cast<size_t>(rows)) {
    for (size_t k = 0; k < edges.size(); ++k) edges[k] = static_cast<T>(k * k) / T(8) - T(1);
    Uniform uniform(9);
    for (size_t r = 0; r < x.size(); ++r) {
      x[r] = static_cast<T>(uniform(-2, static_cast<double>(edges.back()) + 1));
      if (r % 5 == 1) x[r] = edges[r % edges.size()];
      if (r % 7 == 3) x[r] = kMissing<T>;
    }
  }
  std::vector<long double> encoding(size_t row) const {
    std::vector<long double> shares;
    for (size_t k = 0; k + 1 < edges.size(); ++k) {
      const long double low = edges[k], share = (x[row] - low) / (edges[k + 1] - low);
      const long double raised = k > 0 ? std::max(share, 0.0L) : share;
      shares.push_back(k + 2 < edges.size() ? std::min(raised, 1.0L) : raised);
    }
    return shares;
  }
  std::vector<T> edges, x;
};

LAMINA_TEST(a_number_has_the_weights_of_its_bins) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    constexpr int64_t kRows = 131;
    for (const int64_t units : kUnits)
      for (const int64_t bins : {1, 2, 3, 17, 48})
        for (const bool relu : {false, true}) {
          const int64_t stride = padded<T>(units);
          const Numbers<T> numbers(bins, kRows);
          Aligned<T> weight = random_rows<T>(bins, units, 1), bias = random_rows<T>(1, units, 2);
          Aligned<T> slope = random_rows<T>(1, units, 3);
          Columns<T> y(kRows, units);
          table.piecewise_forward({kRows, units, bins, numbers.x.data(), 1, numbers.edges.data(),
                                   weight.data(), bias.data(), slope.data(), relu, y.row(0), y.stride});
          for (int64_t r = 0; r < kRows; ++r)
            for (int64_t u = 0; u < units; ++u) {
              const long double x = numbers.x[static_cast<size_t>(r)];
              const std::vector<long double> shares = numbers.encoding(static_cast<size_t>(r));
              long double sum = bias[u] + x * slope[u];
              for (int64_t k = 0; k < bins; ++k)
                sum += shares[static_cast<size_t>(k)] * weight[k * stride + u];
              if (std::isnan(x) || (relu && sum < 0)) sum = 0;
              CHECK_NEAR(y.row(r)[u], static_cast<double>(sum), 1000 * kEpsilon<T>);
            }
          y.check_around(kRows, units);
        }
  });
}

LAMINA_TEST(gradients_of_bins_are_sums_over_their_rows) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    constexpr int64_t kRows = 131;
    for (const int64_t units : {1, 7, 16, 20})
      for (const int64_t bins : {1, 3, 17}) {
        const int64_t stride = padded<T>(units);
        const Numbers<T> numbers(bins, kRows);
        Aligned<T> weight = random_rows<T>(bins, units, 1), bias = random_rows<T>(1, units, 2);
        Aligned<T> slope = random_rows<T>(1, units, 3);
        Columns<T> y(kRows, units), dy = random_columns<T>(kRows, units, 4), dx(kRows, 1);
        const Piecewise<T> forward{
            kRows,       units,        bins, numbers.x.data(), 1,       numbers.edges.data(), weight.data(),
            bias.data(), slope.data(), true, y.row(0),         y.stride};
        table.piecewise_forward(forward);
        Aligned<T> dw(bins * stride, T(9)), db(stride, T(9)), ds(stride, T(9)), memory(bins * stride, T(9));
        table.piecewise_gradients(
            {forward, dy.row(0), dy.stride, dw.data(), db.data(), ds.data(), memory.data()});
        table.piecewise_backward({forward, dy.row(0), dy.stride, dx.row(0), dx.stride});
        std::vector<long double> weights(static_cast<size_t>(bins * stride)),
            biases(static_cast<size_t>(stride)), slopes(static_cast<size_t>(stride));
        for (int64_t r = 0; r < kRows; ++r) {
          const long double x = numbers.x[static_cast<size_t>(r)];
          const auto above = std::upper_bound(numbers.edges.begin() + 1, numbers.edges.end() - 1,
                                              numbers.x[static_cast<size_t>(r)]);
          const auto bin = above - numbers.edges.begin() - 1;
          long double input = 0;
          for (int64_t u = 0; u < units && !std::isnan(x); ++u) {
            const long double delta = y.row(r)[u] > T(0) ? dy.row(r)[u] : T(0);
            const std::vector<long double> shares = numbers.encoding(static_cast<size_t>(r));
            for (int64_t k = 0; k < bins; ++k)
              weights[static_cast<size_t>(k * stride + u)] += shares[static_cast<size_t>(k)] * delta;
            biases[static_cast<size_t>(u)] += delta;
            slopes[static_cast<size_t>(u)] += x * delta;
            const auto at = numbers.edges.begin() + bin;
            input += delta * (slope[u] + weight[bin * stride + u] / static_cast<long double>(at[1] - at[0]));
          }
          CHECK_NEAR(dx.row(r)[0], static_cast<double>(input), 2000 * kEpsilon<T>);
        }
        const double bound = 20000 * kEpsilon<T>;
        for (int64_t i = 0; i < bins * stride; ++i)
          CHECK_NEAR(dw[i], static_cast<double>(weights[static_cast<size_t>(i)]), bound);
        for (int64_t u = 0; u < stride; ++u) {
          CHECK_NEAR(db[u], static_cast<double>(biases[static_cast<size_t>(u)]), bound);
          CHECK_NEAR(ds[u], static_cast<double>(slopes[static_cast<size_t>(u)]), bound);
        }
      }
  });
}

LAMINA_TEST(waves_are_cosines_and_sines_and_their_gradients) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    constexpr int64_t kRows = 21;
    for (const int64_t count : kUnits)
      for (const bool phased : {false, true}) {
        Numbers<T> numbers(3, kRows);
        Aligned<T> frequencies = random_rows<T>(1, count, 1), phases = random_rows<T>(1, count, 2);
        Columns<T> waves(kRows, 2 * count), deltas = random_columns<T>(kRows, 2 * count, 3), dx(kRows, 1);
        const Waves<T> forward{kRows,
                               count,
                               numbers.x.data(),
                               1,
                               frequencies.data(),
                               phased ? phases.data() : nullptr,
                               waves.row(0),
                               waves.stride};
        table.waves_forward(forward);
        Aligned<T> rates(padded<T>(count), T(1)), shifts(padded<T>(count), T(1));
        table.waves_gradients({forward, phased, deltas.row(0), deltas.stride, rates.data(), shifts.data()});
        table.waves_backward({forward, phased, deltas.row(0), deltas.stride, dx.row(0), dx.stride});
        waves.check_around(kRows, 2 * count);
        std::vector<long double> rate(static_cast<size_t>(count), 1.0L), shift = rate;
        for (int64_t r = 0; r < kRows; ++r) {
          const long double given = numbers.x[static_cast<size_t>(r)], x = std::isnan(given) ? 0 : given;
          long double input = 0;
          for (int64_t i = 0; i < count; ++i) {
            const long double angle = kTwoPi * frequencies[i] * x + (phased ? phases[i] : T(0));
            // An angle of at most 13 is rounded by 2^-21, times 2 for its rate.
            CHECK_NEAR(waves.row(r)[i], static_cast<double>(std::cos(angle)), 16 * kEpsilon<T>);
            CHECK_NEAR(waves.row(r)[count + i], static_cast<double>(std::sin(angle)), 16 * kEpsilon<T>);
            const long double dsine = phased ? T(0) : deltas.row(r)[count + i];
            const long double delta = std::cos(angle) * dsine - std::sin(angle) * deltas.row(r)[i];
            rate[static_cast<size_t>(i)] += kTwoPi * x * delta;
            shift[static_cast<size_t>(i)] += delta;
            input += kTwoPi * frequencies[i] * delta;
          }
          CHECK_NEAR(dx.row(r)[0], std::isnan(given) ? 0.0 : static_cast<double>(input), 3000 * kEpsilon<T>);
        }
        for (int64_t i = 0; i < count; ++i) {
          CHECK_NEAR(rates[i], static_cast<double>(rate[static_cast<size_t>(i)]), 6000 * kEpsilon<T>);
          CHECK_NEAR(shifts[i], static_cast<double>(shift[static_cast<size_t>(i)]), 1000 * kEpsilon<T>);
        }
      }
  });
}

LAMINA_TEST(a_backup_follows_the_lines_that_were_marked_and_no_others) {
  constexpr int64_t kLine = 16, kLines = 300;
  std::vector<float> weights(kLine * kLines, 1.0f), backup(kLine * kLines, 0.0f);
  ChangedLines changed(kLines, false);
  changed.mark<float>(3 * kLine, 2 * kLine);
  changed.mark<float>(60 * kLine, 140 * kLine);
  changed.mark<float>(299 * kLine, kLine);
  const auto is_copied = [&](int64_t line) { return backup[static_cast<size_t>(line * kLine + 5)] == 1.0f; };
  changed.bring_up_to_date(4 * kLine, 100 * kLine, weights.data(), backup.data());
  for (int64_t line = 0; line < kLines; ++line)
    CHECK(is_copied(line) == (line == 4 || (line >= 60 && line < 104)));
  std::fill(backup.begin(), backup.end(), 0.0f);
  changed.bring_up_to_date(0, kLines * kLine, weights.data(), backup.data());
  for (int64_t line = 0; line < kLines; ++line)
    CHECK(is_copied(line) == (line == 3 || (line >= 104 && line < 200) || line == 299));
  changed.mark<float>(0, kLines * kLine);
  changed.clear();
  std::fill(backup.begin(), backup.end(), 0.0f);
  changed.bring_up_to_date(0, kLines * kLine, weights.data(), backup.data());
  CHECK(!is_copied(0) && !is_copied(150));
}

}  // namespace

LAMINA_TEST_MAIN
