// Loss rows of every instruction set against the reference: tails, strides, weights, classes, gradients.
#include <algorithm>

#include "kernel_support.h"
#include "reference/elementwise.h"

namespace {

using namespace lamina::test;
using lamina::kernels::KernelTable;
using lamina::kernels::Loss;
using lamina::kernels::LossRows;
using lamina::kernels::TargetKind;

struct Entry {
  Loss loss;
  const char* name;
  double low, high;                // outputs
  double target_low, target_high;  // targets
  std::vector<double> parameters;
  bool classes = false;       // may have classes as targets
  bool distribution = false;  // each row of targets sums to 1
};

std::vector<double> levels() {
  std::vector<double> result{0};  // how many: as many as there are columns
  for (int i = 1; i <= 300; ++i) result.push_back(i / 301.0);
  return result;
}

std::vector<Entry> entries() {
  return {
      {Loss::kMeanSquaredError, "mean_squared_error", -3, 3, -3, 3, {}},
      {Loss::kMeanAbsoluteError, "mean_absolute_error", -3, 3, -3, 3, {}},
      {Loss::kBinaryCrossEntropy, "binary_cross_entropy", 0.01, 0.99, 0, 1, {}},
      {Loss::kBinaryCrossEntropyWithLogits, "binary_cross_entropy_with_logits", -9, 9, 0, 1, {0, 1}},
      {Loss::kBinaryCrossEntropyWithLogits,
       "smoothed binary_cross_entropy_with_logits",
       -9,
       9,
       0,
       1,
       {0.1, 1}},
      {Loss::kBinaryCrossEntropyWithLogits,
       "weighted binary_cross_entropy_with_logits",
       -9,
       9,
       0,
       1,
       {0.1, 3}},
      {Loss::kCrossEntropy, "cross_entropy", 0.01, 1, 0, 1, {}, true, true},
      {Loss::kCrossEntropyWithLogits, "cross_entropy_with_logits", -9, 9, 0, 1, {0}, true, true},
      {Loss::kCrossEntropyWithLogits, "smoothed cross_entropy_with_logits", -9, 9, 0, 1, {0.2}, true, true},
      {Loss::kHuber, "huber", -3, 3, -3, 3, {0.75}},
      {Loss::kLogCosh, "log_cosh", -3, 3, -3, 3, {}},
      {Loss::kQuantile, "quantile", -3, 3, -3, 3, {0.3}},
      {Loss::kQuantiles, "quantiles", -3, 3, -3, 3, levels()},
      {Loss::kQuantiles, "quantiles of several targets", -3, 3, -3, 3, {2, 0.1, 0.8}},
      {Loss::kPoissonLog, "poisson of log rates", -3, 3, 0, 5, {}},
      {Loss::kPoissonRate, "poisson of rates", 0.1, 3, 0, 5, {}},
      {Loss::kGammaLog, "gamma", -3, 3, 0.1, 5, {}},
      {Loss::kTweedieLog, "tweedie", -3, 3, 0, 5, {1.4}},
      {Loss::kGaussianLogVariance, "gaussian", -2, 2, -3, 3, {}},
      {Loss::kBinaryFocalWithLogits, "binary focal", -9, 9, 0, 1, {2}},
      {Loss::kBinaryFocalWithLogits, "binary focal without focus", -9, 9, 0, 1, {0}},
      {Loss::kFocalWithLogits, "focal", -4, 4, 0, 1, {2}, true, true},
      {Loss::kHinge, "hinge", -3, 3, -1, 1, {}},
      {Loss::kSquaredHinge, "squared hinge", -3, 3, -1, 1, {}},
      {Loss::kKlDivergence, "kl_divergence", 0.01, 1, 0.01, 1, {}, true, true},
      {Loss::kKlDivergenceWithLogits, "kl_divergence_with_logits", -9, 9, 0.01, 1, {}, true, true},
      {Loss::kCosine, "cosine", -3, 3, -3, 3, {}},
  };
}

template <class T>
std::vector<double> row_of(Aligned<T>& matrix, int64_t row, int64_t stride, int64_t columns) {
  std::vector<double> result;
  for (int64_t c = 0; c < columns; ++c) result.push_back(static_cast<double>(matrix[row * stride + c]));
  return result;
}

// One call: random outputs and targets in padded buffers whose padding holds NaN, odd strides for targets.
template <class T>
struct Case {
  Case(const Entry& given, int64_t rows_given, int64_t columns_given, bool use_classes, bool weighted)
      : entry(given),
        rows(rows_given),
        columns(columns_given),
        stride(padded<T>(columns) + padded<T>(1)),
        target_stride(columns + 3),
        outputs(rows * stride, std::numeric_limits<T>::quiet_NaN()),
        targets(rows * target_stride, std::numeric_limits<T>::quiet_NaN()),
        weights(rows),
        delta(rows * stride, T(77)),
        row_losses(static_cast<size_t>(rows)) {
    Uniform uniform(static_cast<uint64_t>(rows * 1000 + columns));
    for (int64_t r = 0; r < rows; ++r) {
      double sum = 0;
      for (int64_t c = 0; c < columns; ++c) {
        outputs[r * stride + c] = static_cast<T>(uniform(entry.low, entry.high));
        const double t = uniform(entry.target_low, entry.target_high);
        targets[r * target_stride + c] = static_cast<T>(t);
        sum += t;
      }
      if (entry.distribution) {
        for (int64_t c = 0; c < columns; ++c) targets[r * target_stride + c] /= static_cast<T>(sum);
      }
      classes.push_back(static_cast<int32_t>(uniform(0, static_cast<double>(columns))));
      weights[r] = static_cast<T>(weighted ? uniform(0.5, 2) : 1.0);
    }
    for (const double p : entry.parameters) parameters.push_back(static_cast<T>(p));
    if (entry.loss == Loss::kQuantiles && parameters[0] == T(0)) parameters[0] = static_cast<T>(columns);
    kind = use_classes ? TargetKind::kClasses : TargetKind::kValues;
    has_weights = weighted;
  }

