// Errors of data sets.
#include "inference/data.h"

#include <string>

#include "base/error.h"

namespace lamina {

void check_shape(const ArraySource& inputs, int64_t columns, int64_t least_rows, const char* where) {
  if (inputs.columns == columns && inputs.rows >= least_rows) {
    if (inputs.sparse != nullptr) check_sparse(inputs, where);
    return;
  }
  throw Error(Error::Kind::kValue,
              std::string(where) + ": expected X of shape [rows, " + std::to_string(columns) + "]" +
                  (least_rows > 0 ? " with at least one row" : "") + ", got [" + std::to_string(inputs.rows) +
                  ", " + std::to_string(inputs.columns) + "]");
}

void fail_wrong_class(const char* where, const WrongClass& wrong, int64_t outputs) {
  throw Error(Error::Kind::kValue, std::string(where) + ": expected class indices from 0 to " +
                                       std::to_string(outputs - 1) + " in y for " + std::to_string(outputs) +
                                       " outputs, got " + std::to_string(wrong.found) + " in row " +
                                       std::to_string(wrong.row));
}

}  // namespace lamina
