// Training and prediction on sparse rows, against dense rows.
#include <cstdint>
#include <string>
#include <vector>

#include "check.h"
#include "fit_support.h"
#include "inference/sparse_rows.h"

using namespace lamina;
using namespace lamina::test;

namespace {

// The rows of a Problem without every third number, as the arrays of a sparse matrix.
struct SparseProblem : Problem {
  SparseProblem() {
    for (size_t i = 0; i < x.size(); ++i)
      if (i % 3 == 1) x[i] = 0.0f;
    sparse_part(data.train, 0);
    sparse_part(*data.validation, 1);
  }
  void sparse_part(DataSet<float>& set, size_t part) {
    const auto* dense = static_cast<const float*>(set.inputs.data);
    starts[part].push_back(0);
    for (int64_t row = 0; row < set.inputs.rows; ++row) {
      for (int64_t column = 0; column < kInputs; ++column) {
        const float value = dense[row * kInputs + column];
        if (value == 0.0f) continue;
        columns[part].push_back(static_cast<int32_t>(column));
        values[part].push_back(value);
      }
      starts[part].push_back(static_cast<int32_t>(columns[part].size()));
    }
    layouts[part] = {starts[part].data(), columns[part].data(), false,
                     static_cast<int64_t>(columns[part].size())};
    set.inputs.data = values[part].data();
    set.inputs.sparse = &layouts[part];
  }
  std::vector<int32_t> starts[2], columns[2];
  std::vector<float> values[2];
  SparseLayout layouts[2];
};

struct DenseProblem : Problem {
  DenseProblem() {
    for (size_t i = 0; i < x.size(); ++i)
      if (i % 3 == 1) x[i] = 0.0f;
  }
};

}  // namespace

LAMINA_TEST(a_fit_on_sparse_rows_has_the_bits_of_one_on_dense_rows) {
  for (const bool held_back : {false, true}) {
    SparseProblem sparse;
    DenseProblem dense;
    for (Problem* problem : {static_cast<Problem*>(&sparse), static_cast<Problem*>(&dense)}) {
      problem->options.epochs = 3;
      problem->options.batches.accumulate = held_back ? 2 : 1;
      if (!held_back) continue;
      problem->data.validation.reset();
      problem->options.validation_fraction = 0.25;
    }
    const History first = sparse.fit(), second = dense.fit();
    CHECK(weights_of(sparse.model) == weights_of(dense.model));
    CHECK(first.values("val_loss") == second.values("val_loss"));
  }
}

LAMINA_TEST(matrices_that_are_no_sparse_rows_are_refused) {
  SparseProblem problem;
  const auto fit = [&] { problem.fit(); };
  std::vector<int32_t>& columns = problem.columns[0];
  const int32_t column = columns[1];
  columns[1] = 5;
  CHECK(refusal(fit).find("ascending columns below 5 in each row, got 5 after") != std::string::npos);
  columns[1] = columns[0];
  CHECK(refusal(fit).find("ascending columns below 5") != std::string::npos);
  columns[1] = column;
  problem.starts[0][2] = 0;
  CHECK(refusal(fit).find("whose starts ascend, got others in row 1") != std::string::npos);
  problem.starts[0][2] = 1 << 20;
  CHECK(!refusal(fit).empty());
  problem.starts[0].back() = 1 << 20;
  CHECK(refusal(fit).find("end within the") != std::string::npos);
}

LAMINA_TEST(rows_that_change_while_they_are_read_stay_within_their_memory) {
  SparseProblem problem;
  const ArraySource& source = problem.data.train.inputs;
  SparseInput<float> to(4);
  to.reserve(most_stored(source, nullptr, 4, 4));
  problem.starts[0] = std::vector<int32_t>(problem.starts[0].size(), 1 << 30);
  problem.starts[0][0] = -7;
  problem.columns[0].assign(problem.columns[0].size(), -3);
  problem.layouts[0].starts = problem.starts[0].data();
  place_sparse_rows(source, nullptr, 0, 4, to);
  gather_sparse_rows(source, nullptr, 0, 0, 4, to);
  CHECK(to.ends()[3] <= to.capacity());
  for (int64_t i = 0; i < to.ends()[3]; ++i) CHECK(to.columns()[i] == 0 && to.values()[i] == 0.0f);
}

LAMINA_TEST(of_dense_rows_what_is_not_zero_is_gathered_and_counted) {
  DenseProblem dense;
  const SparseProblem sparse;
  const ArraySource &from = dense.data.train.inputs, &stored = sparse.data.train.inputs;
  const double count = nonzeros_of_rows(from);
  CHECK(count == static_cast<double>(stored.sparse->stored) / static_cast<double>(stored.rows));
  const std::vector<int64_t> rows{7, 2, 11};
  SparseInput<float> to(5);
  to.reserve(5 * padded_columns<float>(from.columns));
  compress_rows(dense.model.network().kernels(), from, rows.data(), 0, 2, 3, to);
  for (size_t i = 0; i < rows.size(); ++i) {
    int64_t place = to.starts()[i + 2];
    const auto row = static_cast<size_t>(rows[i]);
    for (int32_t k = sparse.starts[0][row]; k < sparse.starts[0][row + 1]; ++k, ++place) {
      CHECK(to.columns()[place] == sparse.columns[0][static_cast<size_t>(k)]);
      CHECK(to.values()[place] == sparse.values[0][static_cast<size_t>(k)]);
    }
    CHECK(place == to.ends()[i + 2]);
  }
}

LAMINA_TEST_MAIN
