// Conversion of parameters between panels and the user's shape.
#include "layers/parameter.h"

namespace lamina {

namespace {

// Calls visit(dense index, flat index) for every element.
template <class T, class Visit>
void for_each_element(const Parameter& p, Visit visit) noexcept {
  const bool row = p.layout == ParameterLayout::kRow, bias = p.layout == ParameterLayout::kPanelBias;
  const int64_t inputs = row || bias ? 1 : p.shape.back();
  const int64_t first_row = bias ? p.panel_rows - 1 : 0;
  const int64_t panel_columns = row ? padded_columns<T>(p.outputs) : p.panel_columns;
  int64_t dense = 0, block = p.offset;
  for (int64_t member = 0; member < (p.members == 0 ? 1 : p.members); ++member, block += block_size<T>(p))
    for (int64_t out = 0; out < p.outputs; ++out)
      for (int64_t in = 0; in < inputs; ++in)
        visit(dense++, block + panel_index<T>(first_row + in, out, p.outputs, p.panel_rows, panel_columns));
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
