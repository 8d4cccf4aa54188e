// A random share of the rows, held back for validation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "inference/data.h"

namespace lamina {

struct HoldOut {
  std::vector<int64_t> train, held;  // row numbers in rising order; together all rows
};

// Holds back round(fraction * rows) of the rows, drawn by the seed. With `classes` [rows] (any numbers;
// empty: none) each class gives that share of its own rows, but keeps one at least for training: what
// rounding down leaves over comes from the classes that miss most, and where these are equal by lot. Raises
// kValue for a fraction outside (0, 1), and where a side would have no row. `what` begins the sentence and
// names the fraction: "fit: validation_fraction".
HoldOut hold_out(int64_t rows, double fraction, uint64_t seed, std::span<const int64_t> classes,
                 const std::string& what);

// The class of each row [rows] for hold_out: its index, or its target where a binary or hinge loss has one
// output and targets are -1, 0 and 1. Empty where rows have no class.
template <class T>
std::vector<int64_t> classes_of_rows(const Targets<T>& targets, int64_t rows, const LossSpec& loss);

// Copies of some rows of a data set.
template <class T>
struct TakenRows {
  TakenRows(const DataSet<T>& from, std::span<const int64_t> rows);
  TakenRows(const TakenRows&) = delete;
  TakenRows& operator=(const TakenRows&) = delete;

  DataSet<T> data;  // of the copies below

 private:
  void take_sparse(const ArraySource& source, std::span<const int64_t> rows);

  std::vector<std::byte> inputs_;
  std::vector<int64_t> starts_, columns_;  // of sparse rows
  SparseLayout layout_{};
  std::vector<int32_t> classes_;
  std::vector<T> values_;
  std::vector<double> weights_;
};

}  // namespace lamina
