// A value that is not of its column's kind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace lamina {

class CellError : public Error {
 public:
  // Rows count from 1. `unread`: the value as text, where it may stand for a missing one.
  CellError(const std::string& column, std::int64_t row, std::string problem,
            std::optional<std::string> unread = std::nullopt)
      : Error(Kind::kValue, concat({"column '", column, "', row ", row, ": ", problem})),
        column_(column),
        row_(row),
        problem_(std::move(problem)),
        unread_(std::move(unread)) {}

  const std::string& column() const noexcept { return column_; }
  std::int64_t row() const noexcept { return row_; }
  const std::string& problem() const noexcept { return problem_; }
  const std::optional<std::string>& unread() const noexcept { return unread_; }
  CellError at_row(std::int64_t row) const { return CellError(column_, row, problem_, unread_); }

 private:
  std::string column_;
  std::int64_t row_;
  std::string problem_;
  std::optional<std::string> unread_;
};

}  // namespace lamina
