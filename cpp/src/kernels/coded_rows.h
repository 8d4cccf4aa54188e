// What the products with coded features take; the functions are in the kernel table.
#pragma once

#include <stdint.h>

namespace lamina::kernels {

// `count` neighbouring features, `first` and those after it, for which a coded row holds one number. Steps:
// clip(p - k, 0, 1) for k = 0, 1, ... of a place p in [0, count]. Else one-hot: 1 for k = the number, which
// is whole and in [0, count]. Of a part of a run, what the row holds counts from `start`, and may lie
// outside.
struct FeatureRun {
  int64_t first, count;
  bool steps;
  int64_t start = 0;
};

// A coded row holds plain features [plain_count], which ascend, and then a number for each run.
struct FeatureCodes {
  const int64_t* plain;
  int64_t plain_count;
  const FeatureRun* runs;
  int64_t run_count;
};

// C[rows, columns] = F B for the features F [rows, depth] of the coded rows, plus B's row `depth` where there
// is a bias; B is a panel matrix. A row's sums have one order, whatever stands beside it: the plain features,
// then the runs, each as one row of B, or of its steps as the sum of those below p and a share of the next.
// Runs are whole.
template <class T>
struct CodedProduct {
  int64_t rows, columns, depth;  // columns: padded
  FeatureCodes codes;
  const T* a;
  int64_t a_row_stride;
  const T* b;
  int64_t panel_rows;
  const T* scale;  // [depth]: rows of B count times theirs, rounded; or null
  bool has_bias;
  T* c;
  int64_t c_row_stride;
};

// out[features, width] = F' delta over rows ascending, for features [first_feature, first_feature + features)
// that `codes` has in all, and `width` columns of delta (a multiple of 64 bytes). A row's plain features
// begin at `plain`, the numbers of its runs at `numbers`. `memory`: features + run_count rows of `width`.
template <class T>
struct CodedGradient {
  int64_t rows;
  FeatureCodes codes;
  const T* plain;
  const T* numbers;
  int64_t a_row_stride;
  int64_t first_feature, features;
  bool has_parts;  // of runs, among them
  const T* delta;
  int64_t delta_row_stride;
  int64_t width;
  T* out;
  T* memory;
};

// Of features whose rows of B count times `scale` [features], in one panel: gradient[features, width], that
// of the scaled rows, becomes that of `weights` as they are, and sums[features] get that of the scale.
template <class T>
struct ScaledGradient {
  int64_t features, width;
  const T* scale;
  const T* weights;
  T* gradient;
  bool adds;  // to what the panels before left in `sums`
  T* sums;
};

}  // namespace lamina::kernels
