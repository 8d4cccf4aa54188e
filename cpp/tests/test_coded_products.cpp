// Products with coded features on every instruction set, against the features themselves in double.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"
#include "product_support.h"

using namespace lamina;
using namespace lamina::test;
using kernels::FeatureRun;
using kernels::KernelTable;

namespace {

// Plain features 0, 5 and 20, steps of few and of many edges, one-hot runs of one and of several.
constexpr int64_t kPlain[] = {0, 5, 20};
constexpr FeatureRun kRuns[] = {{1, 4, true}, {6, 13, false}, {19, 1, false}, {21, 150, true}};
constexpr int64_t kFeatures = 171;
constexpr kernels::FeatureCodes kCodes{kPlain, 3, kRuns, 4};

// Coded rows, and the features that they stand for.
template <class T>
struct Rows {
  explicit Rows(int64_t count) : rows(count), coded(count * kStride), features(count * kFeatures) {
    Numbers numbers(9);
    numbers.fill(coded, false);
    for (int64_t row = 0; row < rows; ++row) {
      T* in = coded.data() + row * kStride;
      T* out = features.data() + row * kFeatures;
      for (int64_t i = 0; i < kCodes.plain_count; ++i) out[kPlain[i]] = in[i];
      for (int64_t i = 0; i < kCodes.run_count; ++i) {
        const FeatureRun& run = kRuns[i];
        const auto whole = static_cast<int64_t>(numbers.next() % static_cast<uint64_t>(run.count + 1));
        T place = static_cast<T>(whole);
        if (run.steps && row % 3 != 0 && whole < run.count)
          place += static_cast<T>(numbers.next() % 16) / T(16);
        in[kCodes.plain_count + i] = place;
        for (int64_t k = 0; k < run.count; ++k) {
          const T above = place - static_cast<T>(k);
          const T step = above < T(0) ? T(0) : above < T(1) ? above : T(1);
          out[run.first + k] = run.steps ? step : static_cast<T>(k == whole);
        }
      }
    }
  }
  static constexpr int64_t kStride = 16;
  int64_t rows;
  Buffer<T> coded, features;
};

template <class T>
double bound_of(double size) {
  return 200.0 * static_cast<double>(std::numeric_limits<T>::epsilon()) * size;
}

template <class T>
void compare_products(const KernelTable<T>& table, int64_t rows, int64_t units, bool has_bias, bool scaled) {
  const int64_t columns = (units + kLine<T> - 1) / kLine<T> * kLine<T>;
  Rows<T> a(rows);
  Buffer<T> b(columns * (kFeatures + 1)), out(rows * columns), alone(columns), scale(kFeatures);
  Numbers(4).fill(b, false);
  Numbers(5).fill(scale, false);
  kernels::CodedProduct<T> product{.rows = rows,
                                   .columns = columns,
                                   .depth = kFeatures,
                                   .codes = kCodes,
                                   .a = a.coded.data(),
                                   .a_row_stride = a.kStride,
                                   .b = b.data(),
                                   .panel_rows = kFeatures + 1,
                                   .scale = scaled ? scale.data() : nullptr,
                                   .has_bias = has_bias,
                                   .c = out.data(),
                                   .c_row_stride = columns};
  table.coded_product(product);
  CHECK(out.guards_stand());
  for (int64_t row = 0; row < rows; ++row) {
    product.rows = 1;
    product.a = a.coded.data() + row * a.kStride;
    product.c = alone.data();
    table.coded_product(product);
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t first = column / table.panel_columns * table.panel_columns;
      const int64_t width = std::min(table.panel_columns, columns - first);
      const T* weights = b.data() + first * (kFeatures + 1) + column - first;
      double sum = has_bias ? static_cast<double>(weights[kFeatures * width]) : 0.0, size = std::fabs(sum);
      for (int64_t k = 0; k < kFeatures; ++k) {
        const T weight = scaled ? weights[k * width] * scale[k] : weights[k * width];
        const double term =
            static_cast<double>(a.features[row * kFeatures + k]) * static_cast<double>(weight);
        sum += term;
        size += std::fabs(term);
      }
      const T found = out[row * columns + column];
      CHECK(std::fabs(static_cast<double>(found) - sum) <= bound_of<T>(size));
      CHECK(same_bits(found, alone[column]));
    }
  }
}

