// Conversion of parameters between panels and the user's shape.
#include "layers/parameter.h"

namespace lamina {

namespace {

// Calls visit(dense index, flat index) for every element.
template <class T, class Visit>
void for_each_element(const Parameter& p, Visit visit) noexcept {
  if (p.layout == ParameterLayout::kRow) {
    for (int64_t i = 0; i < p.element_count(); ++i) visit(i, p.offset + i);
    return;
  }
  if (p.layout == ParameterLayout::kRows) {
    for (int64_t row = 0; row < p.panel_rows; ++row)
      for (int64_t column = 0; column < p.outputs; ++column)
        visit(row * p.outputs + column, p.offset + row * padded_columns<T>(p.outputs) + column);
    return;
  }
  const bool bias = p.layout == ParameterLayout::kPanelBias;
  const int64_t inputs = bias ? 1 : p.shape.back();
  const int64_t first_row = bias ? p.panel_rows - 1 : 0;
  int64_t dense = 0;
  for (int64_t block = 0; block < p.blocks; ++block)
    for (int64_t out = 0; out < p.outputs; ++out)
      for (int64_t in = 0; in < inputs; ++in)
        visit(dense++, p.offset + block * block_size<T>(p) +
                           panel_index<T>(first_row + in, out, p.outputs, p.panel_rows, p.panel_columns));
}

}  // namespace

template <class T>
void unpack_parameter(const Parameter& parameter, const T* flat, T* dense) noexcept {
  for_each_element<T>(parameter, [&](int64_t to, int64_t from) { dense[to] = flat[from]; });
}

template <class T>
void pack_parameter(const Parameter& parameter, const T* dense, T* flat) noexcept {
  for_each_element<T>(parameter, [&](int64_t from, int64_t to) { flat[to] = dense[from]; });
}

template void unpack_parameter(const Parameter&, const float*, float*) noexcept;
template void unpack_parameter(const Parameter&, const double*, double*) noexcept;
template void pack_parameter(const Parameter&, const float*, float*) noexcept;
template void pack_parameter(const Parameter&, const double*, double*) noexcept;

}  // namespace lamina
