// Element by element, in double and as one chain in the kernel's own type.
#include "reference/product.h"

#include <algorithm>
#include <cmath>

namespace lamina::reference {
namespace {

// Element (k, j) of B, which is row-major or in panels.
template <class T>
T element_of_b(const kernels::Product<T>& p, int64_t panel_columns, int64_t k, int64_t j) {
  if (p.panel_rows == 0) return p.b[k * p.b_row_stride + j];
  const int64_t first = j / panel_columns * panel_columns;
  const int64_t width = std::min(panel_columns, p.columns - first);
  return p.b[first * p.panel_rows + k * width + (j - first)];
}

// a * b + c, rounded once, where MinGW's C library rounds twice: processors with fused kernels can.
#if defined(__MINGW32__) && defined(__x86_64__)
#define LAMINA_FUSED __attribute__((target("fma")))
#else
#define LAMINA_FUSED
#endif
LAMINA_FUSED float fused_sum(float a, float b, float c) { return std::fma(a, b, c); }
LAMINA_FUSED double fused_sum(double a, double b, double c) { return std::fma(a, b, c); }

}  // namespace

template <class T>
ProductSums<T> product_sums(const kernels::Product<T>& p, int64_t panel_columns, bool fused) {
  ProductSums<T> sums;
  for (int64_t i = 0; i < p.rows; ++i) {
    for (int64_t j = 0; j < p.columns; ++j) {
      T chain = 0;
      if (p.init == kernels::ProductInit::kBias) chain = element_of_b(p, panel_columns, p.depth, j);
      if (p.init == kernels::ProductInit::kAccumulate) chain = p.c[i * p.c_row_stride + j];
      double exact = static_cast<double>(chain);
      double magnitude = std::fabs(exact);
      for (int64_t k = 0; k < p.depth; ++k) {
        const T a = p.a[i * p.a_row_stride + k * p.a_depth_stride];
        const T b = element_of_b(p, panel_columns, k, j);
        chain = fused ? fused_sum(a, b, chain) : static_cast<T>(static_cast<T>(a * b) + chain);
        exact += static_cast<double>(a) * static_cast<double>(b);
        magnitude += std::fabs(static_cast<double>(a) * static_cast<double>(b));
      }
      sums.exact.push_back(exact);
      sums.magnitude.push_back(magnitude);
      sums.chain.push_back(chain);
    }
  }
  return sums;
}

template ProductSums<float> product_sums<float>(const kernels::Product<float>&, int64_t, bool);
template ProductSums<double> product_sums<double>(const kernels::Product<double>&, int64_t, bool);

}  // namespace lamina::reference
