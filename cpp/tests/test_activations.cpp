// Activations of every instruction set: accuracy over all of float, special values, derivatives, strides.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernel_support.h"
#include "reference/elementwise.h"

namespace {

using namespace lamina::test;
using lamina::kernels::Activation;
using lamina::kernels::ActivationBlock;
using lamina::kernels::KernelTable;
using lamina::reference::ValueAndSlope;

struct Entry {
  Activation activation;
  const char* name;
  double parameter;
  double ulp_bound;  // of the value, where fused multiply-add exists
  double unfused_bound = ulp_bound + 1;
  // Without fused multiply-add, gelu_tanh rounds the exponent 2u: |z f' / f| ulp more.
  bool conditioned = false;
};

constexpr Entry kEntries[] = {
    {Activation::kIdentity, "identity", 0, 0},
    {Activation::kRelu, "relu", 0, 0},
    {Activation::kLeakyRelu, "leaky_relu", 0.25, 0.5},
    {Activation::kSigmoid, "sigmoid", 0, 2},
    {Activation::kTanh, "tanh", 0, 1.5},
    {Activation::kSoftplus, "softplus", 0, 2},
    {Activation::kGelu, "gelu", 0, 2, 5.5},
    {Activation::kGeluTanh, "gelu_tanh", 0, 2, 6, true},
    {Activation::kSilu, "silu", 0, 2},
    {Activation::kElu, "elu", 1.5, 1.8},
    {Activation::kSelu, "selu", 0, 2},
    {Activation::kCelu, "celu", 1.5, 2},
    {Activation::kMish, "mish", 0, 2},
    {Activation::kSoftsign, "softsign", 0, 1.5},
    {Activation::kLogSigmoid, "log_sigmoid", 0, 2},
    {Activation::kHardSigmoid, "hard_sigmoid", 0, 1.1},
    {Activation::kHardTanh, "hard_tanh", 0, 0},
    {Activation::kHardSwish, "hard_swish", 0, 2},
    {Activation::kRelu6, "relu6", 0, 0},
    {Activation::kSin, "sin", 1, 2.5},
    {Activation::kGaussian, "gaussian", 0, 2.1},
    {Activation::kStep, "step", 0, 0},
};

template <class T>
ActivationBlock<T> block_of(const Entry& entry, int64_t rows, int64_t columns, T* values, int64_t stride,
                            T* aux, int64_t aux_stride) {
  return {rows, columns, values, stride, aux, aux_stride, static_cast<T>(entry.parameter)};
}

// f over one long row.
template <class T>
void forward(const KernelTable<T>& table, const Entry& entry, Aligned<T>& values, T* aux = nullptr) {
  const int64_t n = values.size();
  table.activation_forward[static_cast<int>(entry.activation)](
      block_of(entry, 1, n, values.data(), n, aux, n));
}

// f'(z) as backward sees it, from dL/dy = 1.
template <class T>
Aligned<T> slopes(const KernelTable<T>& table, const Entry& entry, const Aligned<T>& z) {
  const int64_t n = z.size();
  Aligned<T> y(z), stored(n), delta(n, T(1));
  const bool stores = lamina::kernels::stores_derivative(entry.activation);
  forward(table, entry, y, stores ? stored.data() : nullptr);
  table.activation_backward[static_cast<int>(entry.activation)](
      block_of(entry, 1, n, delta.data(), n, stores ? stored.data() : y.data(), n));
  return delta;
}

bool fuses(const std::string& name) { return name != "sse2" && name != "portable"; }

template <class T>
struct Sample {
  T z;
  ValueAndSlope truth;
};

// z exp(-|z|) vanishes where exp(-|z|) does.
template <class T>
long double underflow_floor(T z) {
  return static_cast<long double>(std::numeric_limits<T>::min()) * std::fabs(static_cast<long double>(z));
}

template <class T>
double allowance(const Entry& entry, const Sample<T>& sample) {
  const long double f = sample.truth.value;
  if (!entry.conditioned || f == 0) return 0;
  return static_cast<double>(std::fabs(static_cast<long double>(sample.z) * sample.truth.slope / f));
}

// Where long double is no wider than double, the truth of doubles is itself rounded a few times.
template <class T>
constexpr double kTruthError =
    std::numeric_limits<long double>::digits > std::numeric_limits<T>::digits ? 0 : 4;

// Samples are cut into pieces of this size, which are checked in silence, to save memory.
constexpr size_t kBatch = 1 << 23;

// The worst value of f over the sample, for each instruction set.
template <class T>
void check_accuracy(const Entry& entry, const std::vector<Sample<T>>& sample) {
  on_every_instruction_set<T>([&](const KernelTable<T>& table) {
    const int64_t n = padded<T>(static_cast<int64_t>(sample.size()));
    Aligned<T> y(n);
    for (size_t i = 0; i < sample.size(); ++i) y[static_cast<int64_t>(i)] = sample[i].z;
    const Aligned<T> z(y);
    forward(table, entry, y);
    Aligned<T> slope = slopes(table, entry, z);
    double worst = 0, worst_slope = 0;
    T where = 0, where_slope = 0;
    for (size_t i = 0; i < sample.size(); ++i) {
      const auto index = static_cast<int64_t>(i);
      const double error = ulp_error(y[index], sample[i].truth.value, underflow_floor(sample[i].z)) -
                           (fuses(table.name) ? 0 : allowance(entry, sample[i]));
      if (!(error <= worst)) worst = error, where = sample[i].z;
      const double slope_error =
          static_cast<double>(std::fabs(static_cast<long double>(slope[index]) - sample[i].truth.slope)) /
          static_cast<double>(std::numeric_limits<T>::epsilon());
      if (!(slope_error <= worst_slope) && !std::isnan(sample[i].truth.slope))
        worst_slope = slope_error, where_slope = sample[i].z;
    }
    if (sample.size() != kBatch)
      std::printf("    %-11s %-8s %-6s value %5.2f ulp at %.9g, slope %5.2f epsilon at %.9g\n", entry.name,
                  table.name, sizeof(T) == 4 ? "float" : "double", worst, static_cast<double>(where),
                  worst_slope, static_cast<double>(where_slope));
    CHECK(worst <= (fuses(table.name) ? entry.ulp_bound : entry.unfused_bound) + kTruthError<T>);
    CHECK(worst_slope <= 8);
  });
}

template <class T>
Sample<T> sample_at(const Entry& entry, T z) {
  return {z, lamina::reference::activation(entry.activation, static_cast<long double>(z),
                                           static_cast<long double>(static_cast<T>(entry.parameter)))};
}

// How far apart the tested bit patterns lie: LAMINA_FLOAT_STEP=1 takes all 2^32, a large one suits an
// emulator.
uint64_t float_step() {
  constexpr uint64_t kUsual = 1009;
  const char* wanted = std::getenv("LAMINA_FLOAT_STEP");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : kUsual;
}

LAMINA_TEST(floats_across_the_whole_range_are_within_the_bound_of_the_truth) {
  const uint64_t step = float_step();
  for (const Entry& entry : kEntries) {
    std::vector<Sample<float>> sample;
    for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += step) {
      const auto word = static_cast<uint32_t>(bits);
      float z;
      std::memcpy(&z, &word, sizeof z);
      if (!std::isfinite(z)) continue;
      sample.push_back(sample_at(entry, z));
      if (sample.size() == kBatch) {
        check_accuracy(entry, sample);
        sample.clear();
      }
    }
    check_accuracy(entry, sample);
  }
}

