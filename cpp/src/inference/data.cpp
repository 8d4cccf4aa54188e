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
  throw_error(Error::Kind::kValue, {where, ": expected X of shape [rows, ", columns, "]",
                                    (least_rows > 0 ? " with at least one row" : ""), ", got [", inputs.rows,
                                    ", ", inputs.columns, "]"});
}

void fail_wrong_class(const char* where, const WrongClass& wrong, int64_t outputs) {
  throw_error(Error::Kind::kValue, {where, ": expected class indices from 0 to ", outputs - 1, " in y for ",
                                    outputs, " outputs, got ", wrong.found, " in row ", wrong.row});
}

}  // namespace lamina
