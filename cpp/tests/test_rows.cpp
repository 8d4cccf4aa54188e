// Row functions of every instruction set: softmax, gathering a batch, dropout, finiteness, sums of squares.
#include <algorithm>
#include <cstring>

#include "base/philox.h"
#include "kernel_support.h"

namespace {

using namespace lamina::test;
using lamina::kernels::GatherRows;
using lamina::kernels::KernelTable;
using lamina::kernels::SourceType;

template <class T>
constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

LAMINA_TEST(softmax_rows_equal_the_formula_and_zero_their_padding) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t columns : {1, 2, 7, 8, 10, 16, 17, 40, 1000}) {
      for (const bool take_log : {false, true}) {
        const int64_t rows = 5, stride = padded<T>(columns) + padded<T>(1);
        Aligned<T> y(rows * stride, std::numeric_limits<T>::quiet_NaN());
        Uniform uniform(11);
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t c = 0; c < columns; ++c) y[r * stride + c] = static_cast<T>(uniform(-20, 20));
        }
        Aligned<T> z(y);
        table.softmax_rows(rows, columns, y.data(), stride, take_log, nullptr);
        for (int64_t r = 0; r < rows; ++r) {
          double sum = 0;
          for (int64_t c = 0; c < columns; ++c) sum += std::exp(static_cast<double>(z[r * stride + c]));
          for (int64_t c = 0; c < columns; ++c) {
            const double log_y = static_cast<double>(z[r * stride + c]) - std::log(sum);
            const double truth = take_log ? log_y : std::exp(log_y);
            // Differences of logits up to 40 are rounded; so is the sum, whose logarithm may be near 0.
            CHECK_NEAR(y[r * stride + c], truth,
                       60 * kEpsilon<T> * std::max(take_log ? 1 : 1e-3, std::fabs(truth)));
          }
          for (int64_t c = columns; c < padded<T>(columns); ++c) CHECK(y[r * stride + c] == T(0));
        }
      }
    }
  });
}

// Central differences of sum(g * softmax(z)) in double; rounding of the objective over 2e-6 is below 1e-8.
LAMINA_TEST(softmax_backward_is_the_difference_quotient_of_softmax) {
  on_every_instruction_set<double>([](const KernelTable<double>& table) {
    for (const int64_t columns : {1, 3, 8, 19}) {
      for (const bool take_log : {false, true}) {
        const int64_t stride = padded<double>(columns);
        Aligned<double> z(stride), g(stride), y(stride), delta(stride);
        Uniform uniform(5);
        for (int64_t c = 0; c < columns; ++c) z[c] = uniform(-2, 2), delta[c] = g[c] = uniform(-1, 1);
        const auto objective = [&](int64_t column, double shift) {
          for (int64_t c = 0; c < stride; ++c) y[c] = z[c] + (c == column ? shift : 0);
          table.softmax_rows(1, columns, y.data(), stride, take_log, nullptr);
          double sum = 0;
          for (int64_t c = 0; c < columns; ++c) sum += g[c] * y[c];
          return sum;
        };
        objective(-1, 0);
        for (int64_t c = columns; c < stride; ++c) y[c] = delta[c] = 0;
        table.softmax_backward_rows(1, columns, y.data(), stride, delta.data(), stride, take_log, nullptr);
        for (int64_t c = columns; c < stride; ++c) CHECK(delta[c] == 0);
        for (int64_t c = 0; c < columns; ++c) {
          CHECK_NEAR(delta[c], (objective(c, 1e-6) - objective(c, -1e-6)) / 2e-6, 1e-8);
        }
      }
    }
  });
}

LAMINA_TEST(softmax_of_a_row_with_nan_is_nan) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    Aligned<T> y(padded<T>(3));
    y[1] = std::numeric_limits<T>::quiet_NaN();
    table.softmax_rows(1, 3, y.data(), y.size(), false, nullptr);
    CHECK(std::isnan(y[0]) && std::isnan(y[1]) && std::isnan(y[2]));
  });
}

