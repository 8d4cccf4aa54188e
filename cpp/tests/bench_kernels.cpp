// Prints GF/s and share of this core's measured FMA peak for each product of typical training steps:
// `bench_kernels [INSTRUCTION_SET] [f32|f64]`, the best set and f32 by default.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "base/arena.h"
#include "base/layout.h"
#include "kernels/dispatch.h"
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define LAMINA_MEASURES_PEAK 1
#endif

namespace {

using namespace lamina::kernels;
using lamina::padded_columns;
using lamina::row_stride_for;

// Processor time, so that a neighbour's turns on a busy machine do not count.
double now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Least seconds of many short runs of f, which a busy machine disturbs least.
template <class F>
double least_seconds(F&& f) {
  int repeats = 1;
  double once = 0;
  while (true) {
    const double start = now();
    for (int i = 0; i < repeats; ++i) f();
    once = (now() - start) / repeats;
    if (once * repeats > 2e-4) break;
    repeats *= 2;
  }
  double least = once;
  const double end = now() + 0.25;
  while (now() < end) {
    const double start = now();
    for (int i = 0; i < repeats; ++i) f();
    least = std::min(least, (now() - start) / repeats);
  }
  return least;
}

#if defined(LAMINA_MEASURES_PEAK)
// Twelve chains of 256-bit FMA: two a cycle at a latency of at most six.
__attribute__((target("avx2,fma"))) void run_fma_chains() {
  __m256 sums[12];
#pragma GCC unroll 12
  for (auto& sum : sums) {
    sum = _mm256_set1_ps(1.0F);
    asm volatile("" : "+x"(sum));  // so that no two chains are known to be the same
  }
  const __m256 factor = _mm256_set1_ps(0.5F);
  for (int i = 0; i < 1000; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, factor, factor);
  }
#pragma GCC unroll 12
  for (auto& sum : sums) asm volatile("" ::"x"(sum));
}

__attribute__((target("avx512f"))) void run_wide_fma_chains() {
  __m512 sums[12];
#pragma GCC unroll 12
  for (auto& sum : sums) {
    sum = _mm512_set1_ps(1.0F);
    asm volatile("" : "+v"(sum));  // so that no two chains are known to be the same
  }
  const __m512 factor = _mm512_set1_ps(0.5F);
  for (int i = 0; i < 1000; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, factor, factor);
  }
#pragma GCC unroll 12
  for (auto& sum : sums) asm volatile("" ::"v"(sum));
}
#endif

// float32 GF/s of one core, 0 if not known here.
double measured_peak() {
  double peak = 0;
#if defined(LAMINA_MEASURES_PEAK)
  for (const std::string& name : available_instruction_sets()) {
    if (name == "avx2") peak = std::max(peak, 12e3 * 8 * 2 / least_seconds(run_fma_chains));
    if (name == "avx512") peak = std::max(peak, 12e3 * 16 * 2 / least_seconds(run_wide_fma_chains));
  }
#endif
  return peak / 1e9;
}

template <class T>
lamina::AlignedBuffer<T> filled(int64_t n) {
  lamina::AlignedBuffer<T> buffer(n);
  std::fill_n(buffer.data(), n, T(0.01));
  return buffer;
}

struct Shape {
  int64_t batch, inputs, outputs;
};

void print_line(const char* kind, const Shape& s, double seconds, double peak) {
  const double speed = 2e-9 * static_cast<double>(s.batch * s.inputs * s.outputs) / seconds;
  std::printf("%-9s batch %5lld  %5lld -> %5lld  %10.2f us  %7.1f GF/s", kind,
              static_cast<long long>(s.batch), static_cast<long long>(s.inputs),
              static_cast<long long>(s.outputs), seconds * 1e6, speed);
  if (peak > 0) std::printf("  %5.1f %% of peak", 100 * speed / peak);
  std::printf("\n");
}

