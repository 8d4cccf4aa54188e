// The order in which an epoch takes its rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lamina {

struct EpochRequest;

// Raises kValue unless `order` holds each of the numbers 0 ... rows - 1 once.
void check_each_row_once(std::span<const int64_t> order, int64_t rows, const char* where);

// Row numbers; empty where rows come as they lie.
std::vector<int64_t> epoch_order(const EpochRequest& request, int64_t rows);

}  // namespace lamina
