// Tables of the caller's, as rows of a table model.
#pragma once

#include <cstddef>
#include <vector>

#include "c_api/guard.h"
#include "model_io/table_model.h"

namespace lamina::c {

// The cells of each row in the order of the model's columns; texts lie in the caller's memory.
std::vector<std::vector<Cell>> rows_of(const TableModel& model, const lamina_column* columns,
                                       std::size_t count, std::size_t rows);

}  // namespace lamina::c