// Features [first, last): runs of which the first and the last may be parts.
template <class T>
void compare_gradients(const KernelTable<T>& table, int64_t rows, int64_t width, int64_t first,
                       int64_t last) {
  const auto below = [](int64_t feature) { return std::lower_bound(kPlain, kPlain + 3, feature) - kPlain; };
  const int64_t first_plain = below(first), features = last - first;
  int64_t first_run = 0;
  std::vector<FeatureRun> runs;
  bool has_parts = false;
  for (int64_t i = 0; i < kCodes.run_count; ++i) {
    const FeatureRun& run = kRuns[i];
    const int64_t from = std::max(run.first, first), to = std::min(run.first + run.count, last);
    if (from >= to) continue;
    if (runs.empty()) first_run = i;
    runs.push_back({from, to - from, run.steps, from - run.first});
    has_parts = has_parts || to - from < run.count;
  }
  Rows<T> a(rows);
  Buffer<T> delta(rows * width), out(features * width), memory((features + kCodes.run_count) * width);
  Numbers(6).fill(delta, false);
  Numbers(7).fill(out, false);
  Numbers(8).fill(memory, false);
  table.coded_gradient({.rows = rows,
                        .codes = {kPlain + first_plain, below(last) - first_plain, runs.data(),
                                  static_cast<int64_t>(runs.size())},
                        .plain = a.coded.data() + first_plain,
                        .numbers = a.coded.data() + kCodes.plain_count + first_run,
                        .a_row_stride = a.kStride,
                        .first_feature = first,
                        .features = features,
                        .has_parts = has_parts,
                        .delta = delta.data(),
                        .delta_row_stride = width,
                        .width = width,
                        .out = out.data(),
                        .memory = memory.data()});
  CHECK(out.guards_stand() && memory.guards_stand());
  for (int64_t i = 0; i < features; ++i)
    for (int64_t j = 0; j < width; ++j) {
      double sum = 0.0, size = 0.0;
      for (int64_t row = 0; row < rows; ++row) {
        const double term = static_cast<double>(a.features[row * kFeatures + first + i]) *
                            static_cast<double>(delta[row * width + j]);
        sum += term;
        size += std::fabs(static_cast<double>(delta[row * width + j]));
      }
      CHECK(std::fabs(static_cast<double>(out[i * width + j]) - sum) <= bound_of<T>(size));
    }
}

template <class T>
void compare_split(const KernelTable<T>& table, int64_t features, int64_t width, bool adds) {
  Buffer<T> scale(features), weights(features * width), gradient(features * width), sums(features);
  Numbers(1).fill(scale, false);
  Numbers(2).fill(weights, false);
  Numbers(3).fill(gradient, false);
  Numbers(4).fill(sums, false);
  const std::vector<T> scaled(gradient.data(), gradient.data() + features * width);
  const std::vector<T> before(sums.data(), sums.data() + features);
  table.split_scaled_gradient({.features = features,
                               .width = width,
                               .scale = scale.data(),
                               .weights = weights.data(),
                               .gradient = gradient.data(),
                               .adds = adds,
                               .sums = sums.data()});
  CHECK(gradient.guards_stand() && sums.guards_stand());
  for (int64_t i = 0; i < features; ++i) {
    double sum = adds ? static_cast<double>(before[static_cast<size_t>(i)]) : 0.0, size = std::fabs(sum);
    for (int64_t j = i * width; j < (i + 1) * width; ++j) {
      const T one = scaled[static_cast<size_t>(j)];
      CHECK(same_bits(gradient[j], static_cast<T>(one * scale[i])));
      sum += static_cast<double>(one) * static_cast<double>(weights[j]);
      size += std::fabs(static_cast<double>(one) * static_cast<double>(weights[j]));
    }
    CHECK(std::fabs(static_cast<double>(sums[i]) - sum) <= bound_of<T>(size));
  }
}

}  // namespace

LAMINA_TEST(products_are_those_of_the_features_and_a_row_has_the_same_bits_alone) {
  for_each_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t rows : {1, 5, 70})
      for (const int64_t units : {3, 64, 150})
        for (const bool has_bias : {false, true})
          for (const bool scaled : {false, true}) compare_products(table, rows, units, has_bias, scaled);
  });
}

LAMINA_TEST(gradients_are_sums_over_the_rows_features) {
  for_each_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t rows : {1, 5, 70})
      for (const int64_t first : {0, 5}) {
        compare_gradients(table, rows, kLine<T>, first, kFeatures);
        if (table.panel_columns > kLine<T>)
          compare_gradients(table, rows, table.panel_columns, first, kFeatures);
      }
  });
}

LAMINA_TEST(gradients_of_parts_of_runs_are_those_of_their_features) {
  for_each_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t first : {0, 3, 10, 30, 64, 128})
      for (const int64_t features : {1, 8, 43, 64})
        compare_gradients(table, 70, kLine<T>, first, std::min(first + features, kFeatures));
  });
}

LAMINA_TEST(gradients_of_scaled_weights_are_split_among_weights_and_scale) {
  for_each_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t features : {1, 7, 64})
      for (const bool adds : {false, true}) {
        compare_split(table, features, kLine<T>, adds);
        compare_split(table, features, table.panel_columns, adds);
      }
  });
}

LAMINA_TEST_MAIN