// A user's array of S: element (r, c) at origin + r * row_stride + c * column_stride, in bytes.
template <class S>
struct Source {
  Source(int64_t rows_given, int64_t columns_given, bool by_column, bool reversed, int64_t shift)
      : rows(rows_given), columns(columns_given), bytes(static_cast<size_t>(rows * columns) * sizeof(S) + 8) {
    constexpr int64_t kSize = static_cast<int64_t>(sizeof(S));
    row_stride = by_column ? kSize : columns * kSize;
    column_stride = by_column ? rows * kSize : kSize;
    origin = reinterpret_cast<char*>(bytes.data()) + shift;
    if (reversed) {
      origin += (rows - 1) * row_stride + (columns - 1) * column_stride;
      row_stride = -row_stride;
      column_stride = -column_stride;
    }
  }
  void set(int64_t r, int64_t c, S value) {
    std::memcpy(origin + r * row_stride + c * column_stride, &value, sizeof value);
  }
  int64_t rows, columns, row_stride, column_stride;
  std::vector<unsigned char> bytes;
  char* origin;
};

template <class S>
S source_value(int64_t r, int64_t c) {
  const double x = static_cast<double>((r * 31 + c * 7) % 101) - (std::numeric_limits<S>::is_signed ? 50 : 0);
  return static_cast<S>(std::numeric_limits<S>::is_integer ? x : x * 1.37);
}

// An offset that float does not hold is subtracted before anything is rounded.
template <class T, class S>
void check_offset(const KernelTable<T>& table, const Source<S>& source, SourceType type,
                  const int64_t* indices) {
  const int64_t columns = source.columns, stride = padded<T>(columns) + padded<T>(1);
  std::vector<T> high(static_cast<size_t>(columns)), low(static_cast<size_t>(columns));
  for (int64_t c = 0; c < columns; ++c) {
    high[static_cast<size_t>(c)] = static_cast<T>(c % 3);
    low[static_cast<size_t>(c)] = static_cast<T>(std::ldexp(1.0, -30 - static_cast<int>(c % 5)));
  }
  Aligned<T> out(5 * stride, T(77));
  table.gather_rows({5, columns, source.origin, type, source.row_stride, source.column_stride, indices, 0, 3,
                     out.data(), stride, high.data(), low.data()});
  for (int64_t r = 0; r < 5; ++r) {
    const int64_t row = indices != nullptr ? indices[r] : 3 + r;
    for (int64_t c = 0; c < columns; ++c) {
      const double offset = static_cast<double>(c % 3) + std::ldexp(1.0, -30 - static_cast<int>(c % 5));
      CHECK(out[r * stride + c] == static_cast<T>(static_cast<double>(source_value<S>(row, c)) - offset));
    }
    for (int64_t c = columns; c < padded<T>(columns); ++c) CHECK(out[r * stride + c] == T(0));
    CHECK(out[r * stride + padded<T>(columns)] == T(77));
  }
}

template <class T, class S>
void check_gather(const KernelTable<T>& table, SourceType type) {
  const std::vector<int64_t> indices = {4, 0, 2, 2, 8};
  for (const int64_t columns : {1, 5, 16, 63, 64, 130}) {
    for (int variant = 0; variant < 16; ++variant) {
      const bool by_column = (variant & 1) != 0, reversed = (variant & 2) != 0,
                 unaligned = (variant & 4) != 0;
      const bool indexed = (variant & 8) != 0;
      Source<S> source(9, columns, by_column, reversed, unaligned ? 1 : 0);
      for (int64_t r = 0; r < 9; ++r) {
        for (int64_t c = 0; c < columns; ++c) source.set(r, c, source_value<S>(r, c));
      }
      const int64_t stride = padded<T>(columns) + padded<T>(1);
      Aligned<T> out(5 * stride, T(77));
      table.gather_rows({5, columns, source.origin, type, source.row_stride, source.column_stride,
                         indexed ? indices.data() : nullptr, 0, 3, out.data(), stride});
      for (int64_t r = 0; r < 5; ++r) {
        const int64_t row = indexed ? indices[static_cast<size_t>(r)] : 3 + r;
        for (int64_t c = 0; c < columns; ++c)
          CHECK(out[r * stride + c] == static_cast<T>(source_value<S>(row, c)));
        for (int64_t c = columns; c < padded<T>(columns); ++c) CHECK(out[r * stride + c] == T(0));
        CHECK(out[r * stride + padded<T>(columns)] == T(77));
      }
      check_offset<T, S>(table, source, type, indexed ? indices.data() : nullptr);
    }
  }
}