// y = relu(x W + b), row tile by row tile; or, with `delta`, dx = (dy W^T) masked by the layer before.
template <class T>
void bench_rows(const KernelTable<T>& table, const Shape& s, bool delta, double peak) {
  const int64_t depth = delta ? s.outputs : s.inputs, columns = delta ? s.inputs : s.outputs;
  Product<T> p{};
  p.rows = std::min<int64_t>(s.batch, 192);
  p.depth = depth;
  p.columns = padded_columns<T>(columns);
  p.true_columns = columns;
  p.a_row_stride = row_stride_for<T>(depth);
  p.a_depth_stride = 1;
  p.panel_rows = depth + 1;
  p.c_row_stride = p.aux_row_stride = row_stride_for<T>(columns);
  auto a = filled<T>(p.rows * p.a_row_stride), b = filled<T>(p.columns * p.panel_rows);
  auto c = filled<T>(p.rows * p.c_row_stride), aux = filled<T>(p.rows * p.c_row_stride);
  p.a = a.data();
  p.b = b.data();
  p.c = c.data();
  p.aux = delta ? aux.data() : nullptr;
  p.init = delta ? ProductInit::kZero : ProductInit::kBias;
  p.epilogue = delta ? ProductEpilogue::kDerivative : ProductEpilogue::kActivation;
  p.activation = columns > 4 ? Activation::kRelu : Activation::kIdentity;
  print_line(delta ? "delta" : "forward", {p.rows, s.inputs, s.outputs},
             least_seconds([&] { table.product(p); }), peak);
}

// dW in tiles of 48 inputs by a panel, each into a scratch that the update would read.
template <class T>
void bench_gradient(const KernelTable<T>& table, const Shape& s, double peak) {
  constexpr int64_t kInputs = 48;
  const int64_t x_stride = row_stride_for<T>(s.inputs), dy_stride = row_stride_for<T>(s.outputs);
  auto x = filled<T>(s.batch * x_stride + kInputs), dy = filled<T>(s.batch * dy_stride);
  auto scratch = filled<T>(kInputs * table.panel_columns);
  const auto run = [&] {
    for (int64_t column = 0; column < s.outputs; column += table.panel_columns) {
      for (int64_t input = 0; input < s.inputs; input += kInputs) {
        Product<T> p{};
        p.rows = std::min(kInputs, s.inputs - input);
        p.columns = std::min(table.panel_columns, padded_columns<T>(s.outputs) - column);
        p.true_columns = std::min(p.columns, s.outputs - column);
        p.depth = s.batch;
        p.a = x.data() + input;
        p.a_row_stride = 1;
        p.a_depth_stride = x_stride;
        p.b = dy.data() + column;
        p.b_row_stride = dy_stride;
        p.c = scratch.data();
        p.c_row_stride = p.columns;
        table.product(p);
      }
    }
  };
  print_line("gradient", s, least_seconds(run), peak);
}

template <class T>
void bench(const KernelTable<T>& table) {
  const double peak = measured_peak() * 4 / static_cast<double>(sizeof(T));
  std::printf("%s, %s, measured peak of one core %.1f GF/s\n", table.name,
              sizeof(T) == 4 ? "float32" : "float64", peak);
  const Shape shapes[] = {{32, 8, 32},     {32, 32, 32},    {32, 32, 1},       {64, 30, 128},
                          {64, 128, 128},  {64, 128, 2},    {128, 784, 512},   {128, 512, 256},
                          {128, 256, 10},  {128, 513, 513}, {512, 1024, 2048}, {512, 2048, 2048},
                          {1024, 256, 256}};
  for (const Shape& shape : shapes) {
    bench_rows(table, shape, false, peak);
    bench_rows(table, shape, true, peak);
    bench_gradient(table, shape, peak);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : available_instruction_sets().front();
  const auto available = available_instruction_sets();
  if (std::find(available.begin(), available.end(), name) == available.end()) {
    std::fprintf(stderr, "bench_kernels: this machine does not run \"%s\"\n", name.c_str());
    return 2;
  }
  if (argc > 2 && std::strcmp(argv[2], "f64") == 0) {
    bench(*find_kernels<double>(name.c_str()));
  } else {
    bench(*find_kernels<float>(name.c_str()));
  }
  return 0;
}
