// Kernels that expand columns of a table, on every instruction set: against formulas in long double.
#include "kernel_support.h"

namespace {

using namespace lamina::test;
using lamina::kernels::ColumnCode;
using lamina::kernels::ColumnKind;
using lamina::kernels::KernelTable;

template <class T>
constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
constexpr long double kTwoPi = 6.28318530717958647692528676655900577L;

// A number without and one with steps, a category and a date; 5 inputs.
template <class T>
struct Columns {
  explicit Columns(int64_t steps) : knots(static_cast<size_t>(steps) + 1) {
    for (size_t k = 0; k < knots.size(); ++k) knots[k] = static_cast<T>(k * k) / T(16) - T(2);
    codes = {{ColumnKind::kNumber, true, 0, nullptr, T(3), 0.5},
             {ColumnKind::kNumber, false, steps, knots.data(), T(0), 1.25},
             {ColumnKind::kCategory, true, steps + 3},
             {ColumnKind::kDate, false, 0, nullptr, T(3), 100.0, 20000.0, 300.0}};
    features = 2 + 1 + steps + steps + 4 + 7;
  }
  std::vector<T> knots;
  std::vector<ColumnCode<T>> codes;
  int64_t features;
  static constexpr int64_t kInputs = 5;
};

long double bent(long double z, long double limit) { return z / std::sqrt(1 + z * z / (limit * limit)); }

template <class T>
std::vector<long double> truth(const Columns<T>& columns, const T* in) {
  const auto missing = [](long double x) { return std::isnan(x); };
  std::vector<long double> out;
  const long double a = missing(in[0]) ? 0.5L : static_cast<long double>(in[0]);
  out.insert(out.end(), {bent(a, 3), missing(in[0]) ? 1.0L : 0.0L});
  const long double p = missing(in[1]) ? 1.25L : static_cast<long double>(in[1]);
  const auto steps = static_cast<int64_t>(columns.knots.size()) - 1;
  const auto k = static_cast<size_t>(std::clamp(std::floor(p), 0.0L, static_cast<long double>(steps - 1)));
  const long double low = columns.knots[k], high = columns.knots[k + 1];
  out.push_back(low + (p - static_cast<long double>(k)) * (high - low));
  for (int64_t i = 0; i < steps; ++i) out.push_back(std::clamp(p - static_cast<long double>(i), 0.0L, 1.0L));
  for (int64_t i = 0; i < steps + 3; ++i) out.push_back(static_cast<long double>(in[2]) == i ? 1 : 0);
  out.push_back(missing(in[2]) ? 1 : 0);
  const long double sum = static_cast<long double>(in[3]) + static_cast<long double>(in[4]);
  const long double days = missing(sum) ? 100.0L : sum;
  out.push_back(bent((days - 20000) / 300, 3));
  for (const long double period : {365.2425L, 7.0L, 1.0L})
    for (const bool cosine : {false, true}) {
      const long double angle = kTwoPi * (days / period - std::floor(days / period));
      out.push_back(cosine ? std::cos(angle) : std::sin(angle));
    }
  return out;
}

// Rows that stand apart, so that nothing beyond a row's padding may be touched.
template <class T>
struct Rows {
  Rows(int64_t rows, int64_t columns_)
      : columns(columns_), stride(padded<T>(columns_) + padded<T>(1)), values(rows * stride, T(77)) {}
  T* row(int64_t r) { return values.data() + r * stride; }
  int64_t columns, stride;
  Aligned<T> values;
};

template <class T>
Rows<T> inputs(int64_t rows, int64_t steps) {
  Rows<T> in(rows, Columns<T>::kInputs);
  Uniform uniform(7);
  for (int64_t r = 0; r < rows; ++r) {
    const auto far = static_cast<double>(steps) + 3;
    const double values[] = {uniform(-9, 9), uniform(-2, far), std::floor(uniform(-2, far + 2)),
                             std::floor(uniform(-5000, 40000)), uniform(0, 1)};
    for (int64_t c = 0; c < in.columns; ++c)
      in.row(r)[c] = uniform(0, 1) < 0.1 ? std::numeric_limits<T>::quiet_NaN() : static_cast<T>(values[c]);
  }
  return in;
}

LAMINA_TEST(features_are_those_of_the_formulas_and_their_padding_is_zero) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    constexpr int64_t kRows = 60;
    for (const int64_t steps : {1, 2, 3, 7, 8, 15, 16, 17, 31, 48}) {
      const Columns<T> columns(steps);
      Rows<T> in = inputs<T>(kRows, steps), out(kRows, columns.features);
      table.encode_columns(
          {kRows, columns.codes.data(), 4, in.values.data(), in.stride, out.values.data(), out.stride});
      for (int64_t r = 0; r < kRows; ++r) {
        const std::vector<long double> expected = truth(columns, in.row(r));
        CHECK(static_cast<int64_t>(expected.size()) == columns.features);
        // Knots end at 142; and days of 40,000 are rounded in double by 4e-12, times 2 pi in an angle.
        const double bound = 300 * kEpsilon<T> + 5e-11;
        for (int64_t c = 0; c < columns.features; ++c)
          CHECK_NEAR(out.row(r)[c], static_cast<double>(expected[static_cast<size_t>(c)]), bound);
        for (int64_t c = columns.features; c < padded<T>(columns.features); ++c) CHECK(out.row(r)[c] == T(0));
        CHECK(out.row(r)[out.stride - 1] == T(77));
      }
    }
  });
}

