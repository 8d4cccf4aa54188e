// Activations of every instruction set: accuracy over all of float, special values, derivatives, strides.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernel_support.h"
#include "kernels/reference_elementwise.h"

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
  double ulp_bound;  // of the value, where fused multiply-add exists; 1 more elsewhere
  // gelu_tanh rounds the exponent 2u, which costs as many more ulp as |z f' / f| when f vanishes.
  bool conditioned = false;
};

constexpr Entry kEntries[] = {
    {Activation::kIdentity, "identity", 0, 0},   {Activation::kRelu, "relu", 0, 0},
    {Activation::kLeakyRelu, "leaky_relu", 0.25, 0.5}, {Activation::kSigmoid, "sigmoid", 0, 2},
    {Activation::kTanh, "tanh", 0, 2},           {Activation::kSoftplus, "softplus", 0, 2},
    {Activation::kGelu, "gelu", 0, 7},           {Activation::kGeluTanh, "gelu_tanh", 0, 5, true},
    {Activation::kSilu, "silu", 0, 3},
};

template <class T>
ActivationBlock<T> block_of(const Entry& entry, int64_t rows, int64_t columns, T* values, int64_t stride, T* aux,
                            int64_t aux_stride) {
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
      const double error = ulp_error(y[index], sample[i].truth.value, underflow_floor(sample[i].z)) - allowance(entry, sample[i]);
      if (!(error <= worst)) worst = error, where = sample[i].z;
      const double slope_error = static_cast<double>(std::fabs(static_cast<long double>(slope[index]) - sample[i].truth.slope)) /
                                 static_cast<double>(std::numeric_limits<T>::epsilon());
      if (!(slope_error <= worst_slope) && !std::isnan(sample[i].truth.slope)) worst_slope = slope_error, where_slope = sample[i].z;
    }
    std::printf("    %-11s %-8s %-6s value %5.2f ulp at %.9g, slope %5.2f epsilon at %.9g\n", entry.name, table.name,
                sizeof(T) == 4 ? "float" : "double", worst, static_cast<double>(where), worst_slope, static_cast<double>(where_slope));
    CHECK(worst <= entry.ulp_bound + (fuses(table.name) ? 0 : 1));
    CHECK(worst_slope <= 8);
  });
}

template <class T>
Sample<T> sample_at(const Entry& entry, T z) {
  return {z, lamina::reference::activation(entry.activation, static_cast<long double>(z),
                                           static_cast<long double>(static_cast<T>(entry.parameter)))};
}

// How far apart the tested bit patterns lie: LAMINA_FLOAT_STEP=1 takes all 2^32, a large one suits an emulator.
uint64_t float_step() {
  constexpr uint64_t kUsual = 1009;
  const char* wanted = std::getenv("LAMINA_FLOAT_STEP");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : kUsual;
}

LAMINA_TEST(floats_across_the_whole_range_are_within_the_bound_of_the_truth) {
  const uint64_t step = float_step();
  constexpr size_t kBatch = 1 << 20;
  for (const Entry& entry : kEntries) {
    std::vector<Sample<float>> sample;
    for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += step) {
      const auto word = static_cast<uint32_t>(bits);
      float z;
      std::memcpy(&z, &word, sizeof z);
      if (!std::isfinite(z)) continue;
      sample.push_back(sample_at(entry, z));
      if (step == 1 && sample.size() == kBatch) {
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

}  // namespace

LAMINA_TEST_MAIN
