// The order in which an epoch takes its rows: the caller's, or drawn anew.
#include "training/epoch_order.h"

#include <numeric>
#include <string>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "training/trainer.h"

namespace lamina {

void check_each_row_once(std::span<const int64_t> order, int64_t rows, const char* where) {
  const auto fail = [&](TextParts found) {
    throw_error(Error::Kind::kValue, {where, ": expected an order that has each of the ", rows,
                                      " rows once, by numbers from 0, got ", found});
  };
  if (static_cast<int64_t>(order.size()) != rows) fail({order.size(), " row numbers"});
  std::vector<bool> seen(order.size());
  for (const int64_t row : order) {
    if (row < 0 || row >= rows) fail({"row number ", row});
    if (seen[static_cast<size_t>(row)]) fail({"row ", row, " twice"});
    seen[static_cast<size_t>(row)] = true;
  }
}

std::vector<int64_t> epoch_order(const EpochRequest& request, int64_t rows) {
  if (!request.order.empty()) {
    check_each_row_once(request.order, rows, "fit");
    return {request.order.begin(), request.order.end()};
  }
  if (!request.shuffle) return {};
  std::vector<int64_t> order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), int64_t{0});
  shuffle_indices(request.seed, static_cast<uint64_t>(request.epoch), order);
  return order;
}

}  // namespace lamina
