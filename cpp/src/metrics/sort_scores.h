// Rows in the order of their scores.
#pragma once

#include <cstdint>
#include <vector>

namespace lamina::metrics {

struct KeyedRow {
  uint64_t key;  // ascends with the score; equal for equal scores, also for 0 and -0
  int64_t row;
};

// Rows 0, 1, ... by ascending scores, those of equal scores as they lie. Keys are whole numbers: no order of
// them can mislead the sort, whatever the scores are.
std::vector<KeyedRow> sorted_by_score(const std::vector<double>& scores);

}  // namespace lamina::metrics
