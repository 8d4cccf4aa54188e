// Errors of data sets.
#include "inference/data.h"

#include <string>

#include "base/error.h"

namespace lamina {

void fail_wrong_class(const char* where, const WrongClass& wrong, int64_t outputs) {
  throw Error(Error::Kind::kValue, std::string(where) + ": expected class indices from 0 to " +
                                       std::to_string(outputs - 1) + " in y for " + std::to_string(outputs) +
                                       " outputs, got " + std::to_string(wrong.found) + " in row " +
                                       std::to_string(wrong.row));
}

}  // namespace lamina
