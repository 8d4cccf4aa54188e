// Batch normalisation and the sum of two branches on every instruction set, against plain loops.
#include "kernel_support.h"
#include "reference/batch_norm.h"

namespace {

using namespace lamina::test;
using lamina::kernels::BatchNorm;
using lamina::kernels::KernelTable;

template <class T>
constexpr double kEpsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

// A block of rows with everything that a call of each kernel needs; NaN beyond the true columns of x.
template <class T>
struct Block {
  Block(int64_t rows, int64_t columns)
      : width(padded<T>(columns)),
        stride(width + padded<T>(1)),
        x(rows * stride, std::numeric_limits<T>::quiet_NaN()),
        dy(rows * stride),
        y(rows * stride, T(77)),
        dx(rows * stride, T(77)),
        mean(width),
        variance(width),
        unbiased(width),
        weight(width),
        bias(width),
        weight_gradient(width),
        bias_gradient(width) {
    Uniform uniform(static_cast<uint64_t>(rows * 1000 + columns));
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        x[r * stride + c] = static_cast<T>(uniform(-1, 1) + 3 * static_cast<double>(c % 5));
        dy[r * stride + c] = static_cast<T>(uniform(-1, 1));
      }
    for (int64_t c = 0; c < columns; ++c) {
      weight[c] = static_cast<T>(uniform(0.5, 1.5));
      bias[c] = static_cast<T>(uniform(-1, 1));
    }
    job.rows = rows;
    job.columns = columns;
    job.x = x.data();
    job.dy = dy.data();
    job.y = y.data();
    job.dx = dx.data();
    job.x_row_stride = job.dy_row_stride = job.y_row_stride = job.dx_row_stride = stride;
    job.mean = mean.data();
    job.variance = variance.data();
    job.unbiased_variance = unbiased.data();
    job.epsilon = T(0.1);
    job.weight = weight.data();
    job.bias = bias.data();
    job.weight_gradient = weight_gradient.data();
    job.bias_gradient = bias_gradient.data();
    job.coupling = T(1) / static_cast<T>(rows);
  }
  void run(const KernelTable<T>& table) {
    table.batch_moments(job);
    table.batch_norm_forward(job);
    table.batch_norm_gradients(job);
    table.batch_norm_backward(job);
  }
  std::vector<double> column(Aligned<T>& values, int64_t c) {
    std::vector<double> result;
    for (int64_t r = 0; r < job.rows; ++r) result.push_back(static_cast<double>(values[r * stride + c]));
    return result;
  }

  int64_t width, stride;
  Aligned<T> x, dy, y, dx, mean, variance, unbiased, weight, bias, weight_gradient, bias_gradient;
  BatchNorm<T> job{};
};

template <class T>
void check_block(const KernelTable<T>& table, int64_t rows, int64_t columns, bool affine) {
  Block<T> block(rows, columns);
  if (!affine) block.job.weight = block.job.bias = nullptr;
  block.run(table);
  // Means up to 13 err by some roundings, which a slope of 1 / sqrt(0.1) enlarges; so do sums of n terms.
  const double tolerance = 128 * kEpsilon<T>, sums = tolerance * std::sqrt(static_cast<double>(rows));
  for (int64_t c = 0; c < columns; ++c) {
    const auto expected = lamina::reference::batch_norm(block.column(block.x, c), block.column(block.dy, c),
                                                        static_cast<double>(block.job.epsilon),
                                                        affine ? static_cast<double>(block.weight[c]) : 1.0,
                                                        affine ? static_cast<double>(block.bias[c]) : 0.0);
    CHECK_NEAR(block.mean[c], expected.mean, tolerance);
    CHECK_NEAR(block.variance[c], expected.variance, tolerance);
    CHECK_NEAR(block.unbiased[c], expected.unbiased_variance, tolerance);
    CHECK_NEAR(block.weight_gradient[c], expected.weight_gradient, sums);
    CHECK_NEAR(block.bias_gradient[c], expected.bias_gradient, sums);
    for (int64_t r = 0; r < rows; ++r) {
      const auto row = static_cast<size_t>(r);
      CHECK_NEAR(block.y[r * block.stride + c], expected.y[row], tolerance);
      CHECK_NEAR(block.dx[r * block.stride + c], expected.dx[row], 4 * tolerance);
    }
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = columns; c < block.stride; ++c)
      CHECK(block.dx[r * block.stride + c] == (c < block.width ? T(0) : T(77)));
  for (int64_t c = columns; c < block.width; ++c) {
    CHECK(block.weight_gradient[c] == T(0) && block.bias_gradient[c] == T(0));
    CHECK(block.mean[c] == T(0) && block.unbiased[c] == T(0));
  }
}