LAMINA_TEST(gathered_rows_equal_the_source_for_every_type_stride_and_alignment) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    check_gather<T, float>(table, SourceType::kF32);
    check_gather<T, double>(table, SourceType::kF64);
    check_gather<T, uint8_t>(table, SourceType::kU8);
    check_gather<T, int8_t>(table, SourceType::kI8);
    check_gather<T, uint16_t>(table, SourceType::kU16);
    check_gather<T, int16_t>(table, SourceType::kI16);
    check_gather<T, int32_t>(table, SourceType::kI32);
    check_gather<T, uint32_t>(table, SourceType::kU32);
    check_gather<T, int64_t>(table, SourceType::kI64);
    check_gather<T, uint64_t>(table, SourceType::kU64);
  });
}

LAMINA_TEST(booleans_become_zero_and_one) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const uint8_t source[4] = {0, 1, 255, 0};
    Aligned<T> out(padded<T>(4));
    table.gather_rows({1, 4, source, SourceType::kBool, 4, 1, nullptr, 0, 0, out.data(), out.size()});
    CHECK(out[0] == T(0) && out[1] == T(1) && out[2] == T(1) && out[3] == T(0));
  });
}

double half_value(uint32_t bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31u);
  const double fraction = bits & 1023u, sign = (bits & 0x8000u) != 0 ? -1 : 1;
  if (exponent == 31) return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * HUGE_VAL;
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

LAMINA_TEST(every_half_precision_number_is_converted_exactly) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    std::vector<uint16_t> source(65536);
    for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<uint16_t>(i);
    Aligned<T> out(65536);
    table.gather_rows(
        {1, 65536, source.data(), SourceType::kF16, 131072, 2, nullptr, 0, 0, out.data(), 65536});
    for (uint32_t i = 0; i < 65536; ++i) {
      const double truth = half_value(i);
      CHECK(std::isnan(truth) ? std::isnan(out[i]) : static_cast<double>(out[i]) == truth);
      CHECK(std::signbit(out[i]) == std::signbit(truth) || std::isnan(truth));
    }
  });
}

// The factors that dropout puts on ones.
template <class T>
std::vector<double> dropout_factors(const KernelTable<T>& table, int64_t first_row, int64_t rows,
                                    int64_t columns, uint64_t seed, uint64_t step, uint32_t layer,
                                    double rate) {
  const int64_t stride = padded<T>(columns) + padded<T>(1);
  Aligned<T> values(rows * stride, T(1));
  table.dropout_rows(first_row, rows, columns, values.data(), stride, seed, step, layer,
                     static_cast<T>(rate));
  std::vector<double> factors;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) factors.push_back(static_cast<double>(values[r * stride + c]));
    for (int64_t c = padded<T>(columns); c < stride; ++c) CHECK(values[r * stride + c] == T(1));
  }
  return factors;
}

// Word by word from base/philox.h, whose test holds the published vectors.
double expected_factor(int64_t row, int64_t column, int64_t columns, uint64_t seed, uint64_t step,
                       uint32_t layer, double rate) {
  const int64_t groups = (columns + 63) / 64;
  const uint64_t counter = static_cast<uint64_t>((row * groups + column / 64) * 8 + column % 8);
  const lamina::PhiloxBlock block = lamina::philox(
      lamina::philox_key(seed), lamina::philox_counter(counter, step, layer, lamina::StreamTag::kDropout));
  const int64_t number = column % 64 / 8;
  const uint32_t word = block.word[number / 2];
  const double threshold = std::floor((1 - rate) * 65536 + 0.5);
  return static_cast<double>(number % 2 == 0 ? word & 0xffffu : word >> 16) < threshold ? 65536 / threshold
                                                                                        : 0.0;
}

