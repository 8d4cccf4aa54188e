// Weights of the rows, and means by them.
#pragma once

#include <cstdint>

#include "metrics/sums.h"

namespace lamina::metrics {

class RowWeights {
 public:
  // `weights` [rows], or null: 1 each. Raises Error kValue, for the metric `name`, unless they are finite, at
  // least 0 and not all 0.
  RowWeights(const char* name, const double* weights, int64_t rows);

  double operator()(int64_t row) const noexcept {
    if (weights_ == nullptr) return 1.0;
    return scale_ == 1.0 ? weights_[row] : weights_[row] / scale_;
  }
  // True where no row counts more than another.
  bool are_equal() const noexcept { return weights_ == nullptr; }
  int64_t rows() const noexcept { return rows_; }
  double total() const noexcept { return total_; }

  // The mean of term(row) by the weights.
  template <class Term>
  double mean(const Term& term) const {
    if (weights_ == nullptr) return pairwise_sum(0, rows_, term) / total_;
    return pairwise_sum(0, rows_, [&](int64_t row) { return term(row) * (*this)(row); }) / total_;
  }
  // The mean of the sums of term(row, column) over `columns`, each divided by `divisor`, which is 1 where
  // there is one column.
  template <class Term>
  double mean_of_rows(int64_t columns, double divisor, const Term& term) const {
    if (columns == 1) return mean([&](int64_t row) { return term(row, int64_t{0}); });
    return mean([&](int64_t row) {
      return pairwise_sum(0, columns, [&](int64_t column) { return term(row, column); }) / divisor;
    });
  }

 private:
  const double* weights_;
  int64_t rows_;
  double scale_ = 1.0;
  double total_ = 0.0;
};

}  // namespace lamina::metrics