  LossRows<T> job(bool with_delta) {
    return {rows,
            columns,
            outputs.data(),
            stride,
            targets.data(),
            target_stride,
            classes.data(),
            kind,
            has_weights ? weights.data() : nullptr,
            parameters.data(),
            T(0.25),
            row_losses.data(),
            with_delta ? delta.data() : nullptr,
            stride};
  }

  lamina::reference::LossOfRow truth(int64_t row) {
    std::vector<double> t = row_of(targets, row, target_stride, columns);
    if (kind == TargetKind::kClasses) {
      t.assign(static_cast<size_t>(columns), 0.0);
      t[static_cast<size_t>(classes[static_cast<size_t>(row)])] = 1;
    }
    std::vector<double> p(parameters.begin(), parameters.end());
    return lamina::reference::loss(entry.loss, row_of(outputs, row, stride, columns), t, p);
  }

  Entry entry;
  int64_t rows, columns, stride, target_stride;
  Aligned<T> outputs, targets, weights, delta;
  std::vector<int32_t> classes;
  std::vector<T> parameters;
  std::vector<double> row_losses;
  TargetKind kind;
  bool has_weights;
};

// Relative to the size of the loss or of its largest gradient; sums of some hundred terms in T.
template <class T>
double tolerance(double size) {
  return 40 * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::max(1.0, size);
}

template <class T>
void check_case(const KernelTable<T>& table, Case<T>& c) {
  const auto function = table.loss_rows[static_cast<int>(c.entry.loss)];
  function(c.job(true));
  const std::vector<double> losses = c.row_losses;
  const int before = failure_count();
  for (int64_t r = 0; r < c.rows; ++r) {
    const lamina::reference::LossOfRow truth = c.truth(r);
    const double weight = static_cast<double>(c.weights[r]);
    CHECK_NEAR(losses[static_cast<size_t>(r)], truth.value * weight,
               tolerance<T>(std::fabs(truth.value) * weight));
    double size = 0;
    for (const double g : truth.gradient) size = std::max(size, std::fabs(g));
    for (int64_t k = 0; k < c.columns; ++k) {
      CHECK_NEAR(c.delta[r * c.stride + k], truth.gradient[static_cast<size_t>(k)] * weight * 0.25,
                 tolerance<T>(size));
    }
    for (int64_t k = c.columns; k < padded<T>(c.columns); ++k) CHECK(c.delta[r * c.stride + k] == T(0));
    for (int64_t k = padded<T>(c.columns); k < c.stride; ++k) CHECK(c.delta[r * c.stride + k] == T(77));
  }
  function(c.job(false));
  CHECK(losses == c.row_losses);
  if (failure_count() != before) {
    std::printf("  %s, %lld x %lld, classes %d\n", c.entry.name, static_cast<long long>(c.rows),
                static_cast<long long>(c.columns), static_cast<int>(c.kind == TargetKind::kClasses));
  }
}

// Whether so many outputs are whole targets.
bool takes(const Entry& entry, int64_t columns) {
  if (entry.loss == Loss::kGaussianLogVariance) return columns % 2 == 0;
  if (entry.loss != Loss::kQuantiles || entry.parameters[0] == 0) return true;
  return columns % static_cast<int64_t>(entry.parameters[0]) == 0;
}

template <class T>
void check_all_shapes(const KernelTable<T>& table, const Entry& entry) {
  for (const int64_t columns : {1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 64, 300}) {
    if (!takes(entry, columns)) continue;
    for (const int64_t rows : {1, 3, 37, 70}) {
      if (rows * columns > 3000) continue;
      for (const bool weighted : {false, true}) {
        Case<T> values(entry, rows, columns, false, weighted);
        check_case(table, values);
        if (!entry.classes) continue;
        Case<T> classes(entry, rows, columns, true, weighted);
        check_case(table, classes);
      }
    }
  }
}

LAMINA_TEST(losses_and_gradients_equal_the_reference_for_every_tail_and_stride) {
  on_every_table([](const auto& table) {
    for (const Entry& entry : entries()) check_all_shapes(table, entry);
  });
}

LAMINA_TEST(a_rows_loss_and_gradient_have_the_same_bits_wherever_the_row_stands) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : entries()) {
      for (const int64_t columns : {1, 5, 40}) {
        if (!takes(entry, columns)) continue;
        Case<T> all(entry, 29, columns, false, true);
        const auto function = table.loss_rows[static_cast<int>(entry.loss)];
        function(all.job(true));
        for (int64_t r = 0; r < all.rows; ++r) {
          Case<T> one(entry, 29, columns, false, true);
          LossRows<T> job = one.job(true);
          job.rows = 1;
          job.outputs += r * job.output_row_stride;
          job.targets += r * job.target_row_stride;
          job.weights += r;
          job.row_losses += r;
          job.delta += r * job.delta_row_stride;
          function(job);
          CHECK(one.row_losses[static_cast<size_t>(r)] == all.row_losses[static_cast<size_t>(r)]);
          for (int64_t c = 0; c < columns; ++c)
            CHECK(one.delta[r * one.stride + c] == all.delta[r * all.stride + c]);
        }
      }
    }
  });
}