LAMINA_TEST(features_are_finite_and_gradients_too_whatever_the_inputs) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    using Limits = std::numeric_limits<T>;
    const Columns<T> columns(5);
    for (const T value : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), Limits::max(),
                          -Limits::max(), Limits::denorm_min(), T(1e15), T(-1e15), T(-0.0)}) {
      Rows<T> in(1, 5), out(1, columns.features), up(1, columns.features), dx(1, 5);
      std::fill_n(in.row(0), 5, value);
      std::fill_n(up.row(0), columns.features, T(1));
      table.encode_columns({1, columns.codes.data(), 4, in.row(0), in.stride, out.row(0), out.stride});
      for (int64_t c = 0; c < columns.features; ++c) CHECK(std::isfinite(out.row(0)[c]));
      table.encode_columns_backward(
          {1, columns.codes.data(), 4, in.row(0), in.stride, up.row(0), up.stride, dx.row(0), dx.stride});
      for (int64_t c = 0; c < 5; ++c) CHECK(std::isfinite(dx.row(0)[c]));
      for (int64_t c = 5; c < padded<T>(5); ++c) CHECK(dx.row(0)[c] == T(0));
      CHECK(dx.row(0)[dx.stride - 1] == T(77));
    }
  });
}

// Central differences of sum(g * features) in double: days of 40,000 are rounded by 4e-12, which the day's
// sine and cosine take times 2 pi and the step's inverse, 5e-6 in all; their third derivative makes 4e-9.
LAMINA_TEST(backward_is_the_difference_quotient_of_forward) {
  on_every_instruction_set<double>([](const KernelTable<double>& table) {
    const Columns<double> columns(9);
    constexpr int64_t kRows = 40;
    Rows<double> in = inputs<double>(kRows, 9), up(kRows, columns.features), dx(kRows, 5);
    Uniform uniform(3);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t c = 0; c < columns.features; ++c) up.row(r)[c] = uniform(-1, 1);
    table.encode_columns_backward({kRows, columns.codes.data(), 4, in.values.data(), in.stride,
                                   up.values.data(), up.stride, dx.values.data(), dx.stride});
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t column = 0; column < 5; ++column) {
        const auto objective = [&](double step) {
          Rows<double> x(1, 5), out(1, columns.features);
          std::copy_n(in.row(r), 5, x.row(0));
          x.row(0)[column] += step;
          table.encode_columns({1, columns.codes.data(), 4, x.row(0), x.stride, out.row(0), out.stride});
          double sum = 0;
          for (int64_t c = 0; c < columns.features; ++c) sum += up.row(r)[c] * out.row(0)[c];
          return sum;
        };
        const bool code = column == 2;
        const double quotient = code ? 0.0 : (objective(1e-5) - objective(-1e-5)) / 2e-5;
        CHECK_NEAR(dx.row(r)[column], quotient, 1e-5);
      }
  });
}

}  // namespace

LAMINA_TEST_MAIN