LAMINA_TEST(every_kernel_gives_what_plain_loops_give) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    for (const int64_t rows : {2, 3, 64, 65, 200})
      for (const int64_t columns : {1, 7, 16, 40, 131}) check_block(table, rows, columns, rows % 2 == 0);
  });
}

LAMINA_TEST(a_column_has_the_same_bits_in_any_slice) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const int64_t rows = 131, columns = padded<T>(1) * 9 + 3, line = padded<T>(1);
    Block<T> whole(rows, columns), sliced(rows, columns);
    whole.run(table);
    for (int64_t first = 0; first < columns; first += line) {
      BatchNorm<T> job = sliced.job;
      job.columns = std::min(line, columns - first);
      for (auto* p :
           {&job.mean, &job.variance, &job.unbiased_variance, &job.weight_gradient, &job.bias_gradient})
        *p += first;
      job.x += first;
      job.dy += first;
      table.batch_moments(job);
      table.batch_norm_gradients(job);
    }
    for (int64_t c = 0; c < columns; ++c) {
      CHECK(sliced.mean[c] == whole.mean[c] && sliced.unbiased[c] == whole.unbiased[c]);
      CHECK(sliced.weight_gradient[c] == whole.weight_gradient[c]);
      CHECK(sliced.bias_gradient[c] == whole.bias_gradient[c]);
    }
  });
}

LAMINA_TEST(constant_moments_couple_no_rows) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    Block<T> block(9, 21);
    block.job.coupling = T(0);
    for (int64_t c = 0; c < 21; ++c) block.variance[c] = T(4) - block.job.epsilon;
    table.batch_norm_gradients(block.job);
    table.batch_norm_backward(block.job);
    for (int64_t r = 0; r < 9; ++r)
      for (int64_t c = 0; c < 21; ++c) {
        const double slope = static_cast<double>(block.weight[c]) / 2;
        CHECK_NEAR(block.dx[r * block.stride + c],
                   slope * static_cast<double>(block.dy[r * block.stride + c]), 4 * kEpsilon<T>);
      }
  });
}

LAMINA_TEST(a_users_rows_are_read_to_their_true_columns_only) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const int64_t rows = 5, columns = 2 * padded<T>(1) + 3;
    Block<T> block(rows, columns);
    table.batch_moments(block.job);
    table.batch_norm_forward(block.job);
    // The last row ends where the memory does, and rows start anywhere.
    std::vector<T> packed;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) packed.push_back(block.x[r * block.stride + c]);
    packed.shrink_to_fit();
    Aligned<T> out(rows * block.stride);
    BatchNorm<T> job = block.job;
    job.x = packed.data();
    job.x_row_stride = columns;
    job.y = out.data();
    table.batch_norm_forward(job);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) CHECK(out[r * block.stride + c] == block.y[r * block.stride + c]);
  });
}

LAMINA_TEST(rows_are_added_to_rows_of_another_stride) {
  on_every_table([]<class T>(const KernelTable<T>& table) {
    const int64_t rows = 7, columns = padded<T>(40), stride = columns + padded<T>(1);
    Aligned<T> x(rows * columns), y(rows * stride, T(0.5));
    Uniform(1).fill(x, -1, 1);
    table.add_rows(rows, columns, x.data(), columns, y.data(), stride);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) CHECK(y[r * stride + c] == x[r * columns + c] + T(0.5));
      CHECK(y[r * stride + columns] == T(0.5));
    }
  });
}

}  // namespace

LAMINA_TEST_MAIN