LAMINA_TEST(doubles_across_thirty_binades_are_within_the_bound_of_the_truth) {
  for (const Entry& entry : kEntries) {
    Uniform uniform(7);
    std::vector<Sample<double>> sample;
    for (uint64_t i = 0; i < 300000; i += 1 + float_step() / 2000) {
      const double magnitude = std::exp2(uniform(-25, i % 2 == 0 ? 3 : 11)) * (1 + uniform(0, 1) * 0x1p-24);
      sample.push_back(sample_at(entry, i % 4 < 2 ? magnitude : -magnitude));
    }
    check_accuracy(entry, sample);
  }
}

// f and f' at the ends of the number line: limits, signs of zero, no NaN but from NaN.
struct Limit {
  Activation activation;
  double at_minus_infinity, at_plus_infinity;
};

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Limit kLimits[] = {
    {Activation::kIdentity, -kInfinity, kInfinity},
    {Activation::kRelu, 0, kInfinity},
    {Activation::kLeakyRelu, -kInfinity, kInfinity},
    {Activation::kSigmoid, 0, 1},
    {Activation::kTanh, -1, 1},
    {Activation::kSoftplus, 0, kInfinity},
    {Activation::kGelu, 0, kInfinity},
    {Activation::kGeluTanh, 0, kInfinity},
    {Activation::kSilu, 0, kInfinity},
    {Activation::kElu, -1.5, kInfinity},
    {Activation::kSelu, -1.7580993408473768600, kInfinity},
    {Activation::kCelu, -1.5, kInfinity},
    {Activation::kMish, 0, kInfinity},
    {Activation::kSoftsign, -1, 1},
    {Activation::kLogSigmoid, -kInfinity, 0},
    {Activation::kHardSigmoid, 0, 1},
    {Activation::kHardTanh, -1, 1},
    {Activation::kHardSwish, 0, kInfinity},
    {Activation::kRelu6, 0, 6},
    {Activation::kGaussian, 0, 0},
    {Activation::kStep, 0, 1},
};

