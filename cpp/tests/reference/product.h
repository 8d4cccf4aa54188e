// The matrix product as plain loops, which the tests hold every kernel against.
#pragma once

#include <vector>

#include "kernels/kernel_table.h"

namespace lamina::reference {

// Sums of one product, [rows, columns] without padding between rows; no epilogue.
template <class T>
struct ProductSums {
  std::vector<double> exact;      // in double
  std::vector<double> magnitude;  // |init| + |A| |B|, for error bounds
  std::vector<T> chain;           // in T: one ascending chain, which the kernels give to the last bit
};

// `fused`: multiply and add with one rounding, else with two.
template <class T>
ProductSums<T> product_sums(const kernels::Product<T>& product, int64_t panel_columns, bool fused);

}  // namespace lamina::reference