// Central differences in double with step 1e-6: truncation 1e-12, rounding 1e-10.
LAMINA_TEST(gradients_in_double_are_the_differences_of_the_losses) {
  on_every_instruction_set<double>([](const KernelTable<double>& table) {
    for (const Entry& entry : entries()) {
      Case<double> c(entry, 5, 6, false, false);
      const auto function = table.loss_rows[static_cast<int>(entry.loss)];
      function(c.job(true));
      const double step = 1e-6;
      for (int64_t r = 0; r < c.rows; ++r) {
        for (int64_t k = 0; k < c.columns; ++k) {
          const int64_t i = r * c.stride + k;
          const double y = c.outputs[i];
          c.outputs[i] = y + step;
          function(c.job(false));
          const double above = c.row_losses[static_cast<size_t>(r)];
          c.outputs[i] = y - step;
          function(c.job(false));
          const double below = c.row_losses[static_cast<size_t>(r)];
          c.outputs[i] = y;
          const double slope = (above - below) / (2 * step);
          CHECK_NEAR(c.delta[i], slope * 0.25, 1e-7 * std::max(1.0, std::fabs(slope)));
        }
      }
    }
  });
}

LAMINA_TEST(a_nan_output_gives_a_nan_loss) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Entry& entry : entries()) {
      for (const int64_t columns : {1, 4, 35}) {
        if (!takes(entry, columns)) continue;
        Case<T> c(entry, 3, columns, false, false);
        c.outputs[c.stride + columns / 2] = std::numeric_limits<T>::quiet_NaN();
        table.loss_rows[static_cast<int>(entry.loss)](c.job(true));
        CHECK(std::isfinite(c.row_losses[0]) && std::isnan(c.row_losses[1]) &&
              std::isfinite(c.row_losses[2]));
      }
    }
  });
}

LAMINA_TEST(huge_logits_give_finite_losses_and_gradients) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const Loss loss : {Loss::kCrossEntropyWithLogits, Loss::kBinaryCrossEntropyWithLogits}) {
      Case<T> c({loss, "huge logits", 0, 1, 0, 1, {0.1, 1}}, 2, 3, false, false);
      for (const T z : {T(1e30), T(-1e30), T(500)}) {
        for (int64_t r = 0; r < 2; ++r) c.outputs[r * c.stride + r] = z;
        table.loss_rows[static_cast<int>(loss)](c.job(true));
        for (int64_t r = 0; r < 2; ++r) {
          CHECK(std::isfinite(c.row_losses[static_cast<size_t>(r)]));
          for (int64_t k = 0; k < 3; ++k) CHECK(std::isfinite(c.delta[r * c.stride + k]));
        }
      }
    }
  });
}

}  // namespace

LAMINA_TEST_MAIN