LAMINA_TEST(dropout_keeps_what_philox_says_on_every_instruction_set) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t columns : {1, 8, 16, 40, 64, 65, 200}) {
      const uint64_t seed = 0x123456789abcdef0u, step = (uint64_t{1} << 33) + 5;
      const auto factors = dropout_factors(table, 3, 5, columns, seed, step, 7, 0.25);
      for (int64_t r = 0; r < 5; ++r) {
        for (int64_t c = 0; c < columns; ++c) {
          const double truth = expected_factor(3 + r, c, columns, seed, step, 7, 0.25);
          CHECK_NEAR(factors[static_cast<size_t>(r * columns + c)], truth, kEpsilon<T> * 2);
        }
      }
    }
  });
}

LAMINA_TEST(dropout_of_rows_apart_equals_dropout_of_rows_together) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t columns : {10, 64, 150}) {
      const auto together = dropout_factors(table, 0, 9, columns, 1, 2, 3, 0.5);
      for (int64_t r = 0; r < 9; ++r) {
        const auto apart = dropout_factors(table, r, 1, columns, 1, 2, 3, 0.5);
        CHECK(std::equal(apart.begin(), apart.end(), together.begin() + r * columns));
      }
    }
  });
}

// 65536 draws: five standard deviations of the kept share are 5 sqrt(p (1 - p) / 65536) < 0.01.
LAMINA_TEST(dropout_keeps_the_share_asked_for_and_the_mean) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const double rate : {0.1, 0.5, 0.9}) {
      double kept = 0, sum = 0;
      for (const double f : dropout_factors(table, 0, 256, 256, 9, 1, 0, rate)) kept += f != 0, sum += f;
      CHECK_NEAR(kept / 65536, 1 - rate, 0.01);
      CHECK_NEAR(sum / 65536, 1.0, 0.01 / (1 - rate));
    }
    for (const double f : dropout_factors(table, 0, 4, 20, 9, 1, 0, 0.0)) CHECK(f == 1.0);
    for (const double f : dropout_factors(table, 0, 4, 20, 9, 1, 0, 1.0)) CHECK(f == 0.0);
  });
}

LAMINA_TEST(dropout_changes_with_seed_step_and_layer) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const auto base = dropout_factors(table, 0, 4, 64, 1, 2, 3, 0.5);
    CHECK(base != dropout_factors(table, 0, 4, 64, 2, 2, 3, 0.5));
    CHECK(base != dropout_factors(table, 0, 4, 64, 1, 3, 3, 0.5));
    CHECK(base != dropout_factors(table, 0, 4, 64, 1, 2, 4, 0.5));
    CHECK(base == dropout_factors(table, 0, 4, 64, 1, 2, 3, 0.5));
  });
}

LAMINA_TEST(a_single_nan_or_infinity_is_found_at_any_place) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t n : {0, 1, 7, 16, 33, 70}) {
      Aligned<T> values(n, std::numeric_limits<T>::max());
      CHECK(table.all_finite(n, values.data()));
      for (int64_t i = 0; i < n; ++i) {
        for (const T bad : {std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                            std::numeric_limits<T>::quiet_NaN()}) {
          values[i] = bad;
          CHECK(!table.all_finite(n, values.data()));
        }
        values[i] = T(1);
      }
    }
  });
}

LAMINA_TEST(the_sum_of_squares_has_the_same_bits_on_every_instruction_set) {
  for (const int64_t n : {0, 1, 7, 8, 100, 4099}) {
    Aligned<float> values(n);
    Uniform uniform(2);
    uniform.fill(values, -1, 1);
    double truth = 0;
    for (int64_t i = 0; i < n; ++i) truth += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    const double first = lamina::kernels::find_kernels<float>("portable")->sum_of_squares(n, values.data());
    CHECK_NEAR(first, truth, 1e-13 * truth);
    on_every_instruction_set<float>(
        [&](const KernelTable<float>& table) { CHECK(table.sum_of_squares(n, values.data()) == first); });
  }
}

}  // namespace

LAMINA_TEST_MAIN