const Entry& entry_of(Activation activation) { return kEntries[static_cast<int>(activation)]; }

LAMINA_TEST(infinite_inputs_give_the_limits_and_finite_slopes) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Limit& limit : kLimits) {
      const Entry& entry = entry_of(limit.activation);
      Aligned<T> y(padded<T>(2));
      y[0] = -std::numeric_limits<T>::infinity();
      y[1] = std::numeric_limits<T>::infinity();
      const Aligned<T> z(y);
      forward(table, entry, y);
      CHECK(y[0] == static_cast<T>(limit.at_minus_infinity));
      CHECK(y[1] == static_cast<T>(limit.at_plus_infinity));
      Aligned<T> slope = slopes(table, entry, z);
      CHECK(std::isfinite(slope[0]) && std::isfinite(slope[1]));
    }
    Aligned<T> wave(padded<T>(1), std::numeric_limits<T>::infinity());
    forward(table, entry_of(Activation::kSin), wave);
    CHECK(std::isnan(wave[0]));
  });
}

LAMINA_TEST(nan_gives_nan) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : kEntries) {
      Aligned<T> y(padded<T>(1), std::numeric_limits<T>::quiet_NaN());
      Aligned<T> stored(y);
      forward(table, entry, y);
      CHECK(std::isnan(y[0]));
      if (!lamina::kernels::stores_derivative(entry.activation)) continue;
      Aligned<T> again(y);
      forward(table, entry, again, stored.data());
      CHECK(std::isnan(again[0]));
    }
  });
}

// Where f(z) is about f'(0) z the sign of zero and denormal numbers pass through.
LAMINA_TEST(zeros_keep_their_sign_and_denormals_their_size) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Activation activation : {Activation::kIdentity, Activation::kLeakyRelu, Activation::kTanh,
                                        Activation::kElu, Activation::kSelu, Activation::kCelu,
                                        Activation::kSoftsign, Activation::kHardTanh, Activation::kSin}) {
      const Entry& entry = entry_of(activation);
      const T tiny = std::numeric_limits<T>::min() / 8;
      Aligned<T> y(padded<T>(4));
      y[0] = T(0), y[1] = -T(0), y[2] = tiny, y[3] = -tiny;
      forward(table, entry, y);
      CHECK(y[0] == T(0) && !std::signbit(y[0]));
      CHECK(y[1] == T(0) && std::signbit(y[1]));
      for (const int64_t i : {2, 3}) {
        const T z = i == 2 ? tiny : -tiny;
        CHECK_NEAR(y[i] / z, sample_at(entry, z).truth.slope, 1e-2);
      }
    }
  });
}

