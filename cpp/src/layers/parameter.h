// A named parameter inside the network's flat buffer, and its conversion to and from the user's shape.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/layout.h"

namespace lamina {

enum class ParameterLayout {
  kPanelWeight,  // [outputs, inputs] for users; rows 0..inputs-1 of a panel matrix
  kPanelBias,    // [outputs]; the row `inputs` of the same panel matrix
  kRow,          // [width]; one padded row
  kRows          // [..., width]; padded rows, one below another
};

struct Parameter {
  std::string name;            // "weight"; the network puts "layers.<i>." before it
  std::vector<int64_t> shape;  // the user's shape
  ParameterLayout layout;
  int64_t offset;         // of the first element of its block in the flat buffer
  int64_t outputs;        // columns of the block
  int64_t panel_rows;     // rows of its panel matrix (kRow: 1, kRows: all of them)
  int64_t panel_columns;  // panel width of the instruction set in use (kRow, kRows: 0)
  int64_t blocks = 1;     // panel matrices, one after another, whose number the shape begins with
  bool trainable = true;
  bool partly_updated = false;  // an update may leave out lines of it (ParameterUpdater::begin_part)
  bool decays = true;           // weight decay applies (biases and scales: only when the optimizer says so)
  double rate_factor = 1.0;
  double decay_factor = 1.0;
  double l1 = 0.0, l2 = 0.0;  // the training objective includes l1 * sum |w| + l2 * sum w^2

  int64_t element_count() const noexcept {
    int64_t count = 1;
    for (const int64_t extent : shape) count *= extent;
    return count;
  }
};

// One padded row of `width` elements, which weight decay leaves alone unless the optimizer says otherwise.
inline Parameter row_parameter(const char* name, int64_t width, int64_t offset) {
  Parameter row{name, {width}, ParameterLayout::kRow, offset, width, 1, 0};
  row.decays = false;
  return row;
}

// Padded rows [rows, width] that users see in `shape`, whose last extent is the width.
template <class T>
Parameter rows_parameter(const char* name, std::vector<int64_t> shape, int64_t offset) {
  const int64_t width = shape.back();
  Parameter table{name, std::move(shape), ParameterLayout::kRows, offset, width, 1, 0};
  table.panel_rows = table.element_count() / width;
  return table;
}

// As many weights or biases in panels as `blocks`, from the first of them.
inline Parameter blocks_parameter(Parameter first, int64_t blocks) {
  first.blocks = blocks;
  first.shape.insert(first.shape.begin(), blocks);
  return first;
}

// Position of (row, column) in a panel matrix, relative to its offset.
template <class T>
constexpr int64_t panel_index(int64_t row, int64_t column, int64_t columns, int64_t panel_rows,
                              int64_t panel_columns) noexcept {
  const int64_t panel = column / panel_columns;
  const int64_t first = panel * panel_columns;
  const int64_t left = padded_columns<T>(columns) - first;
  const int64_t width = left < panel_columns ? left : panel_columns;
  return first * panel_rows + row * width + (column - first);
}

// Elements of a panel matrix or of the rows that hold a parameter.
template <class T>
int64_t block_size(const Parameter& p) noexcept {
  return padded_columns<T>(p.outputs) * p.panel_rows;
}

// Calls visit(offset, count) for each run of the flat buffer that is this parameter's, padding included.
template <class T, class Visit>
void for_each_run(const Parameter& p, Visit visit) {
  if (p.layout == ParameterLayout::kRow || p.layout == ParameterLayout::kRows)
    return visit(p.offset, block_size<T>(p));
  for (int64_t block = 0; block < p.blocks; ++block)
    for (int64_t first = 0; first < p.outputs; first += p.panel_columns) {
      const int64_t left = padded_columns<T>(p.outputs) - first;
      const int64_t width = left < p.panel_columns ? left : p.panel_columns;
      const int64_t panel = p.offset + block * block_size<T>(p) + first * p.panel_rows;
      if (p.layout == ParameterLayout::kPanelWeight)
        visit(panel, p.shape.back() * width);
      else
        visit(panel + (p.panel_rows - 1) * width, width);
    }
}

// Copies one parameter between the flat buffer and a dense array of the user's shape.
template <class T>
void unpack_parameter(const Parameter& parameter, const T* flat, T* dense) noexcept;
template <class T>
void pack_parameter(const Parameter& parameter, const T* dense, T* flat) noexcept;

}  // namespace lamina