// Rows apart and aux strides of their own; what lies between the rows stays as it is.
LAMINA_TEST(a_block_with_strides_equals_one_long_row_and_touches_no_gap) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : kEntries) {
      const bool stores = lamina::kernels::stores_derivative(entry.activation);
      const int64_t rows = 7, columns = padded<T>(40), stride = columns + padded<T>(1),
                    aux_stride = stride + padded<T>(1);
      Aligned<T> block(rows * stride, T(77)), aux(rows * aux_stride, T(77)), flat(rows * columns),
          flat_aux(rows * columns);
      Uniform uniform(4);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < columns; ++c)
          block[r * stride + c] = flat[r * columns + c] = static_cast<T>(uniform(-8, 8));
      }
      const int index = static_cast<int>(entry.activation);
      table.activation_forward[index](
          block_of(entry, rows, columns, block.data(), stride, stores ? aux.data() : nullptr, aux_stride));
      forward(table, entry, flat, stores ? flat_aux.data() : nullptr);
      Aligned<T> delta(rows * stride, T(2)), flat_delta(rows * columns, T(2));
      table.activation_backward[index](block_of(entry, rows, columns, delta.data(), stride,
                                                stores ? aux.data() : block.data(),
                                                stores ? aux_stride : stride));
      table.activation_backward[index](block_of(entry, 1, rows * columns, flat_delta.data(), rows * columns,
                                                stores ? flat_aux.data() : flat.data(), rows * columns));
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < stride; ++c) {
          const int64_t i = r * columns + c;
          CHECK(block[r * stride + c] == (c < columns ? flat[i] : T(77)));
          CHECK(delta[r * stride + c] == (c < columns ? flat_delta[i] : T(2)));
        }
        for (int64_t c = stores ? columns : 0; c < aux_stride; ++c) CHECK(aux[r * aux_stride + c] == T(77));
      }
    }
  });
}

// From z at any address, with the same bits.
LAMINA_TEST(backward_from_z_equals_backward_from_what_forward_kept) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : kEntries) {
      const auto from_z = table.activation_backward_from_z[static_cast<int>(entry.activation)];
      CHECK((from_z != nullptr) ==
            (gradient_source(entry.activation) == lamina::kernels::GradientSource::kInput));
      if (from_z == nullptr) continue;
      const int64_t rows = 5, columns = padded<T>(40), n = rows * columns;
      Aligned<T> z(n), shifted(n + 1);
      Uniform(5).fill(z, -8, 8);
      for (int64_t i = 0; i < n; ++i) shifted[i + 1] = z[i];
      Aligned<T> expected = slopes(table, entry, z);
      Aligned<T> delta(n, T(1));
      from_z(block_of(entry, rows, columns, delta.data(), columns, shifted.data() + 1, columns));
      for (int64_t i = 0; i < n; ++i) CHECK(delta[i] == expected[i]);
    }
  });
}

// Central differences in double; steps of 1e-5 leave 1e-10 from rounding and 1e-9 from curvature.
LAMINA_TEST(slopes_in_double_are_the_differences_of_the_values) {
  on_every_instruction_set<double>([](const KernelTable<double>& table) {
    for (const Entry& entry : kEntries) {
      const int64_t n = 240;
      Aligned<double> z(n), above(n), below(n);
      for (int64_t i = 0; i < n; ++i) {
        z[i] = -5.99 + 0.05 * static_cast<double>(i);  // off the kinks at whole numbers
        above[i] = z[i] + 1e-5;
        below[i] = z[i] - 1e-5;
      }
      forward(table, entry, above);
      forward(table, entry, below);
      Aligned<double> slope = slopes(table, entry, z);
      for (int64_t i = 0; i < n; ++i) CHECK_NEAR(slope[i], (above[i] - below[i]) / 2e-5, 1e-8);
    }
  });
}

LAMINA_TEST(values_are_the_same_with_and_without_the_derivative) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : kEntries) {
      if (!lamina::kernels::stores_derivative(entry.activation)) continue;
      Aligned<T> with(padded<T>(500)), aux(padded<T>(500));
      Uniform(8).fill(with, -20, 20);
      Aligned<T> without(with);
      forward(table, entry, with, aux.data());
      forward(table, entry, without);
      for (int64_t i = 0; i < with.size(); ++i) CHECK(with[i] == without[i]);
    }
  });
}

}  // namespace

LAMINA_TEST_MAIN
